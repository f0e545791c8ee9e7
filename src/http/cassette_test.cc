#include "src/http/cassette.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <random>
#include <set>
#include <thread>

#include "src/http/cassette_file.h"
#include "src/http/fake_transport.h"
#include "src/port/temp_dir.h"

namespace infer::http {
namespace {

using Mode = Cassette::Mode;
using Cut = FakeTransport::Cut;

const std::string kKey = "sk-canary-0123456789";

HttpRequest post(std::string body, std::string path = "/v1/chat/completions") {
  HttpRequest request;
  request.url = "https://api.example.com" + std::move(path);
  request.headers = {{"Authorization", "Bearer " + kKey},
                     {"Content-Type", "application/json"},
                     {"X-Api-Key", kKey}};
  request.body = std::move(body);
  request.options = std::make_shared<const Options>();
  return request;
}

// All that comes of a request.
struct Outcome {
  HttpHead head{};
  std::vector<std::string> pieces{};
  std::optional<Error> error{};
  std::string body() const {
    std::string all;
    for (const std::string& piece : pieces) all += piece;
    return all;
  }
};

Outcome ask(const std::shared_ptr<const Transport>& transport, HttpRequest request) {
  Outcome out;
  Poller poller;
  const auto exchange = transport->start(std::move(request));
  std::string_view bytes;
  for (int pulls = 0; pulls < 100000; ++pulls) {
    switch (exchange->pull(poller, bytes)) {
      case Step::kPending: continue;
      case Step::kEvent:
        out.head = exchange->head();
        if (!bytes.empty()) out.pieces.emplace_back(bytes);
        continue;
      case Step::kError: out.error = exchange->take_error(); [[fallthrough]];
      case Step::kEnd: return out;
    }
  }
  ADD_FAILURE() << "it neither ends nor fails";
  return out;
}

void expect_same(const Outcome& a, const Outcome& b) {
  EXPECT_EQ(a.head.status, b.head.status);
  EXPECT_EQ(a.pieces, b.pieces);
  ASSERT_EQ(a.head.headers.size(), b.head.headers.size());
  for (std::size_t i = 0; i < a.head.headers.size(); ++i) {
    EXPECT_EQ(a.head.headers[i].name, b.head.headers[i].name);
    EXPECT_EQ(a.head.headers[i].value, b.head.headers[i].value);
  }
  ASSERT_EQ(a.error.has_value(), b.error.has_value());
  if (!a.error) return;
  EXPECT_EQ(a.error->code(), b.error->code());
  EXPECT_EQ(a.error->message(), b.error->message());
  EXPECT_EQ(a.error->retry(), b.error->retry());
  EXPECT_EQ(a.error->details(), b.error->details());
}

class CassetteTest : public testing::Test {
 protected:
  std::shared_ptr<const Transport> recording(const FakeTransport& fake) const {
    return cassette_transport({path_, Mode::kRecord}, fake.transport(), {kKey});
  }
  // Without a network: the inner transport must not be asked.
  std::shared_ptr<const Transport> replaying(Canonical canonical = {}) const {
    return cassette_transport({path_, Mode::kReplay}, nullptr, {kKey}, std::move(canonical));
  }
  std::string text() const {
    std::ifstream in(path_, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  Error replay_error(std::string_view file) const {
    dir_.write("one.cassette", file);
    const Outcome out = ask(replaying(), post("{}"));
    EXPECT_TRUE(out.error) << file;
    return out.error.value_or(Error(Errc::kEngine, ""));
  }

  port::TempDir dir_;
  std::string path_ = dir_ / "one.cassette";
};

// ---- what is recorded is replayed

TEST_F(CassetteTest, StreamsComeBackWithTheirPieces) {
  FakeTransport fake;
  const std::string body = "data: {\"a\":\"caf\xC3\xA9\"}\n\ndata: x\r\n\r\ndata: [DONE]\n\n";
  for (std::size_t n = 1; n <= body.size(); ++n)
    fake.answer(200, "text/event-stream", body, std::vector<std::size_t>(body.size(), n))
        .header("x-request-id", "req_1")
        .header("x-ratelimit-remaining-tokens", "17");
  const auto record = recording(fake);
  std::vector<Outcome> recorded;
  for (std::size_t n = 1; n <= body.size(); ++n) {
    recorded.push_back(ask(record, post("{\"n\":" + std::to_string(n) + "}")));
    EXPECT_EQ(recorded.back().body(), body);
    EXPECT_EQ(recorded.back().pieces.size(), (body.size() + n - 1) / n);
    EXPECT_EQ(recorded.back().head.headers.size(), 3u);
  }
  const auto replay = replaying();
  for (std::size_t n = body.size(); n >= 1; --n)
    expect_same(ask(replay, post("{\"n\":" + std::to_string(n) + "}")), recorded[n - 1]);
  EXPECT_EQ(fake.count(), body.size());
}

TEST_F(CassetteTest, AnyBytesComeBack) {
  FakeTransport fake;
  std::mt19937 random(5);
  std::vector<std::string> bodies;
  for (int i = 0; i < 200; ++i) {
    static const std::string kSome("a\n\r\t\0\x7F\x80\xFF|^+=# \\\xC2\x85\xE2\x80\xA8", 20);
    std::string body(random() % 50, '\0');
    for (char& c : body) c = kSome[random() % kSome.size()];
    bodies.push_back(body);
    fake.answer(200, "application/octet-stream", body, {random() % 20 + 1, random() % 20 + 1});
  }
  const auto record = recording(fake);
  std::vector<Outcome> recorded;
  for (const std::string& body : bodies) {
    recorded.push_back(ask(record, post(body)));
    EXPECT_EQ(recorded.back().body(), body);
  }
  // Equal requests are answered in turn: each body is asked for as often as it was recorded.
  const auto replay = replaying();
  for (std::size_t i = 0; i < bodies.size(); ++i)
    expect_same(ask(replay, post(bodies[i])), recorded[i]);
}

TEST_F(CassetteTest, FailuresComeBack) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", "data: 1\n\n").cut_at(5, Cut::kReset);
  fake.answer(200, "text/event-stream", "data: 1\n\n").cut_at(0, Cut::kReset);
  fake.answer(200, "text/event-stream", "data: 1\n\n").cut_at(5, Cut::kEof);
  fake.answer(204, "text/plain", "");
  fake.fail(Error(Errc::kNetwork, "no such host\nor so"), "dns");
  fake.fail(Error(Errc::kTls, "the certificate has expired").with_detail("host", "a b: c"), "tls");
  fake.answer(529, "application/json", "{\"error\":{}}").header("retry-after", "3").pending();
  const auto record = recording(fake);
  std::vector<Outcome> recorded;
  for (int i = 0; i < 7; ++i) recorded.push_back(ask(record, post(std::to_string(i))));
  EXPECT_EQ(recorded[0].body(), "data:");
  EXPECT_EQ(recorded[0].error->code(), Errc::kNetwork);
  EXPECT_EQ(recorded[0].error->detail("phase"), "body");
  EXPECT_EQ(recorded[0].error->retry(), RetryHint::kAmbiguous);
  EXPECT_EQ(recorded[1].head.status, 200);
  EXPECT_TRUE(recorded[1].error);
  EXPECT_FALSE(recorded[2].error);
  EXPECT_EQ(recorded[3].head.status, 204);
  EXPECT_EQ(recorded[4].head.status, 0);
  EXPECT_EQ(recorded[4].error->message(), "no such host or so");
  EXPECT_EQ(recorded[5].error->detail("host"), "a b: c");
  EXPECT_EQ(*recorded[6].head.find("Retry-After"), "3");
  const auto replay = replaying();
  for (int i = 0; i < 7; ++i)
    expect_same(ask(replay, post(std::to_string(i))), recorded[static_cast<std::size_t>(i)]);
}

TEST_F(CassetteTest, EqualRequestsGetTheirAnswersInOrder) {
  FakeTransport fake;
  for (const char* answer : {"one", "two", "three"}) fake.answer(200, "text/plain", answer);
  const auto record = recording(fake);
  EXPECT_EQ(ask(record, post("a")).body(), "one");
  EXPECT_EQ(ask(record, post("b")).body(), "two");
  EXPECT_EQ(ask(record, post("a")).body(), "three");
  const auto replay = replaying();
  EXPECT_EQ(ask(replay, post("b")).body(), "two");
  EXPECT_EQ(ask(replay, post("a")).body(), "one");
  EXPECT_EQ(ask(replay, post("a")).body(), "three");
  EXPECT_EQ(ask(replay, post("a")).body(), "three");
  EXPECT_EQ(ask(replay, post("b")).body(), "two");
}

TEST_F(CassetteTest, RecordingAppends) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one").answer(200, "text/plain", "two");
  EXPECT_EQ(ask(recording(fake), post("a")).body(), "one");
  EXPECT_EQ(ask(recording(fake), post("b")).body(), "two");
  EXPECT_EQ(ask(replaying(), post("a")).body(), "one");
  EXPECT_EQ(ask(replaying(), post("b")).body(), "two");
}

TEST_F(CassetteTest, WhatIsCancelledLeavesNoTrace) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one").pending().hangs();
  fake.answer(200, "text/plain", "two");
  const auto record = recording(fake);
  {
    Poller poller;
    std::string_view bytes;
    const auto exchange = record->start(post("a"));
    for (int i = 0; i < 10; ++i) EXPECT_EQ(exchange->pull(poller, bytes), Step::kPending);
    EXPECT_EQ(exchange->head().status, 0);
  }
  EXPECT_EQ(fake.cancelled(), 1u);
  EXPECT_EQ(text(), kCassetteHead);
  EXPECT_EQ(ask(record, post("b")).body(), "two");
}

// ---- the request

TEST_F(CassetteTest, HostsAndHeadersDoNotMatter) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one");
  ask(recording(fake), post("a", "/v1/x?y=1#z"));
  HttpRequest request = post("a");
  request.url = "http://localhost:8080/v1/x?y=1";
  request.headers.clear();
  EXPECT_EQ(ask(replaying(), request).body(), "one");
}

