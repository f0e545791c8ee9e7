// The provider as a program sees it, over a transport that is written down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "infer/infer.h"
#include "src/cloud/openai/openai.h"
#include "src/http/fake_transport.h"

namespace infer::cloud {
namespace {

using http::FakeTransport;
using testing::HasSubstr;

const std::string kStream =
    "data: {\"id\":\"c1\",\"model\":\"gpt-5-2025\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
    "data: {\"id\":\"c1\",\"model\":\"gpt-5-2025\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\"Hello\"},\"finish_reason\":null}]}\n\n"
    "data: {\"id\":\"c1\",\"model\":\"gpt-5-2025\",\"choices\":[{\"index\":0,\"delta\":"
    "{\"content\":\" there\"},\"finish_reason\":null}]}\n\n"
    "data: {\"id\":\"c1\",\"model\":\"gpt-5-2025\",\"choices\":[{\"index\":0,\"delta\":{},"
    "\"finish_reason\":\"stop\"}]}\n\n"
    "data: {\"id\":\"c1\",\"model\":\"gpt-5-2025\",\"choices\":[],\"usage\":{\"prompt_tokens\":9,"
    "\"completion_tokens\":2,\"total_tokens\":11}}\n\n"
    "data: [DONE]\n\n";
const std::string kAnswer =
    "{\"id\":\"c2\",\"model\":\"gpt-5-2025\",\"choices\":[{\"index\":0,\"message\":{\"role\":"
    "\"assistant\",\"content\":\"Hello\"},\"finish_reason\":\"stop\"}],\"usage\":{"
    "\"prompt_tokens\":9,\"completion_tokens\":1,\"total_tokens\":10}}";

Endpoint endpoint_to(const FakeTransport& fake, const ApiConfig& config = {}) {
  ApiConfig complete = config;
  if (complete.base_url.empty()) complete.key = "sk-canary";
  auto endpoint = openai_endpoint(complete);
  EXPECT_TRUE(endpoint) << endpoint.error();
  endpoint->transport = fake.transport();
  return std::move(*endpoint);
}

TextModel model_over(const FakeTransport& fake, const ApiConfig& config = {}) {
  Endpoint endpoint = endpoint_to(fake, config);
  const auto wire = openai_wire(server_model("gpt-5", endpoint, config, openai_dialect(endpoint)));
  return TextModel(
      make_backend(wire, std::move(endpoint), ModelInfo{.provider = "openai", .name = "gpt-5"}));
}

std::string header_of(const http::HttpRequest& request, std::string_view name) {
  for (const http::Header& header : request.headers)
    if (header.name.size() == name.size() &&
        std::equal(name.begin(), name.end(), header.name.begin(),
                   [](char a, char b) { return std::tolower(a) == std::tolower(b); }))
      return header.value;
  return {};
}

TEST(OpenAi, Streams) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", kStream, {7, 100, 3});
  fake.header("x-request-id", "req_1").pending();
  auto reply = model_over(fake).stream("hi");
  std::string text;
  for (const std::string_view piece : reply.text()) text += piece;
  const auto done = reply.finish();
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(text, "Hello there");
  EXPECT_EQ(done->text(), text);
  EXPECT_EQ(done->id, "c1");
  EXPECT_EQ(done->request_id, "req_1");
  EXPECT_EQ(done->model, "gpt-5-2025");
  EXPECT_EQ(done->usage.input, 9);
  EXPECT_EQ(done->usage.output, 2);
  EXPECT_EQ(done->message().parts.at(0).issuer, "openai");
  EXPECT_EQ(fake.proven(), 1u);
}

TEST(OpenAi, WhatIsSent) {
  FakeTransport fake;
  fake.answer(200, "application/json", kAnswer);
  Call call;
  call.wire = infer::Wire::kWhole;
  ApiConfig config;
  config.organization = "org-1";
  config.project = "proj-1";
  const auto done = model_over(fake, config).generate("hi", call);
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->text(), "Hello");
  ASSERT_EQ(fake.count(), 1u);
  const http::HttpRequest request = fake.requests()[0];
  EXPECT_EQ(request.url, "https://api.openai.com/v1/chat/completions");
  EXPECT_EQ(request.method, "POST");
  EXPECT_FALSE(request.once);
  EXPECT_EQ(header_of(request, "authorization"), "Bearer sk-canary");
  EXPECT_EQ(header_of(request, "openai-organization"), "org-1");
  EXPECT_EQ(header_of(request, "openai-project"), "proj-1");
  EXPECT_EQ(header_of(request, "content-type"), "application/json");
  EXPECT_EQ(request.body, R"({"model":"gpt-5","messages":[{"role":"user","content":"hi"}]})");
}

