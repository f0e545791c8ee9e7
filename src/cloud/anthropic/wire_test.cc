// The provider from end to end: a TextModel, and a transport whose answers are written down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/testing.h"
#include "src/http/fake_transport.h"
#include "src/port/effort.h"

namespace infer::cloud {
namespace {

using anthropic_test::Json;
using anthropic_test::proof_of;
using anthropic_test::sse_of;
using anthropic_test::Stream;
using anthropic_test::stream_fixtures;
using http::FakeTransport;
using ::testing::HasSubstr;

constexpr const char* kCanary = "sk-ant-canary-0123456789";

ApiConfig config(std::string base_url = "https://claude.example.com") {
  ApiConfig out;
  out.key = kCanary;
  out.base_url = std::move(base_url);
  return out;
}

TextModel model_of(const FakeTransport& fake, const ApiConfig& api = config()) {
  auto endpoint = anthropic_endpoint(api);
  EXPECT_TRUE(endpoint) << endpoint.error();
  endpoint->transport = fake.transport();
  return TextModel(make_backend(anthropic_wire(anthropic_model("claude-x", *endpoint, api)),
                                *endpoint, {.name = "claude-x"}));
}

FakeTransport answering(const std::string& body, const char* type = "text/event-stream",
                        int status = 200) {
  FakeTransport fake;
  fake.answer(status, type, body);
  return fake;
}

const char* const kWhole =
    R"({"id":"msg_1","type":"message","role":"assistant","model":"claude-x",)"
    R"("content":[{"type":"text","text":"Hello."}],"stop_reason":"end_turn",)"
    R"("stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2}})";

std::string header_of(const http::HttpRequest& request, std::string_view name) {
  http::HttpHead head;
  head.headers = request.headers;
  const std::string* const value = head.find(name);
  return value ? *value : std::string();
}

TEST(AnthropicWire, asks_for_a_stream_or_the_whole) {
  FakeTransport fake = answering(kWhole, "application/json");
  fake.header("request-id", "req_1").header("anthropic-ratelimit-requests-remaining", "49");
  const TextModel model = model_of(fake);
  auto whole = model.generate("hi");
  ASSERT_TRUE(whole) << whole.error();
  EXPECT_EQ(whole->text(), "Hello.");
  EXPECT_EQ(whole->provider, "anthropic");
  EXPECT_EQ(whole->id, "msg_1");
  EXPECT_EQ(whole->request_id, "req_1");
  EXPECT_EQ(Json::parse(whole->metadata),
            Json::parse(R"({"rate_limits":{"anthropic-ratelimit-requests-remaining":"49"}})"));
  ASSERT_EQ(whole->rate_limits.size(), 1u);
  EXPECT_EQ(whole->rate_limits[0].what, "requests");
  EXPECT_EQ(whole->rate_limits[0].remaining, 49);
  EXPECT_EQ(whole->issuer, "anthropic@https://claude.example.com");
  EXPECT_EQ(whole->message().parts.at(0).issuer, whole->issuer);
  EXPECT_EQ(whole->usage.input, 3);
  // Whatever is asked for, what comes is read.
  auto streamed = model.stream("hi").finish();
  ASSERT_TRUE(streamed) << streamed.error();
  const auto requests = fake.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_FALSE(Json::parse(requests[0].body).contains("stream"));
  EXPECT_EQ(Json::parse(requests[1].body)["stream"], true);
  EXPECT_EQ(header_of(requests[0], "accept"), "application/json");
  EXPECT_EQ(header_of(requests[1], "accept"), "text/event-stream");
}

