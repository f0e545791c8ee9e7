#include "src/cloud/rate_limits.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "src/cloud/times.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

http::HttpHead answer_with(std::vector<http::Header> headers) {
  http::HttpHead head;
  head.status = 200;
  head.headers = std::move(headers);
  return head;
}
constexpr RateWindows kGroqWindows{.requests = seconds(86400), .tokens = seconds(60)};
// 2026-08-21 07:28:00 UTC
const auto kNow = std::chrono::system_clock::time_point(seconds(1787297280));

TEST(RateLimits, OpenAis) {
  const auto limits = typed_rate_limits(answer_with({{"X-RateLimit-Limit-Requests", "60"},
                                                     {"x-ratelimit-limit-tokens", "150000"},
                                                     {"x-ratelimit-remaining-requests", "59"},
                                                     {"x-ratelimit-remaining-tokens", "149984"},
                                                     {"x-ratelimit-reset-requests", "17ms"},
                                                     {"x-ratelimit-reset-tokens", "6m0s"},
                                                     {"content-type", "application/json"}}));
  const std::vector<RateLimit> expected = {
      {.what = "requests", .limit = 60, .remaining = 59, .reset = milliseconds(17), .window = {}},
      {.what = "tokens",
       .limit = 150000,
       .remaining = 149984,
       .reset = milliseconds(360000),
       .window = {}}};
  EXPECT_EQ(limits, expected);
}

TEST(RateLimits, GroqsRequestsAreByTheDayAndItsTokensByTheMinute) {
  const auto limits = typed_rate_limits(answer_with({{"x-ratelimit-limit-requests", "14400"},
                                                     {"x-ratelimit-limit-tokens", "18000"},
                                                     {"x-ratelimit-remaining-requests", "14370"},
                                                     {"x-ratelimit-remaining-tokens", "17997"},
                                                     {"x-ratelimit-reset-requests", "2m59.56s"},
                                                     {"x-ratelimit-reset-tokens", "7.66s"}}),
                                        kGroqWindows);
  const std::vector<RateLimit> expected = {{.what = "requests",
                                            .limit = 14400,
                                            .remaining = 14370,
                                            .reset = milliseconds(179560),
                                            .window = seconds(86400)},
                                           {.what = "tokens",
                                            .limit = 18000,
                                            .remaining = 17997,
                                            .reset = milliseconds(7660),
                                            .window = seconds(60)}};
  EXPECT_EQ(limits, expected);
}

TEST(RateLimits, AnthropicsResetsAreDates) {
  const auto limits = typed_rate_limits(
      answer_with({{"anthropic-ratelimit-requests-limit", "50"},
                   {"anthropic-ratelimit-requests-remaining", "49"},
                   {"anthropic-ratelimit-requests-reset", "2026-08-21T07:28:01Z"},
                   {"anthropic-ratelimit-input-tokens-limit", "30000"},
                   {"anthropic-ratelimit-input-tokens-remaining", "29000"},
                   {"anthropic-ratelimit-input-tokens-reset", "2026-08-21T09:28:00.250+02:00"},
                   {"anthropic-ratelimit-output-tokens-reset", "2026-08-21T07:00:00Z"}}),
      {}, kNow);
  const std::vector<RateLimit> expected = {
      {.what = "requests", .limit = 50, .remaining = 49, .reset = milliseconds(1000), .window = {}},
      {.what = "input_tokens",
       .limit = 30000,
       .remaining = 29000,
       .reset = milliseconds(250),
       .window = {}},
      // A window that is over is over.
      {.what = "output_tokens",
       .limit = {},
       .remaining = {},
       .reset = milliseconds(0),
       .window = {}}};
  EXPECT_EQ(limits, expected);
}

TEST(RateLimits, NamesThatAreNotKnown) {
  const auto limits =
      typed_rate_limits(answer_with({{"x-ratelimit-limit-project-tokens", "5"},
                                     {"x-ratelimit-remaining-images", "4"},
                                     {"x-ratelimit-limit-tokens-minute", "3"},
                                     {"x-ratelimit-limit-requests-day", "2"},
                                     {"x-ratelimit-limit", "1, 1;w=60"},
                                     {"x-ratelimit-reset", "1787297290"},
                                     {"anthropic-ratelimit-web-searches-limit", "7"}}),
                        kGroqWindows, kNow);
  const std::vector<RateLimit> expected = {
      {.what = "project_tokens", .limit = 5, .remaining = {}, .reset = {}, .window = {}},
      {.what = "images", .limit = {}, .remaining = 4, .reset = {}, .window = {}},
      {.what = "tokens", .limit = 3, .remaining = {}, .reset = {}, .window = seconds(60)},
      {.what = "requests", .limit = 2, .remaining = {}, .reset = {}, .window = seconds(86400)},
      {.what = "requests",
       .limit = 1,
       .remaining = {},
       .reset = milliseconds(10000),
       .window = seconds(86400)},
      {.what = "web_searches", .limit = 7, .remaining = {}, .reset = {}, .window = {}}};
  EXPECT_EQ(limits, expected);
}

