// The source that all wires share, with a wire of the test's own: an event's data is a word of the
// answer, "END" is the proof, "DONE" says that nothing more comes.
#include "src/cloud/backend.h"

#include <gtest/gtest.h>

#include <string>

#include "src/core/scripted.h"
#include "src/http/fake_transport.h"

namespace infer::cloud {
namespace {

using http::FakeTransport;

class WordReader final : public Reader {
 public:
  std::optional<Error> event(std::string_view, std::string_view data, EventQueue& out) override {
    if (!std::exchange(started_, true)) {
      out.start({.model = "words"});
      out.begin(0, 0, Event::PartKind::kText);
    }
    if (data == "BAD") return bad_answer("words", "a bad word", 1, data);
    if (data == "END") proven_ = true;
    if (data == "DONE") proven_ = done_ = true;
    if (data == "USAGE") out.usage({.output = 1});
    if (data != "END" && data != "DONE" && data != "USAGE") out.delta_view(0, data);
    return std::nullopt;
  }
  std::optional<Error> whole(std::string_view body, EventQueue& out) override {
    return event({}, body, out);
  }
  bool proven() const override { return proven_; }
  bool done() const override { return done_; }
  void close(EventQueue& out) override {
    out.usage({.output = 7});
    out.finish(0, Finish::kStop, "end");
  }

 private:
  bool started_ = false, proven_ = false, done_ = false;
};

class WordWire final : public Wire {
 public:
  Result<Outgoing> write(const Request& request, const Call& call) const override {
    Outgoing outgoing;
    outgoing.path = "/words";
    outgoing.body = std::get<TextRequest>(request).messages.front().text();
    outgoing.stream = call.wire != infer::Wire::kWhole;
    outgoing.warnings.push_back({"unsupported_setting", "no top_k", "{}"});
    outgoing.reader = std::make_unique<WordReader>();
    return outgoing;
  }
  Complaint complaint(std::string_view body) const override {
    return {.code = "word_error", .message = std::string(body)};
  }
};

Endpoint endpoint(const FakeTransport& fake) {
  Endpoint out;
  out.provider = "words";
  out.base_url = "https://words.example.com/v1";
  out.origin = "https://words.example.com";
  out.secrets = {Secret("sk-canary-0123456789")};
  out.options = std::make_shared<http::Options>(
      http::Options{.limits = {.event_bytes = 1000, .body_bytes = 2000, .answer_bytes = 1500}});
  out.transport = fake.transport();
  return out;
}

TextModel words(const FakeTransport& fake) {
  return TextModel(make_backend(std::make_shared<WordWire>(), endpoint(fake), {.name = "w"}));
}

FakeTransport streaming(const std::string& body, const std::vector<std::size_t>& sizes = {}) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream; charset=utf-8", body, sizes);
  return fake;
}

constexpr const char* kGood = "data: one\n\ndata: two\n\ndata: END\n\ndata: DONE\n\n";

Error error_of(const FakeTransport& fake) {
  auto response = words(fake).stream("hi").finish();
  if (!response) return response.error();
  ADD_FAILURE() << "a success: " << response->text();
  return Error(Errc::kEngine, "a success");
}

TEST(WireBackend, AStreamBecomesAReply) {
  const FakeTransport fake = streaming(kGood, {3, 9, 1, 4});
  const auto response = words(fake).stream("hi").finish();
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->text(), "onetwo");
  EXPECT_EQ(response->usage.output, 7);
  EXPECT_TRUE(response->usage.timing.first);
  ASSERT_EQ(response->warnings.size(), 1u);
  EXPECT_EQ(response->warnings[0].message, "no top_k");
  EXPECT_EQ(fake.proven(), 1u);
  const http::HttpRequest request = fake.requests().at(0);
  EXPECT_EQ(request.url, "https://words.example.com/v1/words");
  EXPECT_EQ(request.body, "hi");
  http::HttpHead head;
  head.headers = request.headers;
  EXPECT_EQ(*head.find("accept"), "text/event-stream");
}

TEST(WireBackend, WhatAnAnswerIsIsToldByItsTypeElseByItsFirstByte) {
  for (const char* type : {"text/event-stream", "", "text/plain", "application/octet-stream"}) {
    FakeTransport fake;
    fake.answer(200, type, kGood);
    EXPECT_EQ(words(fake).stream("hi").finish()->text(), "onetwo") << type;
  }
  for (const char* type :
       {"application/json; charset=utf-8", "application/problem+json", "", "text/plain"}) {
    FakeTransport fake;
    fake.answer(200, type, "{whole}", {0, 2});
    EXPECT_EQ(words(fake).stream("hi").finish()->text(), "{whole}") << type;
  }
  FakeTransport page;
  page.answer(200, "text/html", "<html>sk-canary-0123456789 a proxy's page</html>");
  const Error error = error_of(page);
  EXPECT_EQ(error.code(), Errc::kProtocol);
  EXPECT_EQ(error.detail("content_type"), "text/html");
  EXPECT_EQ(error.body(), "<html>[secret] a proxy's page</html>");
  EXPECT_EQ(error.http_status(), 200);
}