TEST(AnthropicWire, addresses_and_headers) {
  const std::pair<const char*, const char*> addresses[] = {
      {"https://claude.example.com", "https://claude.example.com/v1/messages"},
      {"https://claude.example.com/", "https://claude.example.com/v1/messages"},
      {"https://claude.example.com/v1", "https://claude.example.com/v1/messages"},
      {"https://claude.example.com/v1/", "https://claude.example.com/v1/messages"},
      {"https://claude.example.com/api", "https://claude.example.com/api/v1/messages"},
  };
  for (const auto& [base, url] : addresses) {
    FakeTransport fake = answering(kWhole, "application/json");
    ApiConfig api = config(base);
    api.headers = {{"anthropic-beta", "files-api-2025-04-14"}};
    ASSERT_TRUE(model_of(fake, api).generate("hi"));
    const auto request = fake.requests().at(0);
    EXPECT_EQ(request.url, url);
    EXPECT_EQ(header_of(request, "x-api-key"), kCanary);
    EXPECT_EQ(header_of(request, "authorization"), "");
    EXPECT_EQ(header_of(request, "anthropic-version"), "2023-06-01");
    EXPECT_EQ(header_of(request, "anthropic-beta"), "files-api-2025-04-14");
  }
  FakeTransport fake = answering(kWhole, "application/json");
  ApiConfig api = config();
  api.api_version = "2030-01-01";
  ASSERT_TRUE(model_of(fake, api).generate("hi"));
  EXPECT_EQ(header_of(fake.requests().at(0), "anthropic-version"), "2030-01-01");
  api.headers = {{"Anthropic-Version", "2031-01-01"}};
  ASSERT_TRUE(model_of(fake, api).generate("hi"));
  EXPECT_EQ(header_of(fake.requests().at(1), "anthropic-version"), "2031-01-01");
  api.api_version = "2030\r\nx: y";
  const auto smuggled = anthropic_endpoint(api);
  ASSERT_FALSE(smuggled);
  EXPECT_EQ(smuggled.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(smuggled.error().detail("field"), "api_version");
}

// Whatever is written behind its name, the provider's own address is no other server.
TEST(AnthropicWire, who_issues_the_parts) {
  const std::pair<const char*, const char*> addresses[] = {
      {"https://api.anthropic.com", "anthropic"},
      {"https://api.anthropic.com/v1/", "anthropic"},
      {"https://claude.example.com/v1", "anthropic@https://claude.example.com"},
      {"http://127.0.0.1:8080", "anthropic@http://127.0.0.1:8080"},
  };
  for (const auto& [base, issuer] : addresses) {
    const auto endpoint = anthropic_endpoint(config(base));
    ASSERT_TRUE(endpoint) << endpoint.error();
    const AnthropicModel model = anthropic_model("claude-x", *endpoint, {});
    EXPECT_EQ(model.issuer, issuer) << base;
  }
}

TEST(AnthropicWire, a_model_needs_a_name) {
  const auto model = open_anthropic("", config());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), Errc::kInvalidRequest);
}

TEST(AnthropicWire, other_requests_are_refused_and_nothing_is_sent) {
  const auto wire = anthropic_wire({.name = "claude-x"});
  for (const Request& request :
       {Request(ImageRequest{.prompt = "a cat"}), Request(EmbeddingRequest{.inputs = {"a"}}),
        Request(RerankRequest{.query = "a", .documents = {"b"}})}) {
    const auto outgoing = wire->write(request, {});
    ASSERT_FALSE(outgoing);
    EXPECT_EQ(outgoing.error().code(), Errc::kUnsupported);
  }
}

void expect_cut(const Stream& stream, const std::string& text, std::size_t at,
                FakeTransport::Cut cut) {
  FakeTransport fake = answering(stream.bytes);
  fake.cut_at(at, cut);
  auto response = model_of(fake).stream("hi").finish();
  if (at >= proof_of(stream.bytes)) {
    ASSERT_TRUE(response) << stream.name << " cut at " << at << ": " << response.error();
    return;
  }
  ASSERT_FALSE(response) << stream.name << " cut at " << at;
  const Error& error = response.error();
  const Errc code = cut == FakeTransport::Cut::kReset ? Errc::kNetwork : Errc::kTruncated;
  ASSERT_EQ(error.code(), code) << stream.name << " cut at " << at << ": " << error;
  const std::string partial = error.partial() ? error.partial()->text() : std::string();
  ASSERT_EQ(text.substr(0, partial.size()), partial) << stream.name << " cut at " << at;
}

TEST(AnthropicWire, cuts_at_every_byte_are_no_success_before_the_proof_and_one_after_it) {
  std::size_t streams = 0;
  for (const Stream& stream : stream_fixtures()) {
    if (stream.bytes.size() > 3000) continue;
    ++streams;
    const std::string text = anthropic_test::read_stream(stream.bytes).response.text();
    for (std::size_t at = 0; at <= stream.bytes.size(); at += port::kStride)
      for (const auto cut : {FakeTransport::Cut::kEof, FakeTransport::Cut::kReset})
        expect_cut(stream, text, at, cut);
  }
  if (streams == 0) GTEST_SKIP() << "no fixtures beside the source tree";
  EXPECT_GE(streams, 10u);
}

