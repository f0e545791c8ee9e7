#include "channel.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "entry.h"

namespace infer::engine {
namespace {

// A reader's thread that sleeps until it is woken.
struct Sleeper {
  static void wake(void* self) {
    auto* s = static_cast<Sleeper*>(self);
    // Notified under the lock: the sleeper may go away as soon as it has seen the flag.
    std::lock_guard<std::mutex> lock(s->mutex);
    s->woken = true;
    ++s->wakes;
    s->bell.notify_one();
  }
  void sleep() {
    std::unique_lock<std::mutex> lock(mutex);
    bell.wait(lock, [this] { return woken; });
    woken = false;
  }
  std::mutex mutex;
  std::condition_variable bell;
  bool woken = false;
  int wakes = 0;
};

TEST(Ring, OrderGrowthAndReuse) {
  Ring<std::string> ring(4);
  EXPECT_EQ(ring.front(), nullptr);
  for (int i = 0; i < 20; ++i) {
    ring.back() = std::to_string(i);
    ring.push();
  }
  EXPECT_FALSE(ring.half_read());
  for (int i = 0; i < 20; ++i) {
    ASSERT_NE(ring.front(), nullptr);
    EXPECT_EQ(*ring.front(), std::to_string(i));
    ring.pop();
  }
  EXPECT_EQ(ring.front(), nullptr);
  EXPECT_TRUE(ring.half_read());
}

TEST(Ring, EntriesKeepTheirBuffers) {
  Ring<std::string> ring(2);
  const char* buffers[2] = {};
  for (int i = 0; i < 10; ++i) {
    ring.back().assign(100, 'x');
    const char* buffer = ring.back().data();
    if (i < 2) buffers[i] = buffer;
    EXPECT_EQ(buffer, buffers[i % 2]);
    ring.push();
    ring.pop();
  }
}

TEST(Channel, PendingAndOneWake) {
  Doorbell bell;
  Sleeper sleeper;
  Channel<int> channel(bell, &Sleeper::wake, &sleeper);
  channel.flush();
  EXPECT_EQ(sleeper.wakes, 0);  // nobody waits
  EXPECT_EQ(channel.next(), nullptr);
  channel.slot() = 7;
  channel.publish();
  channel.flush();
  channel.flush();
  EXPECT_EQ(sleeper.wakes, 1);
  ASSERT_NE(channel.next(), nullptr);
  EXPECT_EQ(channel.next(), nullptr);
  channel.slot() = 8;
  channel.publish();
  ASSERT_NE(channel.next(), nullptr);  // the reader came by itself
  channel.flush();
  EXPECT_EQ(sleeper.wakes, 1);
}

TEST(Channel, CancelWakesTheReaderItself) {
  Doorbell bell;
  Sleeper sleeper;
  Channel<int> channel(bell, &Sleeper::wake, &sleeper);
  EXPECT_EQ(channel.next(), nullptr);
  channel.cancel();
  EXPECT_EQ(sleeper.wakes, 1);
  channel.cancel();
  channel.flush();
  EXPECT_EQ(sleeper.wakes, 1);
}

TEST(Channel, ParksUntilHalfIsRead) {
  Doorbell bell;
  Channel<int> channel(bell, nullptr, nullptr);
  for (uint32_t i = 0; i < Channel<int>::kCapacity; ++i) {
    channel.slot() = static_cast<int>(i);
    channel.publish();
  }
  EXPECT_FALSE(channel.has_room(1));
  EXPECT_TRUE(channel.park());
  const uint32_t before = bell.count();
  uint32_t read = 0;
  while (bell.count() == before) {
    ASSERT_NE(channel.next(), nullptr);
    ++read;
  }
  EXPECT_EQ(read, Channel<int>::kCapacity / 2 + 1);
  EXPECT_FALSE(channel.parked());
  EXPECT_FALSE(channel.park());
}

// A writer with a bell of its own and a reader that sleeps whenever it finds nothing: no wake and
// no ring may be lost.
void run_pair(int entries, bool pause) {
  Doorbell bell;
  Sleeper sleeper;
  Channel<int> channel(bell, &Sleeper::wake, &sleeper);
  std::thread writer([&] {
    for (int i = 0; i < entries; ++i) {
      for (;;) {
        const uint32_t seen = bell.count();
        if (channel.has_room(1) || !channel.park()) break;
        bell.wait(seen);
      }
      channel.unpark();
      channel.slot() = i;
      channel.publish();
      channel.flush();
      if (pause && i % 64 == 0) std::this_thread::yield();
    }
  });
  for (int i = 0; i < entries; ++i) {
    int* entry = channel.next();
    while (entry == nullptr) {
      sleeper.sleep();
      entry = channel.next();
    }
    ASSERT_EQ(*entry, i);
  }
  writer.join();
  channel.close();
}

TEST(Channel, NoWakeIsLost) { run_pair(200000, false); }
TEST(Channel, NoWakeIsLostWithPauses) { run_pair(50000, true); }

TEST(Channel, NoWakeAfterClose) {
  for (int round = 0; round < 500; ++round) {
    Doorbell bell;
    struct Reader {
      std::atomic<bool> closed{false};
      std::atomic<bool> late{false};
    } reader;
    auto channel = std::make_shared<Channel<int>>(
        bell,
        [](void* p) {
          if (static_cast<Reader*>(p)->closed.load()) static_cast<Reader*>(p)->late.store(true);
        },
        &reader);
    std::thread writer([channel] {
      for (int i = 0; i < 20; ++i) {
        channel->slot() = i;
        channel->publish();
        channel->flush();
      }
    });
    while (channel->next() != nullptr) {
    }
    channel->close();
    reader.closed.store(true);
    writer.join();
    EXPECT_FALSE(reader.late.load());
  }
}

TEST(Entry, ShowsWhatTheAbiHas) {
  Doorbell bell;
  EntryChannel channel(bell, nullptr, nullptr);
  EntryReader reader(channel);
  Entry& delta = channel.slot();
  delta.reset(INFER_EV_DELTA);
  delta.part_kind = INFER_PART_TEXT;
  delta.data = "hi";
  channel.publish();
  Entry& finish = channel.slot();
  finish.reset(INFER_EV_FINISH);
  finish.with_usage = true;
  finish.usage.input = 3;
  finish.raw = "{}";
  channel.publish();
  infer_event event = {};
  event.size = sizeof(event);
  ASSERT_EQ(reader.next(&event, nullptr), INFER_EVENT);
  EXPECT_EQ(to_view(event.data), "hi");
  ASSERT_EQ(reader.next(&event, nullptr), INFER_EVENT);
  ASSERT_NE(event.usage, nullptr);
  EXPECT_EQ(event.usage->size, sizeof(infer_usage));
  EXPECT_EQ(event.usage->input, 3);
  EXPECT_EQ(to_view(event.usage->raw), "{}");
  channel.cancel();  // too late: the reply has ended
  EXPECT_EQ(reader.next(&event, nullptr), INFER_END);
  EXPECT_EQ(reader.next(&event, nullptr), INFER_END);
}

TEST(Entry, ErrorsStay) {
  Doorbell bell;
  EntryChannel channel(bell, nullptr, nullptr);
  EntryReader reader(channel);
  Entry& failed = channel.slot();
  failed.reset(0);
  failed.code = INFER_E_ENGINE;
  failed.data = "broken";
  channel.publish();
  infer_event event = {};
  event.size = sizeof(event);
  for (int i = 0; i < 3; ++i) {
    infer_error error = {};
    error.size = sizeof(error);
    EXPECT_EQ(reader.next(&event, &error), INFER_E_ENGINE);
    EXPECT_STREQ(error.message, "broken");
  }
}

}  // namespace
}  // namespace infer::engine