TEST(OpenAi, ACompatibleServer) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", kStream);
  const TextModel model = model_over(fake, ApiConfig{.base_url = "http://localhost:8000/v1/"});
  TextRequest request{.messages = {user("hi")}};
  request.max_tokens = 5;
  request.sampling.top_k = 3;
  ASSERT_TRUE(model.generate(request));
  const auto sent = nlohmann::json::parse(fake.requests()[0].body);
  EXPECT_EQ(fake.requests()[0].url, "http://localhost:8000/v1/chat/completions");
  EXPECT_EQ(sent["max_tokens"], 5);
  EXPECT_EQ(sent["top_k"], 3);
}

TEST(OpenAi, AWarningReachesTheReader) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", kStream);
  TextRequest request{.messages = {user("hi")}};
  request.sampling.top_k = 3;
  const auto done = model_over(fake).generate(request);
  ASSERT_TRUE(done) << done.error();
  ASSERT_EQ(done->warnings.size(), 1u);
  EXPECT_EQ(done->warnings[0].code, "unsupported_setting");
}

TEST(OpenAi, ARefusedRequestIsNotSent) {
  FakeTransport fake;
  TextRequest request{.messages = {user("hi")}};
  request.stop_token_ids = {1};
  const auto done = model_over(fake).generate(request);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kUnsupported);
  EXPECT_EQ(fake.count(), 0u);
}

TEST(OpenAi, EveryCut) {
  const std::size_t proof = kStream.find("\n\n", kStream.find("\"stop\"")) + 2;
  for (const auto how : {FakeTransport::Cut::kEof, FakeTransport::Cut::kReset}) {
    for (std::size_t at = 0; at <= kStream.size(); ++at) {
      FakeTransport fake;
      fake.answer(200, "text/event-stream", kStream).cut_at(at, how);
      const auto done = model_over(fake).generate("hi");
      ASSERT_EQ(static_cast<bool>(done), at >= proof) << at;
      if (done) {
        ASSERT_EQ(done->text(), "Hello there");
        continue;
      }
      const bool reset = how == FakeTransport::Cut::kReset;
      if (reset) {
        ASSERT_EQ(done.error().code(), Errc::kNetwork) << at;
      } else if (at > kStream.find("\n\n") + 1) {
        ASSERT_EQ(done.error().code(), Errc::kTruncated) << at;
      }
      ASSERT_NE(done.error().retry(), RetryHint::kNo) << at;
      const Response* const partial = done.error().partial();
      const std::string text = partial ? partial->text() : "";
      ASSERT_EQ(std::string("Hello there").compare(0, text.size(), text), 0) << at;
    }
  }
}

TEST(OpenAi, ErrorsOfTheServer) {
  FakeTransport fake;
  fake.answer(
      429, "application/json",
      R"({"error":{"message":"Slow down","type":"requests","code":"rate_limit_exceeded"}})");
  fake.header("retry-after-ms", "250").header("x-request-id", "req_9");
  const auto done = model_over(fake).generate("hi");
  ASSERT_FALSE(done);
  const Error& error = done.error();
  EXPECT_EQ(error.code(), Errc::kRateLimited);
  EXPECT_EQ(error.provider(), "openai");
  EXPECT_EQ(error.provider_code(), "rate_limit_exceeded");
  EXPECT_EQ(error.request_id(), "req_9");
  EXPECT_EQ(error.retry_after(), std::chrono::milliseconds(250));
  EXPECT_EQ(error.http_status(), 429);
  EXPECT_THAT(error.message(), HasSubstr("Slow down"));
}

