#include "infer/poller.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "src/core/poller_state.h"
#include "src/core/scripted.h"

namespace infer {
namespace {

using namespace std::chrono_literals;
using detail::PollerSlot;
using detail::PollerState;
using test::Pull;

// A reply that says kPending until its gate opens, then plays a short text.
struct Gate {
  bool open = false;
  int pulls = 0;
  Waker waker;
  bool destroyed = false;
  bool wakes = true;  // it takes a waker; without, it never wakes

  void release() {
    open = true;
    waker.wake();
  }
};
TextModel gated(const std::vector<std::shared_ptr<Gate>>& gates) {
  auto next = std::make_shared<std::size_t>(0);
  return test::model([gates, next]() -> test::PullFn {
    auto gate = gates[(*next)++ % gates.size()];
    auto play = test::play(test::text_reply({"a", "b"}));
    return [gate, play](Pull p) mutable {
      ++gate->pulls;
      if (!gate->waker && gate->wakes) gate->waker = p.poller.waker();
      return gate->open ? play(p) : Step::kPending;
    };
  });
}
std::vector<std::shared_ptr<Gate>> make_gates(std::size_t n) {
  std::vector<std::shared_ptr<Gate>> gates;
  for (std::size_t i = 0; i < n; ++i) gates.push_back(std::make_shared<Gate>());
  return gates;
}
Step drain(Reply& reply) {
  Step step = reply.try_next();
  while (step == Step::kEvent) step = reply.try_next();
  return step;
}

TEST(Poller, ReadyInTheOrderOfWaking) {
  const auto gates = make_gates(5);
  const TextModel model = gated(gates);
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < 5; ++i) replies.push_back(model.stream("hi", {.poller = poller}));
  // Not pulled yet: all ready, in the order they were started, although they were moved.
  ASSERT_TRUE(poller.wait());
  for (int i = 0; i < 5; ++i) {
    Reply* reply = poller.ready();
    ASSERT_EQ(reply, &replies[static_cast<std::size_t>(i)]);
    EXPECT_EQ(reply->try_next(), Step::kPending);
  }
  EXPECT_EQ(poller.ready(), nullptr);
  for (std::size_t i : {3u, 0u, 4u, 0u, 3u}) gates[i]->release();
  ASSERT_TRUE(poller.wait());
  EXPECT_EQ(poller.ready(), &replies[3]);
  EXPECT_EQ(poller.ready(), &replies[0]);
  EXPECT_EQ(poller.ready(), &replies[4]);
  EXPECT_EQ(poller.ready(), nullptr);
}

TEST(Poller, AnEventPutsTheReplyBehindTheOthers) {
  const TextModel model = test::playing(test::text_reply({"x"}));
  Poller poller;
  Reply a = model.stream("a", {.poller = poller});
  Reply b = model.stream("b", {.poller = poller});
  std::vector<Reply*> order;
  while (poller.wait())
    while (Reply* reply = poller.ready()) {
      order.push_back(reply);
      (void)reply->try_next();
    }
  ASSERT_EQ(order.size(), 12u);  // five events and an end each
  for (std::size_t i = 0; i < order.size(); ++i) EXPECT_EQ(order[i], i % 2 == 0 ? &a : &b);
  EXPECT_FALSE(poller.wait());
}

TEST(Poller, WaitIsFalseWhenNothingIsLeft) {
  Poller poller;
  EXPECT_FALSE(poller.wait());  // no reply at all
  const auto gates = make_gates(1);
  {
    Reply reply = gated(gates).stream("hi", {.poller = poller});
    ASSERT_TRUE(poller.wait());
    EXPECT_EQ(poller.ready()->try_next(), Step::kPending);
    EXPECT_FALSE(poller.wait(Clock::now() + 1ms));  // the time
  }
  EXPECT_FALSE(poller.wait());  // it went
  EXPECT_EQ(poller.ready(), nullptr);
  gates[0]->waker.wake();  // of a reply that is gone
  EXPECT_FALSE(poller.wait());
  EXPECT_EQ(poller.ready(), nullptr);
}

TEST(Poller, AFinishedReplyIsNotReady) {
  Poller poller;
  Waker waker;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&](Pull p) {
                    waker = p.poller.waker();
                    waker.wake();  // and ends
                    return Step::kEnd;
                  };
                }).stream("hi", {.poller = poller});
  EXPECT_EQ(drain(reply), Step::kEnd);
  EXPECT_FALSE(poller.wait());
  waker.wake();
  EXPECT_FALSE(poller.wait());
  EXPECT_EQ(poller.ready(), nullptr);
}

