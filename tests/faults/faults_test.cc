// What a program sees when a server, or the way to it, misbehaves: one row a fault, for every wire
// that streams text.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/layers.h"
#include "infer/registry.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

using std::chrono::milliseconds;

enum class How { kStream, kWhole, kBoth };

// What one fault must look like.
struct Row {
  std::string fault{};
  How how = How::kStream;
  std::optional<Errc> code{};  // nothing: success
  std::string text{};          // of the answer, or of the partial one
  int requests = 1;            // as the server counts them, with a Retry around; -1: any number
  std::string timeout{};       // detail "timeout"
  std::function<void(const Error&, const Stats&)> also{};
};

class Faults : public testing::TestWithParam<Spoken> {
 protected:
  static Call streaming() {
    Call call;
    call.wire = Wire::kStream;
    return call;
  }

  TextModel model(const ApiConfig& config) const {
    auto opened = infer::text(GetParam().id("fault-1"), config);
    if (!opened) ADD_FAILURE() << opened.error();
    return *opened | Retry{.backoff = milliseconds(1)};
  }

  ApiConfig at(std::string_view fault) const { return server_.config(fault, GetParam()); }
  ApiConfig config(const Row& row) const {
    ApiConfig config = at(row.fault);
    if (!row.timeout.empty())
      config.timeouts = {.first = milliseconds(400), .idle = milliseconds(400)};
    return config;
  }

  void check(const Row& row) const {
    if (row.how != How::kWhole) check(row, Wire::kStream);
    if (row.how != How::kStream) check(row, Wire::kWhole);
  }
  void check(const std::vector<Row>& rows) const {
    for (const Row& row : rows) check(row);
  }

  void check(const Row& row, Wire wire) const {
    SCOPED_TRACE(row.fault + (wire == Wire::kStream ? ", streaming" : ", in one piece"));
    server_.reset();
    Call call;
    call.wire = wire;
    const auto answer = model(config(row)).generate("Hi", call);
    const Stats stats = server_.stats();
    if (row.requests >= 0) {
      EXPECT_EQ(stats.count(), row.requests);
    }
    for (const Stats::Request& request : stats.requests)
      for (const auto& [name, value] : request.headers)
        EXPECT_EQ(name.find("idempotency"), std::string::npos) << name;
    if (!row.code) {
      ASSERT_TRUE(answer) << answer.error();
      EXPECT_EQ(answer->text(), row.text);
      EXPECT_EQ(answer->attempts, static_cast<std::uint32_t>(row.requests));
      return;
    }
    ASSERT_FALSE(answer) << "success: " << answer->text();
    check_error(row, answer.error());
    if (row.also) row.also(answer.error(), stats);
  }

  void check_error(const Row& row, const Error& error) const {
    EXPECT_EQ(error.code(), *row.code) << error;
    EXPECT_FALSE(error.message().empty());
    EXPECT_EQ(error.message().find('\n'), std::string::npos) << error;
    EXPECT_LE(error.body().size(), 4096u);
    EXPECT_EQ(error.partial() ? error.partial()->text() : std::string(), row.text) << error;
    EXPECT_EQ(error.detail("timeout"), row.timeout) << error;
    if (row.requests > 1) {
      EXPECT_EQ(error.detail("attempts"), std::to_string(row.requests));
    }
  }

  FaultServer server_;
};

// A page of a proxy: says what it is and shows its beginning.
void shows_the_page(const Error& error, const Stats&) {
  EXPECT_GE(error.body().size(), 200u);
  EXPECT_EQ(error.body().compare(0, 6, "<html>"), 0) << error.body();
  EXPECT_NE(error.message().find("text/html"), std::string::npos) << error;
}

void names_the_event(const Error& error, const Stats&) {
  EXPECT_FALSE(error.detail("event").empty()) << error;
}

auto asks_to_wait(milliseconds wait) {
  return [wait](const Error& error, const Stats&) {
    EXPECT_EQ(error.retry_after().value_or(milliseconds(-1)), wait) << error;
  };
}

// An answer that ends before what proves it whole is never a success (F1, F6).
TEST_P(Faults, CutAnswersAreTruncated) {
  check({
      {.fault = "eof-after-text", .code = Errc::kTruncated, .text = "Hello"},
      {.fault = "eof-unframed", .code = Errc::kTruncated, .text = "Hello"},
      {.fault = "close-mid-chunk", .code = Errc::kNetwork, .text = "Hello"},
      {.fault = "reset-mid-stream", .code = Errc::kNetwork, .text = "Hello"},
      // Nothing had come: sent again, and nobody sees it.
      {.fault = "eof-before-text", .code = Errc::kTruncated, .requests = 3},
      {.fault = "close-in-body", .how = How::kWhole, .code = Errc::kNetwork, .requests = 3},
      {.fault = "close-at-once", .how = How::kBoth, .code = Errc::kNetwork, .requests = 3},
  });
}