TEST_F(CassetteTest, PathsOfAddresses) {
  EXPECT_EQ(path_of("https://a.b:1/c/d?e=f#g"), "/c/d?e=f");
  EXPECT_EQ(path_of("https://a.b"), "/");
  EXPECT_EQ(path_of("https://a.b?e"), "/?e");
  EXPECT_EQ(path_of("https://a.b#e"), "/");
  EXPECT_EQ(path_of("/c"), "/c");
}

TEST_F(CassetteTest, BodiesMayBeComparedInTheirCanonicalForm) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one");
  ask(recording(fake), post("b,a"));
  const auto sorted = [](std::string_view body) {
    std::string out(body);
    std::sort(out.begin(), out.end());
    return out;
  };
  EXPECT_EQ(ask(replaying(sorted), post("a,b")).body(), "one");
  EXPECT_EQ(ask(replaying(), post("a,b")).error->code(), Errc::kNotFound);
}

TEST_F(CassetteTest, MissingRequestsSayWhereTheNearestDiffers) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one");
  ask(recording(fake), post(R"({"model":"gpt-4","stream":false})"));
  ask(recording(fake), post(R"({"model":"gpt-5","stream":false})"));
  Error error = *ask(replaying(), post(R"({"model":"gpt-5","stream":true})")).error;
  EXPECT_EQ(error.code(), Errc::kNotFound);
  EXPECT_EQ(error.message(),
            "cassette \"" + path_ +
                "\" holds no answer to POST /v1/chat/completions with this "
                "body; the nearest, in line 13, differs from byte 26 on: recorded: "
                "...l\":\"gpt-5\",\"stream\":false} asked: ...l\":\"gpt-5\",\"stream\":true}");
  EXPECT_EQ(error.detail("line"), "13");
  EXPECT_EQ(error.detail("offset"), "26");
  EXPECT_EQ(error.retry(), RetryHint::kNo);

  HttpRequest get = post("", "/v1/models");
  get.method = "GET";
  error = *ask(replaying(), get).error;
  EXPECT_EQ(error.code(), Errc::kNotFound);
  EXPECT_EQ(error.message(), "cassette \"" + path_ +
                                 "\" holds no answer to GET /v1/models; the "
                                 "nearest, in line 3, is POST /v1/chat/completions");
  EXPECT_EQ(replay_error(kCassetteHead).message(),
            "cassette \"" + path_ + "\" holds no answer to POST /v1/chat/completions; it is empty");
}