TEST(Poller, WakeEndsTheRunningOrTheNextWait) {
  const auto gates = make_gates(1);
  Poller poller;
  Reply reply = gated(gates).stream("hi", {.poller = poller});
  (void)reply.try_next();
  poller.wake();
  poller.wake();
  EXPECT_FALSE(poller.wait());
  std::thread other([&] {
    std::this_thread::sleep_for(5ms);
    poller.wake();
  });
  EXPECT_FALSE(poller.wait());
  other.join();
  EXPECT_FALSE(poller.wait(Clock::now() + 1ms));  // two wakes had counted as one
}

TEST(Poller, AThousandRepliesOnOneThread) {
  const auto gates = make_gates(1000);
  const TextModel model = gated(gates);
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < 1000; ++i) replies.push_back(model.stream("hi", {.poller = poller}));
  std::thread engine([&gates, &poller] {
    // Only wakers are for other threads; the gates are opened before, below.
    for (const auto& gate : gates) gate->waker.wake();
    poller.wake();
  });
  engine.join();
  for (Reply& reply : replies) ASSERT_EQ(drain(reply), Step::kPending);
  std::mt19937 random(1);
  auto shuffled = gates;
  std::shuffle(shuffled.begin(), shuffled.end(), random);
  for (const auto& gate : shuffled) gate->open = true;
  std::thread wakers([&] {
    for (const auto& gate : shuffled) gate->waker.wake();
  });
  int ended = 0;
  while (ended < 1000) {
    poller.wait();
    while (Reply* reply = poller.ready())
      if (drain(*reply) == Step::kEnd) ++ended;
  }
  wakers.join();
  EXPECT_FALSE(poller.wait());
  for (Reply& reply : replies) EXPECT_EQ(reply.response().text(), "ab");
}

TEST(Poller, PendingIsNotPulledInACircle) {
  // Blocking.
  auto gates = make_gates(1);
  {
    Reply reply = gated(gates).stream("hi");
    std::thread engine([gate = gates[0]] { std::this_thread::sleep_for(30ms); });
    // The waker is set by the first pull, on this thread: pulled once by hand.
    EXPECT_EQ(reply.try_next(), Step::kPending);
    engine.join();
    EXPECT_EQ(gates[0]->pulls, 1);
    std::thread waking([gate = gates[0], waker = gates[0]->waker] {
      std::this_thread::sleep_for(10ms);
      waker.wake();  // spurious: one pull each
      std::this_thread::sleep_for(10ms);
      waker.wake();
    });
    test::FnBackend unused([](auto, const Call&) { return nullptr; });
    waking.join();
    EXPECT_EQ(gates[0]->pulls, 1);  // nobody waits: nobody pulls
    gates[0]->release();
    EXPECT_NE(reply.next(), nullptr);
    EXPECT_EQ(gates[0]->pulls, 2);
  }
  // In a poller: 200 waits that find nothing pull nothing.
  gates = make_gates(1);
  Poller poller;
  Reply reply = gated(gates).stream("hi", {.poller = poller});
  while (poller.wait(Clock::now() + 1us))
    while (Reply* ready = poller.ready()) (void)drain(*ready);
  EXPECT_EQ(gates[0]->pulls, 1);
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(poller.wait(Clock::now() + 1us));
  EXPECT_EQ(gates[0]->pulls, 1);
}

TEST(Poller, BlockingReplyPullsOncePerWake) {
  auto state = std::make_shared<std::pair<std::atomic<int>, std::atomic<bool>>>();
  std::thread engine;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&, state, play = test::play(test::text_reply({"x"}))](Pull p) mutable {
                    const int n = ++state->first;
                    if (state->second) return play(p);
                    if (n == 1)
                      engine = std::thread([state, waker = p.poller.waker()] {
                        for (int i = 0; i < 5; ++i) {
                          std::this_thread::sleep_for(3ms);
                          waker.wake();
                        }
                        state->second = true;
                        waker.wake();
                      });
                    return Step::kPending;
                  };
                }).stream("hi");
  ASSERT_TRUE(reply.finish());
  engine.join();
  EXPECT_LE(state->first, 1 + 5 + 1 + 6);  // the first, one a wake, one an event and the end
}