TEST(OpenAi, AStreamWhereAWholeAnswerWasAskedForAndTheOtherWay) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", kStream).answer(200, "application/json", kAnswer);
  const TextModel model = model_over(fake);
  Call call;
  call.wire = infer::Wire::kWhole;
  EXPECT_EQ(model.generate("hi", call)->text(), "Hello there");
  EXPECT_EQ(model.generate("hi")->text(), "Hello");
}

TEST(OpenAi, Models) {
  FakeTransport fake;
  const std::string entry =
      R"({"id":"gpt-5", "object":"model","created":1754425777,"owned_by":"system"})";
  fake.answer(200, "application/json",
              R"({"object":"list","data":[)" + entry + R"(,{"id":"x","name":"The X"}]})");
  fake.answer(200, "application/json", "[" + entry + "]");
  for (const char* bad :
       {"{}", "<html>", R"({"data":{}})", R"({"data":[{"id":""}]})", R"({"data":[7]})"})
    fake.answer(200, "application/json", bad);
  const Endpoint endpoint = endpoint_to(fake);
  const auto models = openai_models(endpoint, {});
  ASSERT_TRUE(models) << models.error();
  ASSERT_EQ(models->size(), 2u);
  EXPECT_EQ(models->at(0).id, "gpt-5");
  EXPECT_EQ(models->at(0).owner, "system");
  EXPECT_EQ(models->at(0).created, 1754425777);
  EXPECT_EQ(models->at(0).json, entry);
  EXPECT_EQ(models->at(1).name, "The X");
  EXPECT_EQ(openai_models(endpoint, {})->size(), 1u);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(openai_models(endpoint, {}).error().code(), Errc::kProtocol);
  EXPECT_EQ(fake.requests()[0].url, "https://api.openai.com/v1/models");
  EXPECT_EQ(fake.requests()[0].method, "GET");
}

// ---- Groq

TextModel groq_over(const FakeTransport& fake) {
  const ApiConfig config{.key = "gsk-canary"};
  auto endpoint = openai_endpoint(config, kGroq);
  EXPECT_TRUE(endpoint) << endpoint.error();
  endpoint->transport = fake.transport();
  const auto wire = openai_wire(server_model("qwen", *endpoint, config, openai_dialect(*endpoint)));
  return TextModel(make_backend(wire, std::move(*endpoint), {.provider = "groq", .name = "qwen"}));
}

const std::string kGroqStream =
    R"(data: {"id":"c1","model":"q","choices":[{"index":0,"delta":{"role":"assistant",)"
    R"("content":""},"finish_reason":null}],"x_groq":{"id":"req_01","seed":7}})"
    "\n\n"
    R"(data: {"id":"c1","model":"q","choices":[{"index":0,"delta":{"reasoning":"Hm."}}]})"
    "\n\n"
    R"(data: {"id":"c1","model":"q","choices":[{"index":0,"delta":{"content":"So."}}]})"
    "\n\n";
// The figures stand twice in recorded answers, and are one answer's all the same.
const std::string kGroqFigures =
    R"({"queue_time":0.041905864,"prompt_tokens":45,"prompt_time":0.003940145,)"
    R"("completion_tokens":662,"completion_time":2.652230333,"total_tokens":707,)"
    R"("total_time":2.656170478})";
const std::string kGroqEnd =
    R"(data: {"id":"c1","model":"q","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],)"
    R"("x_groq":{"id":"req_01","debug":{"a":1},"usage":)" +
    kGroqFigures + "}";