TEST(AnthropicWire, the_partial_answer_of_a_cut_stream) {
  const std::string bytes = sse_of(
      {R"({"type":"message_start","message":{"id":"m","model":"claude-x",)"
       R"("usage":{"input_tokens":9}}})",
       R"({"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}})",
       R"({"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"half"}})"});
  auto response = model_of(answering(bytes)).stream("hi").finish();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Errc::kTruncated);
  ASSERT_TRUE(response.error().partial());
  EXPECT_EQ(response.error().partial()->text(), "half");
  EXPECT_EQ(response.error().partial()->usage.input, 9);
}

TEST(AnthropicWire, refusals_by_status) {
  struct Case {
    int status;
    const char* type;
    Errc code;
    RetryHint retry;
  };
  const Case cases[] = {
      {400, "invalid_request_error", Errc::kInvalidRequest, RetryHint::kNo},
      {401, "authentication_error", Errc::kUnauthorized, RetryHint::kNo},
      {402, "billing_error", Errc::kQuotaExceeded, RetryHint::kNo},
      {403, "permission_error", Errc::kForbidden, RetryHint::kNo},
      {404, "not_found_error", Errc::kNotFound, RetryHint::kNo},
      {413, "request_too_large", Errc::kTooLarge, RetryHint::kNo},
      {429, "rate_limit_error", Errc::kRateLimited, RetryHint::kYes},
      {529, "overloaded_error", Errc::kOverloaded, RetryHint::kYes},
  };
  for (const Case& c : cases) {
    FakeTransport fake =
        answering(R"({"type":"error","error":{"type":")" + std::string(c.type) +
                      R"(","message":"It says: )" + kCanary + R"("},"request_id":"req_2"})",
                  "application/json", c.status);
    fake.header("retry-after", "3");
    const auto response = model_of(fake).generate("hi");
    ASSERT_FALSE(response);
    const Error& error = response.error();
    EXPECT_EQ(error.code(), c.code) << error;
    EXPECT_EQ(error.http_status(), c.status);
    EXPECT_EQ(error.retry(), c.retry) << error;
    EXPECT_EQ(error.provider_code(), c.type);
    EXPECT_EQ(error.request_id(), "req_2");
    EXPECT_EQ(error.retry_after(), std::chrono::seconds(3));
    EXPECT_THAT(error.message(), HasSubstr("It says: "));
    EXPECT_EQ(error.message().find(kCanary), std::string::npos);
    EXPECT_EQ(error.body().find(kCanary), std::string::npos);
  }
  const auto too_long =
      model_of(answering(R"({"type":"error","error":{"type":"invalid_request_error",)"
                         R"("message":"prompt is too long: 208310 tokens > 200000 maximum"}})",
                         "application/json", 400))
          .generate("hi");
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code(), Errc::kContextOverflow);
  EXPECT_EQ(too_long.error().detail("need"), "208310");
}

TEST(AnthropicWire, overloaded_inside_of_a_good_answer) {
  const std::string bytes =
      sse_of({R"({"type":"message_start","message":{"id":"m","model":"claude-x"}})",
              R"({"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}})"});
  const auto response = model_of(answering(bytes)).stream("hi").finish();
  ASSERT_FALSE(response);
  EXPECT_EQ(response.error().code(), Errc::kOverloaded);
  EXPECT_EQ(response.error().retry(), RetryHint::kYes);
}

TEST(AnthropicWire, counts_tokens) {
  FakeTransport fake = answering(R"({"input_tokens":14})", "application/json");
  const auto tokens = model_of(fake).count_tokens({.messages = {infer::user("hi")}});
  ASSERT_TRUE(tokens) << tokens.error();
  EXPECT_EQ(*tokens, 14);
  EXPECT_EQ(fake.requests().at(0).url, "https://claude.example.com/v1/messages/count_tokens");
}