TEST(Poller, NextInACallersPollerLeavesTheOthersReady) {
  const auto gates = make_gates(3);
  const TextModel model = gated(gates);
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < 3; ++i) replies.push_back(model.stream("hi", {.poller = poller}));
  for (Reply& reply : replies) (void)reply.try_next();
  gates[0]->release();
  gates[1]->release();
  gates[2]->open = true;
  std::thread engine([waker = gates[2]->waker] {
    std::this_thread::sleep_for(5ms);
    waker.wake();
  });
  // The others are ready all the time: that must neither end the wait nor make it spin.
  while (replies[2].next()) {
  }
  engine.join();
  EXPECT_EQ(replies[2].response().text(), "ab");
  EXPECT_EQ(poller.ready(), &replies[0]);
  EXPECT_EQ(poller.ready(), &replies[1]);
  EXPECT_EQ(poller.ready(), nullptr);
}

TEST(Poller, OnReadyRunsInsideWaitAndOnce) {
  const auto gates = make_gates(1);
  Poller poller;
  Reply reply = gated(gates).stream("hi", {.poller = poller});
  (void)reply.try_next();
  int ran = 0;
  ASSERT_TRUE(reply.on_ready([&] { ++ran; }));
  EXPECT_EQ(ran, 0);
  gates[0]->release();
  EXPECT_EQ(ran, 0);  // not on the waking thread
  ASSERT_TRUE(poller.wait());
  EXPECT_EQ(ran, 1);
  EXPECT_EQ(poller.ready(), &reply);
  gates[0]->waker.wake();
  ASSERT_TRUE(poller.wait());
  EXPECT_EQ(ran, 1);
  Reply alone = gated(make_gates(1)).stream("hi");
  EXPECT_EQ(alone.on_ready([] {}).error().code(), Errc::kUnsupported);
  Reply empty;
  EXPECT_EQ(empty.on_ready([] {}).error().code(), Errc::kInvalidRequest);
}

TEST(Poller, OnReadyAloneDrivesReplies) {
  // As a coroutine would: pull, and where nothing is there ask to be called again.
  const auto gates = make_gates(100);
  const TextModel model = gated(gates);
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < 100; ++i) replies.push_back(model.stream("hi", {.poller = poller}));
  int ended = 0;
  std::function<void(std::size_t)> step = [&](std::size_t i) {
    if (drain(replies[i]) == Step::kEnd)
      ++ended;
    else
      ASSERT_TRUE(replies[i].on_ready([&step, i] { step(i); }));
  };
  for (std::size_t i = 0; i < 100; ++i) step(i);
  EXPECT_FALSE(poller.wait(Clock::now() + 1ms));  // no spinning in callbacks that only ask again
  for (const auto& gate : gates) EXPECT_LE(gate->pulls, 2);
  for (const auto& gate : gates) gate->release();
  while (ended < 100) poller.wait();
  EXPECT_FALSE(poller.wait());
}

TEST(Poller, OnReadyThatOnlyAsksAgainDoesNotHang) {
  Poller poller;
  Reply reply = test::playing(test::text_reply({"x"})).stream("hi", {.poller = poller});
  int ran = 0;
  std::function<void()> again = [&] {
    ++ran;
    ASSERT_TRUE(reply.on_ready(again));
  };
  ASSERT_TRUE(reply.on_ready(again));
  EXPECT_TRUE(poller.wait());
  EXPECT_EQ(ran, 1);
  EXPECT_TRUE(poller.wait());
  EXPECT_EQ(ran, 2);
}

TEST(Poller, OnReadyOfASourceThatIsNeverPendingGivesWaitBack) {
  Poller poller;
  int pulls = 0;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&](Pull p) {
                    p.event = test::event(test::Kind::kProgress);
                    ++pulls;
                    return Step::kEvent;
                  };
                }).stream("hi", {.poller = poller});
  std::function<void()> pull_one = [&] {
    (void)reply.try_next();
    ASSERT_TRUE(reply.on_ready(pull_one));
  };
  pull_one();
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(poller.wait());
  EXPECT_EQ(pulls, 11);
}

