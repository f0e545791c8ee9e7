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

}  // namespace
}  // namespace infer::cli
