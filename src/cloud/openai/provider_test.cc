// The provider as a program sees it, over a transport that is written down.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  const auto wire = openai_wire("gpt-5", openai_dialect(endpoint));
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