TEST(Poller, RepliesMayBeDestroyedInCallbacks) {
  for (const bool keep_in_callback : {false, true}) {
    const auto gates = make_gates(4);
    const TextModel model = gated(gates);
    Poller poller;
    std::vector<std::shared_ptr<Reply>> replies;
    for (int i = 0; i < 4; ++i) {
      replies.push_back(std::make_shared<Reply>(model.stream("hi", {.poller = poller})));
      (void)replies.back()->try_next();
    }
    int ran = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      // The callback may be the last that holds its reply, so that both go together.
      std::shared_ptr<Reply> held = keep_in_callback && i % 2 == 0 ? replies[i] : nullptr;
      ASSERT_TRUE(replies[i]->on_ready([&, i, held] {
        ++ran;
        replies[i].reset();
        if (i == 1) replies[2].reset();  // another that is ready too
      }));
    }
    for (const auto& gate : gates) gate->release();
    while (poller.wait(Clock::now() + 1ms)) {
      while (Reply* reply = poller.ready()) (void)drain(*reply);
    }
    // In the second round reply 2 is held by its own callback, which runs.
    EXPECT_EQ(ran, keep_in_callback ? 4 : 3);
    for (const auto& reply : replies) EXPECT_EQ(reply, nullptr);
    EXPECT_FALSE(poller.wait());
  }
}

TEST(Poller, AReadyReplyMayGo) {
  const auto gates = make_gates(3);
  const TextModel model = gated(gates);
  Poller poller;
  std::optional<Reply> a = model.stream("hi", {.poller = poller});
  std::optional<Reply> b = model.stream("hi", {.poller = poller});
  std::optional<Reply> c = model.stream("hi", {.poller = poller});
  b.reset();
  ASSERT_TRUE(poller.wait());
  EXPECT_EQ(poller.ready(), &*a);
  EXPECT_EQ(poller.ready(), &*c);
  EXPECT_EQ(poller.ready(), nullptr);
  a.reset();
  c.reset();
  EXPECT_FALSE(poller.wait());
}

TEST(Poller, AReplyMayStartAndReadAnotherInsideACallback) {
  const TextModel model = test::playing(test::text_reply({"x"}));
  const auto gates = make_gates(1);
  Poller poller;
  Reply outer = gated(gates).stream("hi", {.poller = poller});
  (void)outer.try_next();
  std::string inner;
  ASSERT_TRUE(outer.on_ready([&] {
    auto done = model.stream("in", {.poller = poller}).finish();
    if (done) inner = done->text();
    auto other = model.generate("on a poller of its own");
    if (other) inner += other->text();
  }));
  gates[0]->release();
  EXPECT_TRUE(poller.wait());
  EXPECT_EQ(inner, "xx");
  EXPECT_TRUE(outer.finish());
  EXPECT_FALSE(poller.wait());
}

TEST(Poller, WakersOutliveRepliesAndPollers) {
  Waker waker;
  waker.wake();  // of nothing
  {
    Poller poller;
    const auto gates = make_gates(1);
    Reply reply = gated(gates).stream("hi", {.poller = poller});
    (void)reply.try_next();
    waker = gates[0]->waker;
    EXPECT_TRUE(static_cast<bool>(waker));
  }
  waker.wake();
  Poller poller;
  EXPECT_FALSE(static_cast<bool>(poller.waker()));  // outside of a pull
  poller.wake_at(Clock::now());
  EXPECT_FALSE(poller.wait());
}

TEST(Poller, RepliesMoveWhileOthersWakeThem) {
  const auto gates = make_gates(8);
  const TextModel model = gated(gates);
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < 8; ++i) {
    replies.push_back(model.stream("hi", {.poller = poller}));
    (void)replies.back().try_next();
  }
  std::atomic<bool> stop{false};
  std::thread engine([&, gates] {
    while (!stop)
      for (const auto& gate : gates) gate->waker.wake();
  });
  for (int round = 0; round < 500; ++round) {
    std::vector<Reply> moved;
    for (Reply& reply : replies) moved.push_back(std::move(reply));
    replies = std::move(moved);
    while (Reply* ready = poller.ready()) {
      const auto i = ready - replies.data();
      ASSERT_TRUE(i >= 0 && i < 8);
    }
  }
  stop = true;
  engine.join();
}

