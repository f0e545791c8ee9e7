#include "src/cloud/anthropic/json_check.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "src/cloud/anthropic/testing.h"

namespace infer::cloud {
namespace {

using anthropic_test::Json;

bool is_good(const std::string& text) { return json_error(text) == kGoodJson; }

TEST(JsonCheck, what_is_json_and_what_is_not) {
  for (const char* good :
       {"{}", "[]", " {\"a\" : [1, -0.5e+3, true, false, null, \"\\u00e9\\n\"] } ", "0", "-0",
        "1E5", "\"\"", "[[[]]]", "\"\xC3\xA9\"", "123456789012345678901234567890", "1e999",
        "\"\\ud83d\""})
    EXPECT_TRUE(is_good(good)) << good;
  for (const char* bad : {"",
                          " ",
                          "{",
                          "}",
                          "[1,]",
                          "{\"a\":1,}",
                          "{a:1}",
                          "{\"a\"}",
                          "01",
                          "1.",
                          ".5",
                          "+1",
                          "1e",
                          "-",
                          "tru",
                          "nul",
                          "NaN",
                          "\"",
                          "\"\\x\"",
                          "\"\\u12\"",
                          "\"\n\"",
                          "\"\xC3\"",
                          "\"\xFF\"",
                          "[1 2]",
                          "{} {}",
                          "\xEF\xBB\xBF{}",
                          "'a'",
                          "[1]x",
                          "{\"a\":1 \"b\":2}"})
    EXPECT_FALSE(is_good(bad)) << bad;
  EXPECT_FALSE(is_good(std::string("[\0]", 3)));
  EXPECT_EQ(json_error("[1, x]"), 4u);
}

TEST(JsonCheck, depth) {
  const auto nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(is_good(nested(core::kMaxJsonDepth)));
  EXPECT_FALSE(is_good(nested(core::kMaxJsonDepth + 1)));
  EXPECT_FALSE(is_good(std::string(1000000, '[')));
}

TEST(JsonCheck, damaged_text_is_judged_as_a_parser_judges_it) {
  const std::string seed =
      R"({"a": [1, -2.5e3, "x\n\u00e9", {"b": null}], "c": true, "d": "\"\\", "e": [[], {}]})";
  const std::string interesting = "\"\\{}[]:,0 .-eE+tfn9\n\x01\xC3\xA9";
  std::mt19937 random(3);
  int good = 0;
  for (int round = 0; round < 100000; ++round) {
    std::string text = seed;
    for (unsigned n = random() % 4; n > 0; --n) {
      const std::size_t at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 3);
      else if (random() % 2 == 0)
        text[at] = interesting[random() % interesting.size()];
      else
        text.insert(at, 1, interesting[random() % interesting.size()]);
      if (text.empty()) text = "0";
    }
    const bool expected = Json::accept(text);
    good += expected ? 1 : 0;
    ASSERT_EQ(is_good(text), expected) << text;
  }
  EXPECT_GT(good, 10000);
  EXPECT_LT(good, 90000);
}

}  // namespace
}  // namespace infer::cloud