TEST(WireBackend, EveryCutBeforeTheProofIsAFailureAndEveryOneAfterItASuccess) {
  const std::string body = kGood;
  const std::size_t proof = body.find("END") + 5;  // with the empty line
  for (const auto cut : {FakeTransport::Cut::kEof, FakeTransport::Cut::kReset}) {
    for (std::size_t n = 0; n <= body.size(); ++n) {
      FakeTransport fake = streaming(body);
      fake.cut_at(n, cut);
      const auto response = words(fake).stream("hi").finish();
      ASSERT_EQ(response.has_value(), n >= proof) << n;
      if (response) {
        EXPECT_EQ(response->text(), "onetwo");
        continue;
      }
      const Errc code = response.error().code();
      if (cut == FakeTransport::Cut::kReset)
        EXPECT_EQ(code, Errc::kNetwork) << n;
      else
        EXPECT_EQ(code, Errc::kTruncated) << n;
      const Response* partial = response.error().partial();
      EXPECT_EQ(partial ? partial->text() : "", n < 11 ? "" : n < 22 ? "one" : "onetwo") << n;
    }
  }
}

TEST(WireBackend, ARefusalIsTheProvidersErrorWithoutKeys) {
  FakeTransport fake;
  fake.answer(429, "application/json", "slow down sk-canary-0123456789").header("retry-after", "7");
  const Error error = error_of(fake);
  EXPECT_EQ(error.code(), Errc::kRateLimited);
  EXPECT_EQ(error.message(), "slow down [secret]");
  EXPECT_EQ(error.body(), "slow down [secret]");
  EXPECT_EQ(error.retry_after(), std::chrono::seconds(7));
  EXPECT_EQ(error.provider_code(), "word_error");
}

TEST(WireBackend, ARefusalWhoseBodyIsCutIsARefusal) {
  FakeTransport fake;
  fake.answer(401, "application/json", "no such key, and more")
      .cut_at(11, FakeTransport::Cut::kReset);
  const Error error = error_of(fake);
  EXPECT_EQ(error.code(), Errc::kUnauthorized);
  EXPECT_EQ(error.retry(), RetryHint::kNo);
  EXPECT_EQ(error.body(), "no such key");
  FakeTransport hanging;
  hanging.answer(403, "application/json", "no").hangs();
  Call call;
  call.timeouts.first = std::chrono::milliseconds(5);
  EXPECT_EQ(words(hanging).stream("hi", call).finish().error().code(), Errc::kForbidden);
}

TEST(WireBackend, FiguresWithoutEndDoNotKeepTheCaller) {
  // More figures than one pull may read: the total time is looked at between two pulls.
  std::string flood = "data: one\n\n";
  while (flood.size() < 4 * 1024 * 1024) flood += "data: USAGE\n\n";
  FakeTransport fake = streaming(flood, std::vector<std::size_t>(flood.size() / 4096, 4096));
  Poller poller;
  Reply reply = words(fake).stream("hi", {.poller = poller});
  std::size_t pending = 0;
  for (Step step = reply.try_next(); step != Step::kError; step = reply.try_next())
    pending += step == Step::kPending;
  EXPECT_EQ(reply.error()->code(), Errc::kTruncated);
  EXPECT_GE(pending, 8u);
}

TEST(WireBackend, LimitsEndAnAnswerThatGrowsWithoutBound) {
  struct {
    const char* type;
    std::string body;
    const char* limit;
  } const cases[] = {{"text/event-stream", "data: " + std::string(2000, 'x'), "event_bytes"},
                     {"application/json", "{" + std::string(5000, 'x'), "body_bytes"},
                     {"text/event-stream", "", "answer_bytes"}};
  for (const auto& c : cases) {
    std::string body = c.body;
    if (body.empty())
      for (int i = 0; i < 20; ++i) body += "data: " + std::string(100, 'x') + "\n\n";
    FakeTransport fake;
    fake.answer(200, c.type, body, std::vector<std::size_t>(body.size() / 64, 64));
    const Error error = error_of(fake);
    EXPECT_EQ(error.code(), Errc::kTooLarge) << c.limit;
    EXPECT_EQ(error.detail("limit"), c.limit);
    EXPECT_EQ(error.retry(), RetryHint::kNo);
  }
  // The page of an error has no bound that fails: what it says is clipped instead.
  FakeTransport fake;
  fake.answer(500, "text/html", std::string(3 * 1024 * 1024, 'x'),
              std::vector<std::size_t>(1000, 4096));
  const Error error = error_of(fake);
  EXPECT_EQ(error.code(), Errc::kServerError);
  EXPECT_EQ(error.body().size(), 4096u);
}

