#include "src/plugin/cpu_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace infer::plugin {
namespace {

TEST(CpuBudget, OneAloneGetsWhatItWants) {
  CpuBudget budget(4);
  for (std::uint32_t want : {1U, 3U, 4U, 9U, 0U}) {
    const std::uint32_t granted = budget.acquire(want);
    EXPECT_EQ(granted, want == 9 ? 4U : want == 0 ? 1U : want);
    budget.release(granted);
  }
}

TEST(CpuBudget, WhatOneDoesNotWantTheOtherMayHave) {
  CpuBudget budget(4);
  EXPECT_EQ(budget.acquire(1), 1U);
  EXPECT_EQ(budget.acquire(4), 3U);
}

void until_waiting(const CpuBudget& budget, std::uint64_t count) {
  while (budget.waiting() != count) std::this_thread::yield();
}

// An engine that asks again at once does not overtake the one that waits, and from then on each has
// half.
TEST(CpuBudget, TwoThatStepAtOnceHaveHalfEach) {
  CpuBudget budget(4);
  const std::uint32_t all = budget.acquire(4);
  EXPECT_EQ(all, 4U);
  std::uint32_t second = 0;
  std::thread other([&] { second = budget.acquire(4); });
  until_waiting(budget, 1);
  budget.release(all);
  EXPECT_EQ(budget.acquire(4), 2U);
  other.join();
  EXPECT_EQ(second, 2U);
  budget.release(2);
  budget.release(2);
  EXPECT_EQ(budget.acquire(4), 4U) << "alone again";
}

TEST(CpuBudget, FirstComeFirstServed) {
  CpuBudget budget(1);
  const std::uint32_t held = budget.acquire(1);
  std::vector<int> served;
  std::vector<std::thread> waiting;
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back([&, i] {
      const std::uint32_t granted = budget.acquire(1);
      served.push_back(i);  // a budget of one is a lock
      budget.release(granted);
    });
    until_waiting(budget, static_cast<std::uint64_t>(i) + 1);
  }
  budget.release(held);
  for (std::thread& thread : waiting) thread.join();
  EXPECT_EQ(served, (std::vector<int>{0, 1, 2, 3}));
}

// Engines of all sizes that step without a pause: never more threads than there are, and each gets
// through its steps.
TEST(CpuBudget, ManyAtOnceNeverExceedItAndAllFinish) {
  constexpr std::uint32_t kTotal = 3;
  CpuBudget budget(kTotal);
  std::atomic<std::uint32_t> running{0}, most{0};
  std::vector<std::thread> engines;
  for (std::uint32_t want = 1; want <= 6; ++want) {
    engines.emplace_back([&, want] {
      for (int step = 0; step < 2000; ++step) {
        const std::uint32_t granted = budget.acquire(want);
        ASSERT_GE(granted, 1U);
        ASSERT_LE(granted, want);
        const std::uint32_t now = running += granted;
        std::uint32_t seen = most;
        while (now > seen && !most.compare_exchange_weak(seen, now)) {
        }
        running -= granted;
        budget.release(granted);
      }
    });
  }
  for (std::thread& engine : engines) engine.join();
  EXPECT_LE(most, kTotal);
  EXPECT_EQ(budget.acquire(kTotal), kTotal);
}

}  // namespace
}  // namespace infer::plugin