// Silence, and keep-alives, which are no progress (F3, F4, F12).
TEST_P(Faults, SilenceEndsAtTheLimit) {
  check({
      {.fault = "silent", .code = Errc::kTimeout, .text = "Hello", .timeout = "idle"},
      {.fault = "pings", .code = Errc::kTimeout, .text = "Hello", .timeout = "idle"},
      {.fault = "pings-first", .code = Errc::kTimeout, .requests = 3, .timeout = "first"},
      {.fault = "no-head",
       .how = How::kBoth,
       .code = Errc::kTimeout,
       .requests = 3,
       .timeout = "first"},
  });
}

// The proof is enough: what comes after it, or does not, costs nothing (F5).
TEST_P(Faults, TheProofIsEnough) {
  check({
      {.fault = "lingers", .text = "Hello, world"},
      {.fault = "late-end", .text = "Hello, world"},
      {.fault = "slow:0.2", .how = How::kBoth, .text = "Hello, world"},
  });
}

// A page of a proxy, with a good status or a bad one (F17).
TEST_P(Faults, PagesAreNoAnswers) {
  check({
      {.fault = "html", .how = How::kBoth, .code = Errc::kProtocol, .also = shows_the_page},
      {.fault = "html:502",
       .how = How::kBoth,
       .code = Errc::kServerError,
       .requests = 3,
       .also =
           [](const Error& error, const Stats& stats) {
             shows_the_page(error, stats);
             EXPECT_EQ(error.http_status(), 502);
           }},
      {.fault = "html:403", .how = How::kBoth, .code = Errc::kForbidden, .also = shows_the_page},
  });
}

TEST_P(Faults, WrongShapesAreProtocolErrors) {
  std::vector<Row> rows;
  for (const char* which : {"array", "string", "null", "number", "deep"})
    rows.push_back(
        {.fault = std::string("shape:") + which, .how = How::kBoth, .code = Errc::kProtocol});
  rows.push_back({.fault = "shape:object", .how = How::kWhole, .code = Errc::kProtocol});
  rows.push_back({.fault = "shape:empty", .how = How::kWhole, .code = Errc::kProtocol});
  rows.push_back({.fault = "empty", .how = How::kBoth, .code = Errc::kProtocol});
  rows.push_back({.fault = "broken-json", .how = How::kWhole, .code = Errc::kProtocol});
  rows.push_back(
      {.fault = "broken-json", .code = Errc::kProtocol, .text = "Hello", .also = names_the_event});
  check(rows);
}

// The standard says what to do with bytes that are no UTF-8; a piece at a time changes nothing
// (F13), nor does a stream that came compressed though nobody asked for it (F16).
TEST_P(Faults, EncodingsAreReadAsTheyAre) {
  const std::string hole = "\xef\xbf\xbd";
  check({
      {.fault = "bad-utf8", .text = "Hello w" + hole + hole + hole + "rld, world"},
      {.fault = "bytewise",
       .text = "Hello\u041f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d \U0001f98a, world"},
      {.fault = "compressed", .how = How::kBoth, .text = "Hello, world"},
      {.fault = "json-for-stream", .text = "Hello, world"},
  });
  server_.reset();
  EXPECT_TRUE(model(at("well")).generate("Hi", streaming()));
  for (const Stats::Request& request : server_.stats().requests) {
    const auto asked = request.headers.find("accept-encoding");
    EXPECT_TRUE(asked == request.headers.end() || asked->second == "identity") << asked->second;
  }
}

// An error inside of an answer that began well (F2, F19).
TEST_P(Faults, ErrorEventsAreTyped) {
  check({
      {.fault = "error-event",
       .code = Errc::kOverloaded,
       .text = "Hello",
       .also =
           [](const Error& error, const Stats&) {
             EXPECT_EQ(error.retry(), RetryHint::kYes);
             EXPECT_FALSE(error.provider_code().empty());
           }},
      {.fault = "error-event:early", .code = Errc::kOverloaded, .requests = 3},
  });
}