TEST(Poller, BlockingRepliesReuseIdlePollers) {
  const auto gates = make_gates(1);
  std::vector<const void*> seen;
  for (int i = 0; i < 3; ++i) {
    auto state = PollerState::borrow({});
    seen.push_back(state.get());
    PollerState::give_back(std::move(state));
  }
  EXPECT_EQ(seen[0], seen[1]);
  EXPECT_EQ(seen[1], seen[2]);
  auto a = PollerState::borrow({});
  auto b = PollerState::borrow({});
  EXPECT_NE(a, b);
  const void* last = b.get();
  PollerState::give_back(std::move(a));
  PollerState::give_back(std::move(b));
  EXPECT_EQ(PollerState::borrow({}).get(), last);  // last in, first out
  // A waker of a reply that ended does not disturb the next one on the same poller.
  Waker old;
  {
    Reply reply = gated(gates).stream("hi");
    (void)reply.try_next();
    old = gates[0]->waker;
  }
  const auto fresh = make_gates(1);
  Reply reply = gated(fresh).stream("hi");
  (void)reply.try_next();
  std::thread engine([old, gate = fresh[0]] {
    for (int i = 0; i < 10; ++i) {
      old.wake();
      std::this_thread::sleep_for(1ms);
    }
    gate->waker.wake();
  });
  fresh[0]->open = true;
  while (reply.next()) {
  }
  engine.join();
  EXPECT_LE(fresh[0]->pulls, 1 + 1 + 6);
}

TEST(Poller, BlockingRepliesPreferThePollerThatSpokeToTheirServer) {
  auto a = PollerState::borrow("https://a");
  auto b = PollerState::borrow("https://b");
  auto none = PollerState::borrow({});
  const void *at_a = a.get(), *at_b = b.get(), *at_none = none.get();
  PollerState::give_back(std::move(a));
  PollerState::give_back(std::move(b));
  PollerState::give_back(std::move(none));
  const auto borrowed = [](const char* endpoint) {
    auto state = PollerState::borrow(endpoint);
    const void* at = state.get();
    PollerState::give_back(std::move(state));
    return at;
  };
  EXPECT_EQ(borrowed("https://a"), at_a);
  EXPECT_EQ(borrowed("https://b"), at_b);
  EXPECT_EQ(borrowed(""), at_none);
  EXPECT_EQ(borrowed("https://a"), at_a);
  EXPECT_EQ(borrowed("https://c"), at_a);  // nobody's: the one that was used last
  EXPECT_EQ(borrowed("https://c"), at_a);
}

// Wakes a reply when its descriptor is readable, or when it is time.
struct PipeIo final : detail::PollerIo {
  PollerState& state;
  int fd;
  std::optional<Waker>& waker;
  int drives = 0;

  PipeIo(PollerState& in, int descriptor, std::optional<Waker>& whom)
      : state(in), fd(descriptor), waker(whom) {
    EXPECT_TRUE(state.prepare_io());
    EXPECT_TRUE(state.watch(fd, true, false, false));
  }
  ~PipeIo() override { state.forget(fd); }
  void drive(std::span<const port::Ready> ready) override {
    ++drives;
    for (const port::Ready& one : ready) {
      char byte;
      EXPECT_EQ(one.fd, fd);
      EXPECT_EQ(read(fd, &byte, 1), 1);
    }
    if (waker) waker->wake();
  }
};

TEST(Poller, DrivesSocketsWhileItWaits) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  std::optional<Waker> waker;
  {
    Poller poller;
    const auto& state = PollerState::of(poller);
    auto made = std::make_unique<PipeIo>(*state, ends[0], waker);
    PipeIo& io = *made;
    state->set_io(std::move(made));
    EXPECT_EQ(state->io(), &io);
    EXPECT_FALSE(poller.wait());  // no reply: nothing is waited for
    state->set_io_time(Clock::now());
    EXPECT_FALSE(poller.wait());
    EXPECT_EQ(io.drives, 0);
    state->set_io_time(Clock::time_point::max());

    Reply reply = test::model([&waker]() -> test::PullFn {
                    return [&waker](Pull p) {
                      waker = p.poller.waker();
                      return Step::kPending;
                    };
                  }).stream("hi", {.poller = poller});
    ASSERT_TRUE(poller.wait());
    EXPECT_EQ(poller.ready()->try_next(), Step::kPending);
    EXPECT_FALSE(poller.wait(Clock::now()));  // looks, although there is no time
    EXPECT_EQ(io.drives, 0);
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    ASSERT_TRUE(poller.wait(Clock::now()));
    EXPECT_EQ(io.drives, 1);
    EXPECT_EQ(poller.ready()->try_next(), Step::kPending);
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    ASSERT_TRUE(poller.wait());
    EXPECT_EQ(io.drives, 2);
    EXPECT_EQ(poller.ready()->try_next(), Step::kPending);
    state->set_io_time(Clock::now() + 1ms);
    ASSERT_TRUE(poller.wait());
    EXPECT_EQ(io.drives, 3);
    EXPECT_EQ(poller.ready()->try_next(), Step::kPending);
    EXPECT_FALSE(poller.wait(Clock::now() + 5ms));  // once
    EXPECT_EQ(io.drives, 3);
    std::thread other([&] { EXPECT_EQ(write(ends[1], "x", 1), 1); });
    ASSERT_TRUE(poller.wait());
    other.join();
    EXPECT_EQ(io.drives, 4);
    waker.reset();
  }
  close(ends[0]);
  close(ends[1]);
}