TEST(GroqProvider, Streams) {
  for (const bool twice : {true, false}) {
    FakeTransport fake;
    fake.answer(200, "text/event-stream",
                kGroqStream + kGroqEnd + (twice ? ",\"usage\":" + kGroqFigures : "") +
                    "}\n\ndata: [DONE]\n\n");
    fake.header("x-ratelimit-limit-requests", "14400")
        .header("x-ratelimit-remaining-tokens", "17997")
        .header("x-ratelimit-reset-tokens", "7.66s");
    const auto done = groq_over(fake).generate("hi");
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(fake.requests()[0].url, "https://api.groq.com/openai/v1/chat/completions");
    EXPECT_EQ(header_of(fake.requests()[0], "authorization"), "Bearer gsk-canary");
    EXPECT_EQ(done->text(), "So.");
    EXPECT_EQ(done->provider, "groq");
    EXPECT_EQ(done->request_id, "req_01");
    ASSERT_EQ(done->message().parts.size(), 2u);
    ASSERT_TRUE(done->message().parts[0].get<Reasoning>());
    EXPECT_EQ(done->message().parts[0].get<Reasoning>()->text, "Hm.");
    EXPECT_EQ(done->message().parts[0].issuer, "groq");
    EXPECT_EQ(done->usage.input, 45);
    EXPECT_EQ(done->usage.output, 662);
    EXPECT_EQ(done->usage.raw, kGroqFigures);
    EXPECT_EQ(done->usage.timing.queue, std::chrono::nanoseconds(41905864));
    EXPECT_EQ(done->usage.timing.prefill, std::chrono::nanoseconds(3940145));
    EXPECT_EQ(done->usage.timing.decode, std::chrono::nanoseconds(2652230333));
    ASSERT_EQ(done->rate_limits.size(), 2u);
    EXPECT_EQ(done->rate_limits[0].what, "requests");
    EXPECT_EQ(done->rate_limits[0].limit, 14400);
    EXPECT_EQ(done->rate_limits[0].window, std::chrono::hours(24));
    EXPECT_EQ(done->rate_limits[1].reset, std::chrono::milliseconds(7660));
    EXPECT_EQ(done->rate_limits[1].window, std::chrono::minutes(1));
    const auto facts = nlohmann::json::parse(done->metadata);
    EXPECT_EQ(facts["x_groq"], nlohmann::json::parse(R"({"id":"req_01","seed":7})"));
    EXPECT_EQ(facts["rate_limits"]["x-ratelimit-limit-requests"], "14400");
    // What came with the end stands with the part that was open then.
    EXPECT_EQ(nlohmann::json::parse(done->message().parts[1].extra)["answer"]["x_groq"],
              nlohmann::json::parse(R"({"debug":{"a":1}})"));
  }
}

TEST(GroqProvider, AStreamThatStopsEarlyIsAnError) {
  for (const char* reason : {R"("out of memory")", R"({"message":"out of memory"})"}) {
    FakeTransport fake;
    fake.answer(200, "text/event-stream",
                kGroqStream +
                    R"(data: {"id":"c1","model":"q","choices":[{"index":0,"delta":{}}],"x_groq":)"
                    R"({"id":"req_01","error":)" +
                    reason + "}}\n\ndata: [DONE]\n\n");
    const auto done = groq_over(fake).generate("hi");
    ASSERT_FALSE(done) << reason;
    EXPECT_EQ(done.error().code(), Errc::kServerError);
    EXPECT_EQ(done.error().provider(), "groq");
    EXPECT_EQ(done.error().retry(), RetryHint::kAmbiguous);
    EXPECT_THAT(done.error().message(), HasSubstr("out of memory"));
    ASSERT_TRUE(done.error().partial());
    EXPECT_EQ(done.error().partial()->text(), "So.");
  }
}

