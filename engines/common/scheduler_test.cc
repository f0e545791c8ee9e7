#include "scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace infer::engine {
namespace {

// A reply of `length` tokens that cost nothing.
struct CountingSequence : Sequence {
  CountingSequence(std::shared_ptr<EntryChannel> channel, int n)
      : Sequence(std::move(channel)), length(n) {}
  int length, made = 0;
};

class CountingEngine : public StepEngine {
 public:
  void admit(Sequence& sequence) override {
    admitted.fetch_add(1);
    order.push_back(static_cast<CountingSequence&>(sequence).length);
  }
  void step(const std::vector<Sequence*>& ready) override {
    for (Sequence* s : ready) advance(static_cast<CountingSequence&>(*s));
  }
  void retire(Sequence&) override { retired.fetch_add(1); }

  std::atomic<int> admitted{0}, retired{0};
  std::vector<int> order;  // the lengths of those admitted; the scheduler's thread's

 private:
  static void advance(CountingSequence& s) {
    Entry& delta = s.channel().slot();
    delta.reset(INFER_EV_DELTA);
    delta.data = std::to_string(s.made);
    s.channel().publish();
    if (++s.made == s.length) {
      s.channel().slot().reset(INFER_EV_FINISH);
      s.channel().publish();
      s.done = true;
    }
    s.channel().flush();
  }
};

// Takes no step before it is let go, so that a test can fill the queue.
class GatedEngine final : public CountingEngine {
 public:
  void step(const std::vector<Sequence*>& ready) override {
    entered.fetch_add(1);
    std::unique_lock<std::mutex> lock(mutex_);
    gate_.wait(lock, [this] { return open_; });
    lock.unlock();
    CountingEngine::step(ready);
  }
  std::atomic<int> entered{0};  // steps that began
  void open() {
    std::lock_guard<std::mutex> lock(mutex_);
    open_ = true;
    gate_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable gate_;
  bool open_ = false;
};

struct Reader {
  static void wake(void* self) {
    auto* r = static_cast<Reader*>(self);
    std::lock_guard<std::mutex> lock(r->mutex);
    r->woken = true;
    r->bell.notify_one();
  }
  Reader(Scheduler& scheduler, int length, uint32_t choices = 1)
      : channel(std::make_shared<EntryChannel>(scheduler.bell(), &Reader::wake, this)),
        reader(*channel, choices) {
    Scheduler::Sequences sequences;
    for (uint32_t i = 0; i < choices; ++i)
      sequences.push_back(std::make_unique<CountingSequence>(channel, length));
    accepted = scheduler.submit(sequences);
  }
  ~Reader() { channel->close(); }

  int next() {
    infer_event event = {};
    event.size = sizeof(event);
    for (;;) {
      const int result = reader.next(&event, nullptr);
      if (result != INFER_PENDING) return result == INFER_EVENT ? event.kind : result;
      std::unique_lock<std::mutex> lock(mutex);
      bell.wait(lock, [this] { return woken; });
      woken = false;
    }
  }
  int drain() {
    int deltas = 0;
    for (;;) {
      const int kind = next();
      if (kind <= 0) return kind < 0 ? kind : deltas;
      deltas += kind == INFER_EV_DELTA;
    }
  }