// Four threads wake, one pulls; every wake-up that follows new work must lead to a pull.
TEST(Poller, NoWakeUpIsLost) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 25000;
  struct Work {
    std::atomic<int> made{0};
    int taken = 0;
    Waker waker;
  };
  std::vector<std::shared_ptr<Work>> work;
  for (int i = 0; i < kThreads; ++i) work.push_back(std::make_shared<Work>());
  auto next = std::make_shared<std::size_t>(0);
  const TextModel model = test::model([work, next]() -> test::PullFn {
    return [w = work[(*next)++]](Pull p) {
      if (!w->waker) w->waker = p.poller.waker();
      if (w->taken == kRounds) return Step::kEnd;
      if (w->made.load() == w->taken) return Step::kPending;
      ++w->taken;
      p.event = test::event(test::Kind::kProgress);
      return Step::kEvent;
    };
  });
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < kThreads; ++i) {
    replies.push_back(model.stream("hi", {.poller = poller}));
    (void)replies.back().try_next();
  }
  std::vector<std::thread> threads;
  for (const auto& w : work)
    threads.emplace_back([w] {
      for (int i = 0; i < kRounds; ++i) {
        w->made.fetch_add(1);
        w->waker.wake();
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  int ended = 0;
  while (ended < kThreads) {
    ASSERT_TRUE(poller.wait(Clock::now() + 60s)) << "a wake-up was lost";
    while (Reply* reply = poller.ready())
      if (drain(*reply) == Step::kEnd) ++ended;
  }
  for (auto& thread : threads) thread.join();
}

// The same ping-pong with a blocking reply: it sleeps before each wake-up.
TEST(Poller, NoWakeUpIsLostByABlockingReply) {
  constexpr int kRounds = 20000;
  std::atomic<int> made{0}, taken{0};
  std::atomic<bool> started{false};
  Waker waker;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&](Pull p) {
                    if (!started) {
                      waker = p.poller.waker();
                      started = true;
                    }
                    if (taken == kRounds) return Step::kEnd;
                    if (made == taken) return Step::kPending;
                    ++taken;
                    p.event = test::event(test::Kind::kProgress);
                    return Step::kEvent;
                  };
                }).stream("hi");
  std::thread engine([&] {
    while (!started) std::this_thread::yield();
    for (int i = 0; i < kRounds; ++i) {
      while (taken != i) std::this_thread::yield();  // the reader is about to sleep
      made = i + 1;
      waker.wake();
    }
  });
  EXPECT_TRUE(reply.finish());
  engine.join();
}

TEST(Poller, WakeAtFiresAtTheEarliestTimeAsked) {
  Poller poller;
  int pulls = 0;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&](Pull p) {
                    if (++pulls == 2) return Step::kEnd;
                    p.poller.wake_at(Clock::now() + 1h);
                    p.poller.wake_at(Clock::now() + 5ms);
                    p.poller.wake_at(Clock::time_point::max());
                    p.poller.wake_at(Clock::now() + 2h);
                    return Step::kPending;
                  };
                }).stream("hi", {.poller = poller});
  EXPECT_TRUE(reply.finish());
  EXPECT_EQ(pulls, 2);
}

// Against a plain list: 1,000 slots, random operations. Times are in the past (they fire at the
// next wait, earliest first) or an hour ahead (they never do).
class Oracle {
 public:
  struct Slot {
    std::shared_ptr<PollerSlot> real;
    std::unique_ptr<Reply> reply = std::make_unique<Reply>();
    bool unfinished = true;
    std::optional<Clock::time_point> timer;
  };