// ---- secrets

TEST_F(CassetteTest, KeysAreNowhereInTheFile) {
  FakeTransport fake;
  const std::string echo = "{\"error\":\"no such key: " + kKey + "\"}";
  for (std::size_t cut = 1; cut < echo.size(); ++cut)
    fake.answer(401, "application/json", echo, {cut, 3, 1})
        .header("set-cookie", "session=" + kKey)
        .header("openai-organization", "org-canary")
        .header("x-request-id", "req-" + kKey);
  fake.fail(Error(Errc::kNetwork, "refused: " + kKey).with_detail("key", kKey));
  const auto record = recording(fake);
  std::vector<Outcome> recorded;
  for (std::size_t i = 1; i <= echo.size(); ++i)
    recorded.push_back(ask(record, post("{\"key\":\"" + kKey + "\"}", "/v1/x?key=" + kKey)));
  EXPECT_EQ(text().find("canary"), std::string::npos);
  EXPECT_EQ(text().find("0123456789"), std::string::npos);
  EXPECT_EQ(text().find("Authorization"), std::string::npos);
  for (std::size_t i = 0; i + 1 < recorded.size(); ++i) {
    EXPECT_EQ(recorded[i].body(), "{\"error\":\"no such key: [secret]\"}");
    EXPECT_EQ(*recorded[i].head.find("x-request-id"), "req-[secret]");
    EXPECT_EQ(recorded[i].head.find("set-cookie"), nullptr);
    EXPECT_EQ(recorded[i].head.find("openai-organization"), nullptr);
  }
  EXPECT_EQ(recorded.back().error->message(), "refused: [secret]");
  // The one who asks has the key: what he asks is found all the same.
  const auto replay = replaying();
  for (const Outcome& one : recorded)
    expect_same(ask(replay, post("{\"key\":\"" + kKey + "\"}", "/v1/x?key=" + kKey)), one);
}