TEST(WireBackend, EmptyAnswersAreErrors) {
  for (const char* type : {"text/event-stream", "application/json", ""}) {
    for (const char* body : {"", "\n", ": only a comment\n\n"}) {
      FakeTransport fake;
      fake.answer(200, type, body);
      if (std::string_view(type) == "application/json" && body[0] == ':') continue;
      const Error error = error_of(fake);
      const bool stream = type[0] == 't' || body[0] == ':';
      EXPECT_EQ(error.code(), stream ? Errc::kTruncated : Errc::kProtocol) << type << body;
    }
  }
}

TEST(WireBackend, AnEventThatIsWrongIsNamed) {
  const Error error = error_of(streaming("data: one\n\ndata: BAD\n\n"));
  EXPECT_EQ(error.code(), Errc::kProtocol);
  ASSERT_NE(error.partial(), nullptr);
  EXPECT_EQ(error.partial()->text(), "one");
}

TEST(WireBackend, AStopEndsItAndClosesTheConnection) {
  FakeTransport fake = streaming("data: one\n\n");
  fake.hangs();
  StopSource stop;
  Reply reply = words(fake).stream("hi", {.stop = stop.token()});
  while (const Event* event = reply.next())
    if (event->kind == Event::Kind::kDelta) stop.request_stop();
  ASSERT_NE(reply.error(), nullptr);
  EXPECT_EQ(reply.error()->code(), Errc::kCancelled);
  EXPECT_EQ(fake.cancelled(), 1u);
}

TEST(WireBackend, SilenceEndsBySettableTimes) {
  FakeTransport fake = streaming("data: one\n\n");
  fake.hangs();
  Call call;
  call.timeouts.idle = std::chrono::milliseconds(5);
  auto response = words(fake).stream("hi", call).finish();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Errc::kTimeout);
  EXPECT_EQ(response.error().detail("timeout"), "idle");
  EXPECT_EQ(response.error().partial()->text(), "one");
}

// A pull gives way now and then, so that a stop is heard and times are looked at.
TEST(WireBackend, AFloodOfKeepAlivesDoesNotKeepThePull) {
  FakeTransport fake;
  http::FakeAnswer flood;
  flood.headers.push_back({"content-type", "text/event-stream"});
  std::string piece;
  for (int i = 0; i < 1000; ++i) piece += ": ping\n\n";
  flood.pieces.assign(400, piece);
  fake.answer(std::move(flood));
  Call call;
  call.poller = Poller();
  Reply reply = words(fake).stream("hi", call);
  int breaths = 0;
  Step step = reply.try_next();
  for (; step == Step::kPending; step = reply.try_next()) {
    ++breaths;
    call.poller->wait(Clock::now() + std::chrono::seconds(10));
    EXPECT_NE(call.poller->ready(), nullptr);  // woken at once
  }
  ASSERT_EQ(step, Step::kError);  // it ended without a word
  EXPECT_EQ(reply.error()->code(), Errc::kTruncated) << *reply.error();
  EXPECT_GE(breaths, 10);
}

TEST(WireBackend, NothingAtAllInTimeMayHaveRun) {
  FakeTransport fake = streaming("");
  fake.hangs();
  Call call;
  call.timeouts.first = std::chrono::milliseconds(5);
  const auto response = words(fake).stream("hi", call).finish();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().detail("timeout"), "first");
  EXPECT_EQ(response.error().retry(), RetryHint::kAmbiguous);
}

TEST(WireBackend, SilenceAfterTheProofLosesNothing) {
  FakeTransport fake = streaming("data: one\n\ndata: END\n\n");
  fake.hangs();
  Call call;
  call.timeouts.idle = std::chrono::milliseconds(5);
  const auto response = words(fake).stream("hi", call).finish();
  ASSERT_TRUE(response) << response.error();
  EXPECT_EQ(response->text(), "one");
}

TEST(WireBackend, NothingIsWaitedForAfterTheLastWord) {
  FakeTransport fake = streaming(kGood);
  fake.hangs();
  EXPECT_TRUE(words(fake).stream("hi").finish());
  EXPECT_EQ(fake.proven(), 1u);
  EXPECT_EQ(fake.cancelled(), 0u);
}

TEST(Get, GivesTheBodyOrTheError) {
  FakeTransport fake;
  fake.answer(200, "application/json", R"({"data":[]})").answer(404, "application/json", "gone");
  const WordWire wire;
  EXPECT_EQ(*get(endpoint(fake), wire, "/models", {}), R"({"data":[]})");
  EXPECT_EQ(fake.requests()[0].method, "GET");
  EXPECT_EQ(get(endpoint(fake), wire, "/models", {}).error().code(), Errc::kNotFound);
}

}  // namespace
}  // namespace infer::cloud
