#include <gtest/gtest.h>

#include <ctime>
#include <string>
#include <vector>

#include "src/cloud/wire.h"

namespace infer::cloud {
namespace {

http::HttpHead head(int status, std::vector<http::Header> headers = {}) {
  http::HttpHead out;
  out.status = status;
  out.headers = std::move(headers);
  return out;
}

struct Case {
  int status;
  const char* type;
  const char* code;
  Errc errc;
  RetryHint retry;
};

TEST(ProviderError, OneTaxonomyForAllProviders) {
  constexpr RetryHint kNo = RetryHint::kNo, kYes = RetryHint::kYes, kMaybe = RetryHint::kAmbiguous;
  const std::vector<Case> cases = {
      {400, "invalid_request_error", "", Errc::kInvalidRequest, kNo},
      {400, "invalid_request_error", "context_length_exceeded", Errc::kContextOverflow, kNo},
      {400, "invalid_request_error", "content_policy_violation", Errc::kContentFiltered, kNo},
      {401, "invalid_request_error", "invalid_api_key", Errc::kUnauthorized, kNo},
      {401, "authentication_error", "", Errc::kUnauthorized, kNo},
      {401, "", "", Errc::kUnauthorized, kNo},
      {402, "billing_error", "", Errc::kQuotaExceeded, kNo},
      {403, "permission_error", "", Errc::kForbidden, kNo},
      {404, "invalid_request_error", "model_not_found", Errc::kNotFound, kNo},
      {404, "", "", Errc::kNotFound, kNo},
      {408, "", "", Errc::kTimeout, kMaybe},
      {409, "", "", Errc::kOverloaded, kYes},
      {413, "request_too_large", "", Errc::kTooLarge, kNo},
      {413, "tokens", "rate_limit_exceeded", Errc::kTooLarge, kNo},
      {413, "invalid_request_error", "context_length_exceeded", Errc::kContextOverflow, kNo},
      {422, "", "", Errc::kInvalidRequest, kNo},
      {424, "", "", Errc::kServerError, kMaybe},
      {429, "requests", "rate_limit_exceeded", Errc::kRateLimited, kYes},
      {429, "insufficient_quota", "insufficient_quota", Errc::kQuotaExceeded, kNo},
      {429, "", "", Errc::kRateLimited, kYes},
      {498, "", "capacity_exceeded", Errc::kOverloaded, kYes},
      {498, "", "", Errc::kOverloaded, kYes},
      {499, "", "", Errc::kCancelled, kNo},
      {500, "server_error", "", Errc::kServerError, kMaybe},
      {500, "", "", Errc::kServerError, kMaybe},
      {501, "", "", Errc::kServerError, kNo},
      {502, "", "", Errc::kServerError, kMaybe},
      {503, "", "", Errc::kOverloaded, kYes},
      {504, "timeout_error", "", Errc::kTimeout, kMaybe},
      {505, "", "", Errc::kServerError, kNo},
      {529, "overloaded_error", "", Errc::kOverloaded, kYes},
      // Inside of a stream that began with 200: by name, or by a number in the code.
      {200, "overloaded_error", "", Errc::kOverloaded, kYes},
      {200, "", "insufficient_quota", Errc::kQuotaExceeded, kNo},
      {200, "", "502", Errc::kServerError, kMaybe},
      {200, "", "429", Errc::kRateLimited, kYes},
      {200, "invalid_request_error", "", Errc::kInvalidRequest, kNo},
      {200, "something_new", "", Errc::kServerError, kMaybe},
      {302, "", "", Errc::kProtocol, kNo},
  };
  for (const Case& c : cases) {
    const Complaint complaint{.type = c.type, .code = c.code, .message = "words"};
    const Error error = provider_error("openai", head(c.status), "{}", complaint);
    EXPECT_EQ(error.code(), c.errc) << c.status << ' ' << c.type << ' ' << c.code;
    EXPECT_EQ(error.retry(), c.retry) << c.status << ' ' << c.type << ' ' << c.code;
    EXPECT_EQ(error.http_status(), c.status);
    EXPECT_EQ(error.provider(), "openai");
  }
}

TEST(ProviderError, WhatGroqDoesOtherwise) {
  const std::vector<Case> cases = {
      {400, "invalid_request_error", "", Errc::kInvalidRequest, RetryHint::kNo},
      {400, "invalid_request_error", "tool_use_failed", Errc::kInvalidRequest,
       RetryHint::kAmbiguous},
      {400, "invalid_request_error", "json_validate_failed", Errc::kInvalidRequest,
       RetryHint::kAmbiguous},
      {422, "invalid_request_error", "", Errc::kInvalidRequest, RetryHint::kAmbiguous},
      {422, "", "", Errc::kInvalidRequest, RetryHint::kAmbiguous},
  };
  for (const Case& c : cases) {
    const Complaint complaint{.type = c.type, .code = c.code, .message = "words"};
    const Error error = provider_error("groq", head(c.status), "{}", complaint);
    EXPECT_EQ(error.code(), c.errc) << c.status << ' ' << c.code;
    EXPECT_EQ(error.retry(), c.retry) << c.status << ' ' << c.code;
  }
}

TEST(ProviderError, HowLongToWaitInWords) {
  using std::chrono::milliseconds;
  const auto of = [](int status, const char* message, std::vector<http::Header> headers = {}) {
    return provider_error("groq", head(status, std::move(headers)), "", {.message = message})
        .retry_after();
  };
  EXPECT_EQ(of(429, "Rate limit reached. Please try again in 5.289s. Visit us"),
            milliseconds(5289));
  EXPECT_EQ(of(429, "Please try again in 7m54.5s."), milliseconds(474500));
  EXPECT_EQ(of(429, "Please try again in 6ms. Visit"), milliseconds(6));
  EXPECT_EQ(of(498, "Please try again in 20s."), milliseconds(20000));
  EXPECT_EQ(of(429, "Please retry after 22 seconds."), milliseconds(22000));
  EXPECT_EQ(of(429, "Please retry after 1 second."), milliseconds(1000));
  EXPECT_EQ(of(429, "Please try again in 5s.", {{"retry-after", "2"}}), milliseconds(2000));
  for (const char* bad :
       {"", "Please try again in a while", "try again in -5s", "try again in 5", "retry after that",
        "retry after 99999999999999 seconds", "try again in 99999999999999h"})
    EXPECT_EQ(of(429, bad), std::nullopt) << bad;
  EXPECT_EQ(of(400, "Please try again in 5s."), std::nullopt);
}

TEST(ProviderError, TheLimitsThatWereReached) {
  const auto of = [](int status, std::vector<http::Header> headers) {
    return std::string(
        provider_error("p", head(status, std::move(headers)), "", {}).detail("rate_limits"));
  };
  EXPECT_EQ(of(429, {{"X-RateLimit-Remaining-Tokens", "0"}, {"x-ratelimit-reset-tokens", "7.66s"}}),
            R"({"x-ratelimit-remaining-tokens":"0","x-ratelimit-reset-tokens":"7.66s"})");
  EXPECT_EQ(of(429, {{"anthropic-ratelimit-requests-remaining", "0"}}),
            R"({"anthropic-ratelimit-requests-remaining":"0"})");
  EXPECT_EQ(of(429, {{"content-type", "x"}}), "");
  EXPECT_EQ(of(400, {{"x-ratelimit-remaining-tokens", "0"}}), "");
}

TEST(ProviderError, WhatTheModelWroteThatWasRefused) {
  const Error error =
      provider_error("groq", head(400), "", {.message = "m", .generated = "<function=f>{\"a\":"});
  EXPECT_EQ(error.detail("failed_generation"), "<function=f>{\"a\":");
  std::string much;
  for (int i = 0; i < 10000; ++i) much += "\xC3\xA9";
  const Error clipped = provider_error("groq", head(400), "", {.message = "m", .generated = much});
  EXPECT_LE(clipped.detail("failed_generation").size(), 4100u);
  EXPECT_EQ(clipped.detail("failed_generation").find("\xEF\xBF\xBD"), std::string::npos);
}

TEST(ProviderError, TheServerKnowsBestWhetherToRetry) {
  EXPECT_EQ(provider_error("p", head(500, {{"x-should-retry", "false"}}), "", {}).retry(),
            RetryHint::kNo);
  EXPECT_EQ(provider_error("p", head(400, {{"X-Should-Retry", "true"}}), "", {}).retry(),
            RetryHint::kYes);
  EXPECT_EQ(provider_error("p", head(503, {{"x-should-retry", "maybe"}}), "", {}).retry(),
            RetryHint::kYes);
}

TEST(ProviderError, NoServerCanMakeAnExhaustedQuotaARetry) {
  EXPECT_EQ(provider_error("p", head(429, {{"x-should-retry", "true"}}), "",
                           {.code = "insufficient_quota"})
                .retry(),
            RetryHint::kNo);
}

TEST(ProviderError, CarriesWhatAProgramMayActOn) {
  const Complaint complaint{
      .type = "t", .code = "c", .message = "two\nlines", .param = "messages[0]"};
  const Error error = provider_error(
      "openai", head(429, {{"retry-after", "2"}, {"x-request-id", "req_1"}}), "BODY", complaint);
  EXPECT_EQ(error.message(), "two lines");
  EXPECT_EQ(error.provider_code(), "c");
  EXPECT_EQ(error.request_id(), "req_1");
  EXPECT_EQ(error.detail("field"), "messages[0]");
  EXPECT_EQ(error.body(), "BODY");
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(2));
}

TEST(ProviderError, SaysWhatCameWhereTheServerDoesNot) {
  const Error html = provider_error("p", head(502, {{"Content-Type", "text/html"}}),
                                    "<html>\n  <h1>Bad Gateway</h1></html>", {});
  EXPECT_EQ(
      html.message(),
      "the server answered with status 502 and text/html: <html> <h1>Bad Gateway</h1></html>");
  const Error empty = provider_error("p", head(503), "", {});
  EXPECT_EQ(empty.message(), "the server answered with status 503 and nothing more");
}

TEST(ProviderError, AnEmptyAccountIsKnownByItsWords) {
  const Error error =
      provider_error("anthropic", head(400), "",
                     {.type = "invalid_request_error",
                      .message = "Your credit balance is too low to access the Anthropic API."});
  EXPECT_EQ(error.code(), Errc::kQuotaExceeded);
  EXPECT_EQ(error.retry(), RetryHint::kNo);
}

TEST(ProviderError, LongWordsAreClippedBetweenCharacters) {
  std::string words;
  for (int i = 0; i < 400; ++i) words += "\xC3\xA9";
  for (std::size_t cut = 0; cut < 4; ++cut) {
    const Error error =
        provider_error("p", head(400), "", {.message = std::string(cut, 'x') + words});
    EXPECT_LT(error.message().size(), 510u);
    EXPECT_EQ(error.message().find("\xEF\xBF\xBD"), std::string::npos);
    EXPECT_TRUE(error.message().ends_with(" ..."));
  }
}

TEST(ProviderError, TheSizesOfAPromptThatIsTooLong) {
  const std::vector<std::pair<const char*, const char*>> messages = {
      {"This model's maximum context length is 8192 tokens. However, your messages resulted in "
       "9001 tokens. Please reduce",
       "9001/8192"},
      {"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens",
       "5000/4096"},
      {"prompt is too long: 208310 tokens > 200000 maximum", "208310/200000"}};
  for (const auto& [message, sizes] : messages) {
    const Error error =
        provider_error("p", head(400), "", {.type = "invalid_request_error", .message = message});
    EXPECT_EQ(error.code(), Errc::kContextOverflow) << message;
    EXPECT_EQ(std::string(error.detail("need")) + "/" + std::string(error.detail("have")), sizes);
  }
}

TEST(RetryAfter, MillisecondsThenSecondsThenDate) {
  using std::chrono::milliseconds;
  const auto of = [](const char* name, const std::string& value) {
    return retry_after(head(429, {{name, value}}));
  };
  EXPECT_EQ(of("retry-after-ms", "50"), milliseconds(50));
  EXPECT_EQ(of("Retry-After", "1.5"), milliseconds(1500));
  EXPECT_EQ(of("retry-after", " 3600 "), milliseconds(3600000));
  EXPECT_EQ(of("retry-after", "0"), milliseconds(0));
  for (const char* bad : {"-5", "nan", "inf", "1e300", "soon", "", "5 s", "0x10",
                          "Fri, 31 Dec 99999 23:59:59 GMT", "Wed, 21 Oct 2015 07:28:00 GMT",
                          "Wed, 41 Oct 2099 07:28:00 GMT", "Wed, 21 Foo 2099 07:28:00 GMT"})
    EXPECT_EQ(of("retry-after", bad), std::nullopt) << bad;
  EXPECT_EQ(retry_after(head(429, {{"retry-after-ms", "x"}, {"retry-after", "2"}})),
            milliseconds(2000));
  EXPECT_EQ(retry_after(head(429)), std::nullopt);

  const std::time_t soon = std::time(nullptr) + 30;
  std::tm time{};
  gmtime_r(&soon, &time);
  char text[64];
  std::strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &time);
  const auto wait = of("retry-after", text);
  ASSERT_TRUE(wait);
  EXPECT_GT(*wait, milliseconds(0));
  EXPECT_LE(*wait, milliseconds(30000));
}

}  // namespace
}  // namespace infer::cloud