TEST_F(CassetteTest, OverlappingSecretsLeaveNothing) {
  const std::vector<std::string> secrets = {"abcdefgh", "efghijkl", "abcdefghXY", "short", ""};
  EXPECT_EQ(without(secrets, "1abcdefghijkl2"), "1[secret]2");
  EXPECT_EQ(without(secrets, "abcdefghXYabcdefgh"), "[secret][secret]");
  EXPECT_EQ(without(secrets, "a short word"), "a short word");
  EXPECT_EQ(without({"aaaaaaaa"}, "aaaaaaaaaaaa."), "[secret].");
}

TEST_F(CassetteTest, SecretsAreTakenOutOfPiecesAsOutOfTheWhole) {
  std::mt19937 random(9);
  const std::vector<std::string> secrets = {"aabbaabb", "abababab", "bbbbbbbbb"};
  for (int i = 0; i < 20000; ++i) {
    Recorded exchange;
    std::string all;
    for (std::size_t n = random() % 6; n > 0; --n) {
      std::string piece(random() % 12, 'a');
      for (char& c : piece) c = random() % 2 ? 'a' : 'b';
      all += piece;
      exchange.pieces.push_back(piece);
    }
    const std::size_t pieces = exchange.pieces.size();
    take_out(secrets, exchange);
    std::string clean;
    for (const std::string& piece : exchange.pieces) clean += piece;
    ASSERT_EQ(clean, without(secrets, all)) << all;
    ASSERT_EQ(exchange.pieces.size(), pieces);
    for (const std::string& secret : secrets) ASSERT_EQ(clean.find(secret), clean.npos);
  }
}

// ---- files

TEST_F(CassetteTest, TheFileIsForPeople) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", "data: h\xC3\xA9\n\ndata: [DONE]\r\n\x01", {8, 2, 15});
  ask(recording(fake), post("{\"stream\":true}"));
  EXPECT_EQ(text(),
            "infer cassette 1\n"
            "\n"
            "request POST /v1/chat/completions\n"
            "header content-type: application/json\n"
            "body 15\n"
            "+{\"stream\":true}\n"
            "answer 200\n"
            "header content-type: text/event-stream\n"
            "piece 8\n"
            "=ZGF0YTogaMM=\n"
            "piece 2\n"
            "=qQo=\n"
            "piece 15\n"
            "|\n"
            "^data: [DONE]\n"
            "piece 1\n"
            "=AQ==\n"
            "end\n");
}

TEST_F(CassetteTest, FilesThatCannotBeWritten) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one");
  for (const std::string& path : {std::string("/dev/full"), dir_ / "no/such/dir", dir_.path()}) {
    const auto record = cassette_transport({path, Mode::kRecord}, fake.transport());
    const Outcome out = ask(record, post("a"));
    ASSERT_TRUE(out.error) << path;
    EXPECT_EQ(out.error->code(), Errc::kIo) << path;
    EXPECT_NE(out.error->message().find(path), std::string::npos) << out.error->message();
    EXPECT_TRUE(out.pieces.empty());
  }
  EXPECT_EQ(fake.count(), 0u) << "nothing is asked whose answer cannot be kept";
}