  explicit Oracle(std::size_t n) : slots_(n) {
    for (std::size_t i = 0; i < n; ++i) attach(i);
  }

  void attach(std::size_t i) {
    Slot& slot = slots_[i];
    const bool ready = random_() % 2 == 0;
    slot.real = PollerState::attach(state_, slot.reply.get(), ready);
    slot.unfinished = true;
    if (ready) ready_.push_back(i);
  }

  void step() {
    const std::size_t i = random_() % slots_.size();
    Slot& slot = slots_[i];
    switch (random_() % 10) {
      case 0:
      case 1:
        state_->wake(*slot.real);
        push(i);
        break;
      case 2:
      case 3:
      case 4: set_timer(slot); break;
      case 5:
        state_->take(*slot.real);
        std::erase(ready_, i);
        break;
      case 6:
        if (random_() % 4 != 0) break;
        state_->finish(*slot.real);
        end(i);
        break;
      case 7:
        state_->detach(*slot.real);
        end(i);
        attach(i);
        break;
      case 8: take_ready(); break;
      default:
        if (random_() % 8 == 0) wait();
    }
  }

  void drain() {
    wait();
    while (!ready_.empty()) take_ready();
    take_ready();
  }

 private:
  void push(std::size_t i) {
    if (slots_[i].unfinished && std::find(ready_.begin(), ready_.end(), i) == ready_.end())
      ready_.push_back(i);
  }
  void end(std::size_t i) {
    slots_[i].unfinished = false;
    slots_[i].timer.reset();
    std::erase(ready_, i);
  }
  void set_timer(Slot& slot) {
    if (!slot.unfinished) return;  // only a running pull may ask
    // All different, so that the order is one.
    const auto when = start_ + std::chrono::nanoseconds(++unique_) +
                      (random_() % 2 == 0 ? 1h : -1h) +
                      std::chrono::microseconds(random_() % 1000000);
    state_->wake_at(*slot.real, when);
    if (!slot.timer || when < *slot.timer) slot.timer = when;
  }
  void wait() {
    std::map<Clock::time_point, std::size_t> fired;
    const auto now = Clock::now();
    for (std::size_t i = 0; i < slots_.size(); ++i)
      if (slots_[i].timer && *slots_[i].timer <= now) fired.emplace(*slots_[i].timer, i);
    for (const auto& [when, i] : fired) {
      slots_[i].timer.reset();
      push(i);
    }
    ASSERT_EQ(state_->wait(now), !ready_.empty());
  }
  void take_ready() {
    Reply* got = state_->take_ready();
    if (ready_.empty()) {
      ASSERT_EQ(got, nullptr);
      return;
    }
    ASSERT_EQ(got, slots_[ready_.front()].reply.get());
    ready_.pop_front();
  }

  std::mt19937 random_{7};
  std::shared_ptr<PollerState> state_ = std::make_shared<PollerState>();
  std::vector<Slot> slots_;
  std::deque<std::size_t> ready_;
  Clock::time_point start_ = Clock::now();
  int unique_ = 0;
};

TEST(Poller, TimersAndReadyListAgreeWithAPlainList) {
  Oracle oracle(1000);
  for (int i = 0; i < 20000 && !testing::Test::HasFatalFailure(); ++i) oracle.step();
  if (!testing::Test::HasFatalFailure()) oracle.drain();
}

// The child of a fork shares descriptors with its parent: it must not use the parent's pollers, nor
// take back what the parent had lent.
TEST(Poller, TheChildOfAForkHasAPoolOfItsOwn) {
  auto kept = PollerState::borrow("https://fork");
  const PollerState* const pooled = [] {
    auto state = PollerState::borrow("https://fork");
    const PollerState* const at = state.get();
    PollerState::give_back(std::move(state));
    return at;
  }();
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const PollerState* const lent = kept.get();
    PollerState::give_back(std::move(kept));
    const auto a = PollerState::borrow("https://fork");
    const auto b = PollerState::borrow("https://fork");
    const bool own = a.get() != pooled && b.get() != pooled && a.get() != lent && b.get() != lent;
    _exit(own ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(PollerState::borrow("https://fork").get(), pooled);
}

}  // namespace
}  // namespace infer