// What a reset is, in milliseconds; -1: nothing.
std::int64_t reset_of(const std::string& value) {
  const auto limits =
      typed_rate_limits(answer_with({{"x-ratelimit-reset-tokens", value}}), {}, kNow);
  return limits.empty() ? -1 : limits.at(0).reset.value_or(milliseconds(-2)).count();
}

TEST(RateLimits, EveryWayToSayWhen) {
  const std::vector<std::pair<const char*, std::int64_t>> cases = {
      {"1s", 1000},
      {"6m0s", 360000},
      {"2m59.56s", 179560},
      {"17ms", 17},
      {"0s", 0},
      {"1h2m3s", 3723000},
      {"1.5ms", 2},
      {"250us", 1},
      {"900ns", 1},
      {"1d", 86400000},
      {"20", 20000},
      {"1.25", 1250},
      {"0", 0},
      {" 3 ", 3000},
      {"1787297281", 1000},    // seconds of a date
      {"1787297280500", 500},  // milliseconds of a date
      {"1700000000", 0},       // which has passed
      {"2026-08-21T07:28:02Z", 2000},
      {"2026-08-21t07:28:02.5z", 2500},
      {"2026-08-21T07:28:00-00:01", 60000},
      {"2020-01-01T00:00:00Z", 0},
      // Nothing of these is a time.
      {"", -1},
      {"soon", -1},
      {"-5", -1},
      {"-5s", -1},
      {"5 s", -1},
      {"5s!", -1},
      {"5x", -1},
      {"s", -1},
      {".5s", -1},
      {"nan", -1},
      {"inf", -1},
      {"1e300", -1},
      {"99999999999999999999h", -1},
      {"9999-12-31T23:59:59Z", -1},
      {"2026-13-21T07:28:00Z", -1},
      {"2026-08-41T07:28:00Z", -1},
      {"2026-08-21T25:28:00Z", -1},
      {"2026-08-21T07:28:00", -1},
      {"2026-08-21T07:28:00+2:00", -1},
      {"2026-08-21T07:28:00Z...", -1},
  };
  for (const auto& [value, expected] : cases) EXPECT_EQ(reset_of(value), expected) << value;
}

TEST(RateLimits, FiguresThatAreNone) {
  for (const char* bad : {"", "many", "-1", "1.5", "0x10", "99999999999999999999", "+3", "1 2"})
    EXPECT_TRUE(typed_rate_limits(answer_with({{"x-ratelimit-limit-tokens", bad}})).empty()) << bad;
  for (const char* name : {"x-ratelimit-", "x-ratelimit-limit-", "anthropic-ratelimit--limit",
                           "anthropic-ratelimit-limit-", "x-ratelimit-cost-tokens", "ratelimit",
                           "y-ratelimit-limit-tokens"})
    EXPECT_TRUE(typed_rate_limits(answer_with({{name, "1"}})).empty()) << name;
}

TEST(RateLimits, GarbageNeverGivesAFigureBelowZero) {
  std::mt19937 random(20261126);
  const std::vector<std::string> names = {"x-ratelimit-limit-tokens", "x-ratelimit-reset-tokens",
                                          "x-ratelimit-remaining-x-day",
                                          "anthropic-ratelimit-requests-reset"};
  const std::string letters = "0123456789.:-+TZsmhun e,;x";
  for (int round = 0; round < 50000; ++round) {
    std::string value;
    for (std::size_t n = random() % 26; n > 0; --n) value += letters[random() % letters.size()];
    for (const RateLimit& limit :
         typed_rate_limits(answer_with({{names[random() % names.size()], value}}), {}, kNow)) {
      ASSERT_GE(limit.limit.value_or(0), 0) << value;
      ASSERT_GE(limit.remaining.value_or(0), 0) << value;
      ASSERT_GE(limit.reset.value_or(milliseconds(0)).count(), 0) << value;
    }
  }
}

TEST(RateLimits, AServerCannotMakeThemEndless) {
  std::vector<http::Header> headers;
  for (int i = 0; i < 10000; ++i)
    headers.push_back({"x-ratelimit-limit-" + std::to_string(i), "1"});
  EXPECT_EQ(typed_rate_limits(answer_with(std::move(headers))).size(), 64u);
}

TEST(Times, DurationsInsideOfSentences) {
  EXPECT_EQ(go_duration("5.289s. Visit us")->value, milliseconds(5289));
  EXPECT_EQ(go_duration("1m26.4s.")->value, milliseconds(86400));
  EXPECT_EQ(go_duration("1m26.4s.")->length, 7u);
  EXPECT_FALSE(go_duration("a minute"));
}

}  // namespace
}  // namespace infer::cloud