// The disk may also be full by the time that the answer has come.
TEST_F(CassetteTest, AFileThatCannotBeWrittenAnyMore) {
  FakeTransport fake;
  fake.answer_by([&](const HttpRequest&) {
    std::filesystem::remove(path_);
    std::filesystem::create_directory(path_);
    FakeAnswer answer;
    answer.pieces = {"one"};
    return answer;
  });
  const Outcome out = ask(recording(fake), post("a"));
  ASSERT_TRUE(out.error);
  EXPECT_EQ(out.error->code(), Errc::kIo);
  EXPECT_TRUE(out.pieces.empty()) << "what is not in the file nobody has seen";
}

TEST_F(CassetteTest, FilesThatAreNoCassettesAreLeftAlone) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one");
  for (const std::string& file : {std::string("my diary\n"), std::string("infer cassette 2\n")}) {
    dir_.write("one.cassette", file);
    const Outcome out = ask(recording(fake), post("a"));
    ASSERT_TRUE(out.error);
    EXPECT_EQ(out.error->code(), Errc::kProtocol);
    EXPECT_EQ(text(), file);
  }
  EXPECT_EQ(fake.count(), 0u);
}

TEST_F(CassetteTest, FilesThatCannotBeRead) {
  EXPECT_EQ(ask(replaying(), post("a")).error->code(), Errc::kNotFound);
  const auto directory = cassette_transport({dir_.path(), Mode::kReplay}, nullptr);
  EXPECT_EQ(ask(directory, post("a")).error->code(), Errc::kIo);
}

TEST_F(CassetteTest, DamageIsNamedWithItsLine) {
  struct Case {
    std::string text;
    std::string line;
    std::string reason;
  };
  const std::string head(kCassetteHead);
  const std::string begin = head + "request POST /a\n";
  for (const Case& one : std::vector<Case>{
           {"", "1", "the file is empty"},
           {"hello\n", "1", "this is not a cassette"},
           {"infer cassette 2\n", "1",
            "version \"2\" of the format is not known; this library reads version 1"},
           {"infer cassette 1\r\n", "1",
            "its lines end with CR LF: something has converted the file"},
           {head + "answer 200\nend\n", "2", "\"request\" was expected"},
           {head + "request POST\n", "2", "a method and a path were expected after \"request\""},
           {head + "request POST a\n", "2", "a method and a path were expected after \"request\""},
           {begin, "2", "the exchange that begins in line 2 has no \"end\""},
           {begin + "end\n", "3", "\"end\" is not expected here"},
           {begin + "what 1\n", "3", "\"what\" is not expected here"},
           {begin + "piece 1\n", "3", "\"piece\" is not expected here"},
           {begin + "header a\n", "3", "\"NAME: VALUE\" was expected"},
           {begin + "body x\n", "3", "a number was expected"},
           {begin + "body 3\n+ab\n", "4", "line 3 announces 3 bytes, but 2 follow"},
           {begin + "body 1\n+ab\n", "4", "line 3 announces 1 bytes, but 2 follow"},
           {begin + "body 3\n=YQ\n", "4", "this is not base64"},
           {begin + "body 0\nbody 0\n", "4", "\"body\" is not expected here"},
           {begin + "answer\n", "3", "a number was expected"},
           {begin + "answer 20\n", "3", "this is not an HTTP status"},
           {begin + "answer 200\nanswer 200\n", "4", "\"answer\" is not expected here"},
           {begin + "answer 200\nbody 0\n", "4", "\"body\" is not expected here"},
           {begin + "answer 200\npiece 5\n|data\n", "5",
            "the exchange that begins in line 2 has no \"end\""},
           {begin + "answer 200\nend\nrequest GET /\n", "5",
            "the exchange that begins in line 5 has no \"end\""},
           {begin + "error no_such\n", "3", "no error has the code \"no_such\""},
           {begin + "error network\nend\n", "4", "\"message\" was expected"},
           {begin + "error network\nmessage m\nretry perhaps\n", "5",
            "\"retry\" is yes, no or ambiguous"},
           {begin + "error network\nmessage m\npiece 1\n", "5",
            "\"retry\", \"detail\" or \"end\" was expected"},
           {begin + "error network\nmessage m\n", "4", "the error has no \"end\""}}) {
    const Error error = replay_error(one.text);
    EXPECT_EQ(error.code(), Errc::kProtocol) << one.text;
    EXPECT_EQ(error.message(), "cassette \"" + path_ + "\", line " + one.line + ": " + one.reason)
        << one.text;
    EXPECT_EQ(error.detail("line"), one.line);
  }
}

