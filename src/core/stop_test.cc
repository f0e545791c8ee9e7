#include "infer/stop.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <random>
#include <thread>
#include <vector>

namespace infer {
namespace {

TEST(Stop, TokenSeesTheFirstReason) {
  StopToken never;
  EXPECT_FALSE(never.stop_possible());
  EXPECT_FALSE(never.stop_requested());
  EXPECT_FALSE(never.reason().has_value());
  StopSource source;
  const StopToken token = source.token();
  EXPECT_TRUE(token.stop_possible());
  EXPECT_FALSE(token.reason().has_value());
  EXPECT_TRUE(source.request_stop(Errc::kTimeout));
  EXPECT_FALSE(source.request_stop(Errc::kCancelled));
  EXPECT_TRUE(token.stop_requested());
  EXPECT_EQ(token.reason(), Errc::kTimeout);
  StopSource plain;
  plain.request_stop();
  EXPECT_EQ(plain.token().reason(), Errc::kCancelled);
}

TEST(Stop, CallbackRunsOnceAndKnowsTheReason) {
  StopSource source;
  int ran = 0;
  {
    StopCallback callback(source.token(), [&] {
      ++ran;
      EXPECT_EQ(source.token().reason(), Errc::kBudgetExceeded);
    });
    source.request_stop(Errc::kBudgetExceeded);
    source.request_stop();
    EXPECT_EQ(ran, 1);
  }
  StopCallback late(source.token(), [&] { ++ran; });
  EXPECT_EQ(ran, 2);  // at once
  StopSource other;
  {
    StopCallback gone(other.token(), [&] { ++ran; });
  }
  other.request_stop();
  EXPECT_EQ(ran, 2);
  StopCallback never(StopToken(), [&] { ++ran; });
  EXPECT_EQ(ran, 2);
}

TEST(Stop, CallbackMayDestroyItself) {
  StopSource source;
  std::unique_ptr<StopCallback<std::function<void()>>> callback;
  bool ran = false;
  callback = std::make_unique<StopCallback<std::function<void()>>>(source.token(), [&] {
    ran = true;
    callback.reset();  // and with it what this function holds
  });
  source.request_stop();
  EXPECT_TRUE(ran);
  EXPECT_EQ(callback, nullptr);
}

TEST(Stop, CallbackMayDestroyOthersAndTheSource) {
  auto source = std::make_unique<StopSource>();
  const StopToken token = source->token();
  std::vector<std::unique_ptr<StopCallback<std::function<void()>>>> all;
  int ran = 0;
  for (int i = 0; i < 5; ++i)
    all.push_back(std::make_unique<StopCallback<std::function<void()>>>(token, [&] {
      ++ran;
      auto* const its_source = &source;
      all.clear();  // this function too: from here on only what is on the stack
      its_source->reset();
    }));
  StopSource* raw = source.get();
  raw->request_stop();
  EXPECT_EQ(ran, 1);  // the first took the others away
}

TEST(Stop, DestructionWaitsForACallbackOnAnotherThread) {
  for (int round = 0; round < 20; ++round) {
    StopSource source;
    std::atomic<bool> inside{false}, left{false};
    auto callback = std::make_unique<StopCallback<std::function<void()>>>(source.token(), [&] {
      inside = true;
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      left = true;
    });
    std::thread requester([&] { source.request_stop(); });
    while (!inside) std::this_thread::yield();
    callback.reset();
    EXPECT_TRUE(left);
    requester.join();
  }
}

TEST(Stop, ManyThreadsComeAndGoWhileOneStops) {
  for (int round = 0; round < 50; ++round) {
    StopSource source;
    std::atomic<int> made{0}, ran{0}, asked{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        const StopToken token = source.token();
        for (int i = 0; i < 50; ++i) {
          ++made;
          int mine = 0;
          {
            StopCallback callback(token, [&] {
              ++mine;  // ordered by the destructor's wait
              ++ran;
            });
            if (t == 0 && i == 25) asked += source.request_stop(Errc::kTimeout) ? 1 : 0;
          }
          ASSERT_LE(mine, 1);
          ASSERT_TRUE(!token.stop_requested() || token.reason() == Errc::kTimeout);
        }
      });
    threads.emplace_back([&] { asked += source.request_stop(Errc::kTimeout) ? 1 : 0; });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(asked, 1);
    EXPECT_LE(ran, made);
  }
}

}  // namespace
}  // namespace infer