TEST(GroqProvider, Errors) {
  struct Answer {
    int status;
    const char* body;
    Errc code;
    RetryHint retry;
    std::int64_t wait = -1;  // milliseconds
    const char* generated = "";
  };
  const std::vector<Answer> answers = {
      {400,
       R"({"error":{"message":"Failed to call a function.","type":"invalid_request_error",)"
       R"("code":"tool_use_failed","failed_generation":"<function=f>"}})",
       Errc::kInvalidRequest, RetryHint::kAmbiguous, -1, "<function=f>"},
      {413,
       R"({"error":{"message":"Request too large","type":"tokens",)"
       R"("code":"rate_limit_exceeded"}})",
       Errc::kTooLarge, RetryHint::kNo},
      {422, R"({"error":{"message":"m","type":"invalid_request_error"}})", Errc::kInvalidRequest,
       RetryHint::kAmbiguous},
      {424, R"({"error":{"message":"m","type":"invalid_request_error"}})", Errc::kServerError,
       RetryHint::kAmbiguous},
      {429,
       R"({"error":{"message":"Rate limit reached. Please try again in 5.289s. Visit",)"
       R"("type":"tokens","code":"rate_limit_exceeded"}})",
       Errc::kRateLimited, RetryHint::kYes, 5289},
      {498, R"({"error":{"message":"m","type":"x","code":"capacity_exceeded"}})", Errc::kOverloaded,
       RetryHint::kYes},
      {499, R"({"error":{"message":"m"}})", Errc::kCancelled, RetryHint::kNo},
      {503, "", Errc::kOverloaded, RetryHint::kYes},
  };
  for (const Answer& answer : answers) {
    FakeTransport fake;
    fake.answer(answer.status, "application/json", answer.body);
    const auto done = groq_over(fake).generate("hi");
    ASSERT_FALSE(done) << answer.status;
    const Error& error = done.error();
    EXPECT_EQ(error.code(), answer.code) << answer.status;
    EXPECT_EQ(error.retry(), answer.retry) << answer.status;
    EXPECT_EQ(error.http_status(), answer.status);
    EXPECT_EQ(error.provider(), "groq");
    EXPECT_EQ(error.retry_after().value_or(std::chrono::milliseconds(-1)).count(), answer.wait);
    EXPECT_EQ(error.detail("failed_generation"), answer.generated);
    EXPECT_EQ(fake.count(), 1u);
  }
}

TEST(GroqProvider, Names) {
  ::unsetenv("GROQ_API_KEY");
  const auto keyless = open_groq("x", {});
  ASSERT_FALSE(keyless);
  EXPECT_EQ(keyless.error().code(), Errc::kUnauthorized);
  EXPECT_THAT(keyless.error().message(), HasSubstr("GROQ_API_KEY"));
  EXPECT_EQ(open_groq("", {.key = "k"}).error().provider(), "groq");
  const auto backend = open_groq("openai/gpt-oss-20b", {.key = "k"});
  ASSERT_TRUE(backend) << backend.error();
  EXPECT_EQ((*backend)->info().provider, "groq");
  EXPECT_EQ((*backend)->info().name, "openai/gpt-oss-20b");
  EXPECT_EQ((*backend)->info().endpoint, "https://api.groq.com");
  const auto elsewhere = openai_endpoint({.key = "k", .base_url = "http://127.0.0.1:9/v1"}, kGroq);
  ASSERT_TRUE(elsewhere) << elsewhere.error();
  EXPECT_EQ(elsewhere->issuer, "groq@http://127.0.0.1:9");
  EXPECT_EQ(&openai_dialect(*elsewhere), &kGroqDialect);
  // The address that Groq's own clients are given has no path.
  for (const char* same :
       {"https://api.groq.com", "https://api.groq.com/", "https://api.groq.com/openai/v1"}) {
    const auto own = openai_endpoint({.key = "k", .base_url = same}, kGroq);
    ASSERT_TRUE(own) << own.error();
    EXPECT_EQ(own->base_url, "https://api.groq.com/openai/v1");
    EXPECT_EQ(own->issuer, "groq");
  }
}

TEST(OpenAi, HeadersCannotBeSmuggledIn) {
  for (const char* bad : {"a\r\nx: y", "a\nb"}) {
    ApiConfig config{.key = "k"};
    config.organization = bad;
    const auto organization = open_openai("gpt-5", config);
    ASSERT_FALSE(organization);
    EXPECT_EQ(organization.error().detail("field"), "organization");
    config.organization.clear();
    config.project = bad;
    const auto project = open_openai("gpt-5", config);
    ASSERT_FALSE(project);
    EXPECT_EQ(project.error().code(), Errc::kInvalidRequest);
  }
}

TEST(OpenAi, Names) {
  EXPECT_EQ(open_openai("", {.key = "k"}).error().code(), Errc::kInvalidRequest);
  const auto backend = open_openai("gpt-5", {.key = "k"});
  ASSERT_TRUE(backend) << backend.error();
  EXPECT_EQ((*backend)->info().provider, "openai");
  EXPECT_EQ((*backend)->info().name, "gpt-5");
  EXPECT_EQ((*backend)->info().endpoint, "https://api.openai.com");
}

}  // namespace
}  // namespace infer::cloud