  std::shared_ptr<EntryChannel> channel;
  EntryReader reader;
  std::mutex mutex;
  std::condition_variable bell;
  bool woken = false, accepted = false;
};

TEST(Scheduler, RunsAReplyToItsEnd) {
  CountingEngine engine;
  Scheduler scheduler(engine, 2);
  Reader reader(scheduler, 1000);
  EXPECT_EQ(reader.drain(), 1000);
}

TEST(Scheduler, AFullRingStopsItsReply) {
  CountingEngine engine;
  {
    Scheduler scheduler(engine, 2);
    Reader paused(scheduler, 100000);
    Reader other(scheduler, 1000);
    EXPECT_EQ(other.drain(), 1000);
    // The reader may see the end a moment before the scheduler gives the slot back.
    while (engine.retired.load() == 0) std::this_thread::yield();
    EXPECT_EQ(engine.retired.load(),
              engine.admitted.load() - 1);  // the paused one is still running
    EXPECT_EQ(paused.next(), INFER_EV_DELTA);
  }
  EXPECT_EQ(engine.retired.load(), 2);
}

TEST(Scheduler, OneThreadDrainsManyInReverse) {
  CountingEngine engine;
  Scheduler scheduler(engine, 2);
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 20; ++i) readers.push_back(std::make_unique<Reader>(scheduler, 200));
  for (auto it = readers.rbegin(); it != readers.rend(); ++it) EXPECT_EQ((*it)->drain(), 200);
}

TEST(Scheduler, CancelReachesRunningAndQueuedReplies) {
  GatedEngine engine;
  Scheduler scheduler(engine, 1);
  std::vector<std::unique_ptr<Reader>> readers;
  for (int i = 0; i < 5; ++i) readers.push_back(std::make_unique<Reader>(scheduler, 1 << 30));
  std::thread canceller([&] {
    for (auto& r : readers) r->channel->cancel();
    engine.open();
  });
  for (auto& r : readers) EXPECT_EQ(r->drain(), INFER_E_CANCELLED);
  canceller.join();
  Reader after(scheduler, 10);
  EXPECT_EQ(after.drain(), 10);
}

TEST(Scheduler, ACancelledReplyTakesNoFurtherStep) {
  GatedEngine engine;
  Scheduler scheduler(engine, 1);
  Reader cancelled(scheduler, 1 << 30);
  while (engine.entered.load() == 0) std::this_thread::yield();
  cancelled.channel->cancel();  // in the middle of the first step
  Reader next(scheduler, 5);
  engine.open();
  EXPECT_EQ(next.drain(), 5);
  EXPECT_EQ(engine.entered.load(), 1 + 5);
}

TEST(Scheduler, CancelIsSeenWhileTheEngineIsInAStep) {
  GatedEngine engine;
  Scheduler scheduler(engine, 1);
  Reader reader(scheduler, 10);
  while (engine.admitted.load() == 0) std::this_thread::yield();
  std::thread canceller([&] { reader.channel->cancel(); });
  EXPECT_EQ(reader.drain(), INFER_E_CANCELLED);
  canceller.join();
  engine.open();
}

TEST(Scheduler, TheQueueIsBounded) {
  GatedEngine engine;
  Scheduler scheduler(engine, 1);
  std::vector<std::unique_ptr<Reader>> readers;
  readers.push_back(std::make_unique<Reader>(scheduler, 40));
  while (engine.admitted.load() == 0) std::this_thread::yield();
  for (std::size_t i = 0; i < Scheduler::kMaxQueued + 10; ++i) {
    readers.push_back(std::make_unique<Reader>(scheduler, 40));
    EXPECT_EQ(readers.back()->accepted, i < Scheduler::kMaxQueued);
  }
  engine.open();
  for (auto& reader : readers) {
    if (!reader->accepted) continue;
    EXPECT_EQ(reader->drain(), 40);
  }
}

TEST(Scheduler, AReplyOfManyAnswersGivesThemAll) {
  CountingEngine engine;
  Scheduler scheduler(engine, 3);
  Reader reader(scheduler, 50, 20);
  EXPECT_EQ(reader.drain(), 20 * 50);
}

TEST(Scheduler, AReplyOfManyAnswersKeepsNobodyWaiting) {
  GatedEngine engine;
  {
    Scheduler scheduler(engine, 2);
    Reader many(scheduler, 7, 40);
    while (engine.admitted.load() < 2) std::this_thread::yield();
    Reader single(scheduler, 8), another(scheduler, 9);
    engine.open();
    EXPECT_EQ(single.drain(), 8);
    EXPECT_EQ(another.drain(), 9);
    EXPECT_EQ(many.drain(), 40 * 7);
  }
  // The two that ran already, then the others' before any more of the many.
  EXPECT_THAT(std::vector<int>(engine.order.begin(), engine.order.begin() + 4),
              testing::UnorderedElementsAre(7, 7, 8, 9));
}

TEST(Scheduler, ManyReadersOnManyThreads) {
  CountingEngine engine;
  Scheduler scheduler(engine, 4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t) {
    threads.emplace_back([&scheduler, t] {
      for (int i = 0; i < 30; ++i) {
        Reader reader(scheduler, 100 + t);
        if (i % 5 == 4) {
          reader.channel->cancel();
          reader.drain();
        } else {
          EXPECT_EQ(reader.drain(), 100 + t);
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
}

}  // namespace
}  // namespace infer::engine