TEST(AnthropicWire, a_server_that_does_not_count_is_asked_once) {
  FakeTransport fake = answering("Not Found", "text/plain", 404);
  const auto tokens = model_of(fake).count_tokens({.messages = {infer::user("hi")}});
  ASSERT_FALSE(tokens);
  EXPECT_EQ(tokens.error().code(), Errc::kUnsupported);
  EXPECT_EQ(tokens.error().http_status(), 404);
  EXPECT_EQ(fake.count(), 1u);
  for (const char* body : {"{}", "[]", R"({"input_tokens":-1})", R"({"input_tokens":"9"})", "7"}) {
    const auto strange = model_of(answering(body, "application/json"))
                             .count_tokens({.messages = {infer::user("hi")}});
    ASSERT_FALSE(strange);
    EXPECT_EQ(strange.error().code(), Errc::kProtocol) << body;
  }
  const auto busy = model_of(answering("{}", "application/json", 529))
                        .count_tokens({.messages = {infer::user("hi")}});
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().code(), Errc::kOverloaded);
}

TEST(AnthropicWire, warnings_come_with_the_answer) {
  TextRequest request{.messages = {infer::user("hi")}};
  request.seed = 7;
  auto response = model_of(answering(kWhole, "application/json")).generate(request);
  ASSERT_TRUE(response) << response.error();
  ASSERT_EQ(response->warnings.size(), 1u);
  EXPECT_EQ(response->warnings[0].code, "unsupported_setting");
}

// ---- the list of models

Result<std::vector<ListedModel>> list(const FakeTransport& fake) {
  auto endpoint = anthropic_endpoint(config());
  endpoint->transport = fake.transport();
  return list_anthropic_models(*endpoint, {});
}

TEST(AnthropicModels, all_pages) {
  const std::string entry = R"({"type":"model", "id":"claude-b","display_name":"Claude B",)"
                            R"("created_at":"2025-02-19T01:02:03Z"})";
  FakeTransport fake;
  fake.answer(
      200, "application/json",
      R"({"data":[{"id":"claude-a"}, )" + entry + R"(],"has_more":true,"last_id":"claude b&"})");
  fake.answer(200, "application/json",
              R"({"data":[{"id":"claude-c","created_at":"long ago"}],)"
              R"("has_more":false,"last_id":"claude-c"})");
  const auto models = list(fake);
  ASSERT_TRUE(models) << models.error();
  ASSERT_EQ(models->size(), 3u);
  EXPECT_EQ((*models)[0].id, "claude-a");
  EXPECT_EQ((*models)[1].name, "Claude B");
  EXPECT_EQ((*models)[1].owner, "anthropic");
  EXPECT_EQ((*models)[1].created, 1739926923);
  EXPECT_EQ((*models)[1].json, entry);
  EXPECT_FALSE((*models)[2].created);
  const auto requests = fake.requests();
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].method, "GET");
  EXPECT_EQ(requests[0].url, "https://claude.example.com/v1/models?limit=1000");
  EXPECT_EQ(requests[1].url,
            "https://claude.example.com/v1/models?limit=1000&after_id=claude%20b%26");
}

TEST(AnthropicModels, lists_that_are_none_and_lists_without_end) {
  for (const char* body :
       {"[]", "{}", R"({"data":7})", R"({"data":[{}]})", R"({"data":[7]})", "nonsense"}) {
    const auto models = list(answering(body, "application/json"));
    ASSERT_FALSE(models) << body;
    EXPECT_EQ(models.error().code(), Errc::kProtocol) << body;
  }
  FakeTransport same;
  same.answer(200, "application/json", R"({"data":[{"id":"a"}],"has_more":true,"last_id":"a"})");
  ASSERT_FALSE(list(same));
  EXPECT_EQ(same.count(), 2u);
  FakeTransport endless;
  int page = 0;
  endless.answer_by([&page](const http::HttpRequest&) {
    http::FakeAnswer answer;
    answer.headers = {{"content-type", "application/json"}};
    answer.pieces = {R"({"data":[],"has_more":true,"last_id":")" + std::to_string(page++) + "\"}"};
    return answer;
  });
  ASSERT_FALSE(list(endless));
  EXPECT_LE(endless.count(), 100u);
  const auto refused = list(answering("{}", "application/json", 401));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kUnauthorized);
}

}  // namespace
}  // namespace infer::cloud