// Which statuses are worth another try, and what the server says about that itself.
TEST_P(Faults, StatusesDecideWhetherToTryAgain) {
  check({
      {.fault = "status:429", .code = Errc::kRateLimited, .requests = 3},
      {.fault = "status:529", .code = Errc::kOverloaded, .requests = 3},
      {.fault = "status:408", .code = Errc::kTimeout, .requests = 3, .timeout = "server"},
      {.fault = "status:409", .code = Errc::kOverloaded, .requests = 3},
      {.fault = "status:500", .code = Errc::kServerError, .requests = 3},
      {.fault = "status:503", .how = How::kBoth, .code = Errc::kOverloaded, .requests = 3},
      {.fault = "status:501", .code = Errc::kServerError},
      {.fault = "status:400", .how = How::kBoth, .code = Errc::kInvalidRequest},
      {.fault = "status:401", .code = Errc::kUnauthorized},
      {.fault = "status:404", .code = Errc::kNotFound},
      {.fault = "status:500:x-should-retry=false", .code = Errc::kServerError},
      {.fault = "status:400:x-should-retry=true", .code = Errc::kInvalidRequest, .requests = 3},
      {.fault = "empty:500", .code = Errc::kServerError, .requests = 3},
      {.fault = "quota", .how = How::kBoth, .code = Errc::kQuotaExceeded},
      {.fault = "fails:1:503", .how = How::kBoth, .text = "Hello, world", .requests = 2},
      {.fault = "fails:2:429:retry-after-ms=1", .text = "Hello, world", .requests = 3},
  });
}

// How long a server asks to wait: within reason it is obeyed, beyond it told (F8, F9).
TEST_P(Faults, WaitsAsTheServerAsks) {
  const auto obeyed = [](const Error&, const Stats& stats) {
    for (std::size_t i = 1; i < stats.requests.size(); ++i)
      EXPECT_GE(stats.requests[i].time - stats.requests[i - 1].time, 0.05);
  };
  check({
      {.fault = "status:429:retry-after=3600",
       .code = Errc::kRateLimited,
       .also = asks_to_wait(std::chrono::hours(1))},
      {.fault = "status:529:retry-after=3600",
       .code = Errc::kOverloaded,
       .also = asks_to_wait(std::chrono::hours(1))},
      {.fault = "status:429:retry-after-ms=50",
       .code = Errc::kRateLimited,
       .requests = 3,
       .also = obeyed},
      {.fault = "status:429:retry-after=-5",
       .code = Errc::kRateLimited,
       .requests = 3,
       .also = asks_to_wait(milliseconds(-1))},
      {.fault = "status:429:retry-after=nan", .code = Errc::kRateLimited, .requests = 3},
      {.fault = "status:429:retry-after=soon", .code = Errc::kRateLimited, .requests = 3},
      {.fault = "status:429:retry-after=Fri,%2031%20Dec%2099999%2023%3A59%3A59%20GMT",
       .code = Errc::kRateLimited,
       .requests = 3},
  });
}

// The key stays with the origin that it was meant for.
TEST_P(Faults, RedirectsStayAtHome) {
  check({.fault = "redirect:other",
         .how = How::kBoth,
         .code = Errc::kProtocol,
         .also = [](const Error&, const Stats& stats) { EXPECT_EQ(stats.other, 0); }});
  check({.fault = "redirect-loop", .code = Errc::kProtocol, .requests = -1});
}

TEST_P(Faults, RedirectsAtHomeAreFollowed) {
  for (const char* fault : {"redirect:path", "redirect:same"}) {
    server_.reset();
    const auto answer = model(at(fault)).generate("Hi");
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->text(), "Hello, world");
    EXPECT_EQ(server_.stats().count(), 2);
  }
}

// The largest that is allowed passes; more is an error, and no memory is taken for it (F14, F15).
TEST_P(Faults, SizesAreBounded) {
  check({.fault = "big-header", .how = How::kBoth, .code = Errc::kTooLarge});
  check({.fault = "big-line:20", .code = Errc::kTooLarge, .text = "Hello"});
  constexpr std::size_t kMiB = std::size_t{1} << 20;
  for (const std::size_t size : {kMiB, 16 * kMiB - 1000}) {
    const auto answer = model(at("big-delta:" + std::to_string(size))).generate("Hi", streaming());
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->text().size(), std::string("Hello, world").size() + size);
  }
}

TEST_P(Faults, EndlessAnswersEnd) {
  for (const char* what : {"text", "body"}) {
    SCOPED_TRACE(what);
    ApiConfig small = at(std::string("endless:") + what);
    small.limits.answer_bytes = small.limits.body_bytes = std::size_t{1} << 20;
    Call call = streaming();
    if (std::string(what) == "body") call.wire = Wire::kWhole;
    const auto answer = model(small).generate("Hi", call);
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), Errc::kTooLarge) << answer.error();
  }
  ApiConfig impatient = at("endless:pings");
  impatient.timeouts.idle = milliseconds(300);
  const auto answer = model(impatient).generate("Hi", streaming());
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().detail("timeout"), "idle") << answer.error();
}