// No beginning of a cassette is taken for another one: what is cut off is noticed at every byte,
// except between exchanges, where fewer of them are whole.
TEST_F(CassetteTest, CutFilesAreNoticedAtEveryByte) {
  FakeTransport fake;
  fake.answer(200, "text/plain", "one\ntwo", {2});
  fake.fail(Error(Errc::kNetwork, "refused"));
  ask(recording(fake), post("a"));
  const std::size_t first = text().size();
  ask(recording(fake), post("b"));
  const std::string whole = text();
  // The last line feed of all is not needed; what stands between exchanges is empty.
  const std::set<std::size_t> complete = {kCassetteHead.size() - 1,
                                          kCassetteHead.size(),
                                          kCassetteHead.size() + 1,
                                          first - 1,
                                          first,
                                          first + 1,
                                          whole.size() - 1,
                                          whole.size()};
  for (std::size_t n = 0; n <= whole.size(); ++n) {
    const auto read = read_cassette(std::string_view(whole).substr(0, n), "x");
    EXPECT_EQ(read.has_value(), complete.count(n) == 1) << n << ": " << whole.substr(0, n);
    if (!read) continue;
    EXPECT_EQ(read->size(), n < first - 1 ? 0u : n < whole.size() - 1 ? 1u : 2u);
  }
}

TEST_F(CassetteTest, CommentsAndEmptyLinesMayStandBetweenLines) {
  dir_.write("one.cassette",
             "infer cassette 1\n# about this\n\nrequest POST /v1/chat/completions\n\n# asked:\n"
             "body 1\n+a\n\nanswer 200\n# said:\npiece 4\n|one\n\nend\n# over");
  EXPECT_EQ(ask(replaying(), post("a")).body(), "one\n");
}

// The example of the format's page is one.
TEST_F(CassetteTest, TheExampleOfTheDocuments) {
  std::ifstream in(INFER_SOURCE_DIR "/docs/formats/cassette.md", std::ios::binary);
  const std::string page(std::istreambuf_iterator<char>(in), {});
  const std::size_t begin = page.find("```\n") + 4;
  const auto read = read_cassette(
      std::string_view(page).substr(begin, page.find("```", begin) - begin), "the example");
  ASSERT_TRUE(read) << read.error();
  ASSERT_EQ(read->size(), 2u);
  const Recorded& hi = read->front();
  EXPECT_EQ(hi.body, R"({"messages":[{"content":"Hi","role":"user"}],"model":"tiny"})");
  EXPECT_EQ(*hi.head.find("x-request-id"), "req_7");
  ASSERT_EQ(hi.pieces.size(), 2u);
  EXPECT_EQ(hi.pieces[0] + hi.pieces[1],
            "data: {\"choices\":[{\"delta\":{\"content\":\"Gr\xC3\xBC\xC3\x9F\"}}]}\n\n"
            "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n");
  EXPECT_EQ(read->back().head.status, 0);
  EXPECT_EQ(read->back().error->code(), Errc::kNetwork);
  std::string again;
  for (const Recorded& one : *read) again += to_text(one);
  std::string example = page.substr(begin, page.find("```", begin) - begin);
  example.erase(0, kCassetteHead.size());
  const std::size_t comment = example.find('#');
  example.erase(comment, example.find('\n', comment) + 1 - comment);
  EXPECT_EQ(again, example) << "it is what is written, but for the comment";
}

// ---- at the same time

TEST_F(CassetteTest, RepliesAreRecordedAtTheSameTime) {
  FakeTransport fake;
  fake.answer_by([](const HttpRequest& request) {
    FakeAnswer answer;
    answer.pieces = {"to ", request.body, "\n"};
    answer.pending = true;
    return answer;
  });
  constexpr int kThreads = 4, kEach = 50;
  const auto together = [&](const auto& work) {
    std::vector<std::thread> threads;
    for (int t = 0; t < kThreads; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < kEach; ++i) work(std::to_string(t * kEach + i));
      });
    for (std::thread& thread : threads) thread.join();
  };
  const auto one = recording(fake), two = recording(fake);  // as two backends have one each
  together([&](const std::string& body) {
    EXPECT_EQ(ask(body.size() % 2 ? one : two, post(body)).body(), "to " + body + "\n");
  });
  const auto replay = replaying();
  together([&](const std::string& body) {
    EXPECT_EQ(ask(replay, post(body)).body(), "to " + body + "\n");
  });
  EXPECT_EQ(fake.count(), static_cast<std::size_t>(kThreads * kEach));
}

}  // namespace
}  // namespace infer::http
