#include "apps/infer/stats.h"

#include <gtest/gtest.h>

#include <vector>

namespace infer::cli {
namespace {

TEST(Limits, WhatIsLeftIsTold) {
  EXPECT_EQ(limits_text({}), "");
  const std::vector<RateLimit> limits = {
      {.what = "requests", .limit = 100, .remaining = 99, .reset = std::chrono::milliseconds(1500)},
      {.what = "input_tokens", .limit = 7},  // how many are left is not told
      {.what = "tokens", .remaining = 5}};
  EXPECT_EQ(limits_text(limits), "infer: left: 99 of 100 requests, all again in 1.5 s; 5 tokens\n");
}

TEST(Limits, ControlCharactersOfAServerAreShown) {
  EXPECT_EQ(limits_text(std::vector<RateLimit>{{.what = "a\x1b[31mb", .remaining = 4}}),
            "infer: left: 4 a\xE2\x90\x9B[31mb\n");
}

TEST(StepText, TellsHowLongItTakes) {
  using std::chrono::milliseconds;
  EXPECT_EQ(step_text(5, 8, milliseconds(40)), "5/8, 0.04 s a step, 0.12 s left");
  EXPECT_EQ(step_text(8, 8, milliseconds(2500)), "8/8, 2.5 s a step, 0.00 s left");
  EXPECT_EQ(step_text(1, 20, milliseconds(30000)), "1/20, 30 s a step, 570 s left");
  EXPECT_EQ(step_text(2, 8, {}), "2/8") << "not known";
  EXPECT_EQ(step_text(9, 8, milliseconds(40)), "9/8, 0.04 s a step, 0.00 s left");
}

}  // namespace
}  // namespace infer::cli