// Distinct outcomes, not "stop" (F21).
TEST_P(Faults, WhyAnAnswerEndedIsTold) {
  const std::map<std::string, std::vector<std::pair<std::string, Finish>>> words = {
      {"openai",
       {{"length", Finish::kLength},
        {"content_filter", Finish::kFiltered},
        {"tool_calls", Finish::kToolCalls},
        {"new_reason", Finish::kOther}}},
      {"responses",
       {{"max_output_tokens", Finish::kLength},
        {"content_filter", Finish::kFiltered},
        {"new_reason", Finish::kOther}}},
      {"anthropic",
       {{"max_tokens", Finish::kLength},
        {"refusal", Finish::kRefusal},
        {"pause_turn", Finish::kPaused},
        {"model_context_window_exceeded", Finish::kContextFull},
        {"new_reason", Finish::kOther}}},
  };
  for (const auto& [word, finish] : words.at(GetParam().name))
    for (const Wire wire : {Wire::kStream, Wire::kWhole}) {
      SCOPED_TRACE(word);
      Call call;
      call.wire = wire;
      const auto answer = model(at("finish:" + word)).generate("Hi", call);
      ASSERT_TRUE(answer) << answer.error();
      EXPECT_EQ(answer->finish(), finish);
      EXPECT_EQ(answer->choices[0].finish_raw, word);
    }
}

// Nothing listens: tried again, and told as what it is.
TEST_P(Faults, NobodyThere) {
  for (const char* url : {"http://127.0.0.1:1/v1", "http://nowhere.invalid/v1"}) {
    SCOPED_TRACE(url);
    ApiConfig nobody = at("well");
    nobody.base_url = url;
    nobody.allow_plain_http = true;
    const auto answer = model(nobody).generate("Hi");
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), Errc::kNetwork) << answer.error();
    EXPECT_EQ(answer.error().retry(), RetryHint::kYes);
    EXPECT_EQ(answer.error().detail("attempts"), "3");
    EXPECT_EQ(answer.error().partial(), nullptr);
  }
}

// A connection that died while it was idle: a fresh one, and nobody sees it (F11). Without a Retry.
TEST_P(Faults, StaleConnectionsAreReplaced) {
  for (const char* fault : {"stale", "close-idle"}) {
    SCOPED_TRACE(fault);
    auto plain = infer::text(GetParam().id("fault-1"), at(fault));
    ASSERT_TRUE(plain) << plain.error();
    for (int i = 0; i < 4; ++i) {
      const auto answer = plain->generate("Hi", streaming());
      ASSERT_TRUE(answer) << answer.error();
      EXPECT_EQ(answer->text(), "Hello, world");
    }
  }
}

// Retry layers do not multiply (F7).
TEST_P(Faults, StackedRetriesSendThreeRequests) {
  server_.reset();
  const auto answer = (model(at("status:503")) | Retry{.backoff = milliseconds(1)}).generate("Hi");
  EXPECT_FALSE(answer);
  EXPECT_EQ(server_.stats().count(), 3);
}

// An outage is not made worse: 200 calls send 200 requests and at most 100 more.
TEST_P(Faults, RetriesOfAnOutageAreBounded) {
  server_.reset();
  const TextModel retrying = model(at("status:503"));
  for (int i = 0; i < 200; ++i) EXPECT_FALSE(retrying.generate("Hi"));
  const int count = server_.stats().count();
  std::printf("200 calls in an outage: %d requests\n", count);
  EXPECT_GE(count, 200);
  EXPECT_LE(count, 300);
}

// Responses alone: an answer that says of itself that it failed.
class FailedAnswers : public Faults {};
TEST_P(FailedAnswers, AreErrors) {
  check({
      {.fault = "error-event:late:failed", .code = Errc::kServerError, .text = "Hello"},
      {.fault = "error-event:early:failed", .code = Errc::kServerError, .requests = 3},
      {.fault = "finish:failed", .code = Errc::kServerError, .text = "Hello, world"},
  });
}

INSTANTIATE_TEST_SUITE_P(Wires, Faults, testing::Values(kOpenAiChat, kOpenAiResponses, kAnthropic),
                         [](const auto& wire) { return wire.param.name; });
INSTANTIATE_TEST_SUITE_P(Wires, FailedAnswers, testing::Values(kOpenAiResponses),
                         [](const auto& wire) { return wire.param.name; });

}  // namespace
}  // namespace infer::faults
