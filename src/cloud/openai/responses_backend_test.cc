// Responses behind the whole backend: which address is asked, how a turn follows the other, and
// what a cut leaves.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "infer/model.h"
#include "src/cloud/openai/openai.h"
#include "src/http/fake_transport.h"

namespace infer::cloud {
namespace {

using http::FakeTransport;
using nlohmann::json;

const std::string kThought =
    R"({"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}],)"
    R"("encrypted_content":"gA=="})";
const std::string kAnswered =
    R"({"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{)"
    R"("type":"output_text","text":"Hello.","annotations":[]}]})";

std::string streamed(const std::vector<std::string>& events) {
  std::string body;
  for (const std::string& event : events) body += "data: " + event + "\n\n";
  return body;
}
const std::string kTurn = streamed(
    {R"({"type":"response.created","response":{"id":"resp_1","model":"gpt-5","status":)"
     R"("in_progress","output":[]}})",
     R"({"type":"response.output_item.added","output_index":0,"item":{"id":"rs_1","type":)"
     R"("reasoning","summary":[]}})",
     R"({"type":"response.output_item.done","output_index":0,"item":)" + kThought + "}",
     R"({"type":"response.output_item.added","output_index":1,"item":{"id":"msg_1","type":)"
     R"("message","content":[]}})",
     R"({"type":"response.output_text.delta","output_index":1,"content_index":0,"delta":"Hello."})",
     R"({"type":"response.output_item.done","output_index":1,"item":)" + kAnswered + "}",
     R"({"type":"response.completed","response":{"id":"resp_1","model":"gpt-5","status":)"
     R"("completed","output":[)" +
         kThought + "," + kAnswered +
         R"(],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}})"});

TextModel openai_over(const FakeTransport& fake, ApiConfig config = {}) {
  config.key = "sk-canary";
  auto endpoint = openai_endpoint(config);
  EXPECT_TRUE(endpoint) << endpoint.error();
  endpoint->transport = fake.transport();
  const auto wire =
      openai_wire(server_model("gpt-5", *endpoint, config, openai_dialect(*endpoint)));
  return TextModel(
      make_backend(wire, std::move(*endpoint), ModelInfo{.provider = "openai", .name = "gpt-5"}));
}

// The first turn needs Responses for its summary, the next one for the items of the first.
TEST(ResponsesBackend, OneTurnAfterTheOther) {
  FakeTransport fake;
  fake.answer(200, "text/event-stream", kTurn, {7, 100, 3});
  fake.header("x-request-id", "req_1").header("x-ratelimit-limit-requests", "60").pending();
  const TextModel model = openai_over(fake);
  TextRequest request{.messages = {user("Hi.")}};
  request.reasoning.summary = "auto";
  const auto first = model.generate(request);
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->text(), "Hello.");
  EXPECT_EQ(first->id, "resp_1");
  EXPECT_EQ(first->request_id, "req_1");
  EXPECT_EQ(first->issuer, "openai/responses");
  EXPECT_EQ(first->usage.input, 3);
  ASSERT_EQ(first->rate_limits.size(), 1u);
  EXPECT_EQ(first->rate_limits[0].limit, 60);

  TextRequest next{.messages = {user("Hi."), first->message(), user("And?")}};
  ASSERT_TRUE(model.generate(next));
  ASSERT_EQ(fake.count(), 2u);
  for (const http::HttpRequest& sent : fake.requests())
    EXPECT_EQ(sent.url, "https://api.openai.com/v1/responses");
  EXPECT_NE(fake.requests()[1].body.find(kThought + "," + kAnswered), std::string::npos);
}

TEST(ResponsesBackend, CutAtEveryByte) {
  const std::size_t proof = kTurn.size();
  for (std::size_t cut = 1; cut <= proof; ++cut) {
    FakeTransport fake;
    fake.answer(200, "text/event-stream", kTurn.substr(0, cut));
    ApiConfig config;
    config.text_api = TextApi::kResponses;
    const auto answer = openai_over(fake, config).generate("Hi.");
    ASSERT_EQ(answer.has_value(), cut == proof) << cut;
    if (answer) continue;
    ASSERT_EQ(answer.error().code(), Errc::kTruncated) << cut;
    ASSERT_EQ(answer.error().retry(), RetryHint::kAmbiguous);
  }
}

// At another address a chat is what everybody speaks, unless the configuration says otherwise.
TEST(ResponsesBackend, AnotherServer) {
  for (const TextApi api : {TextApi::kAuto, TextApi::kResponses}) {
    FakeTransport fake;
    fake.answer(200, "text/event-stream", kTurn);
    ApiConfig config;
    config.base_url = "https://api.x.ai/v1";
    config.text_api = api;
    const auto answer = openai_over(fake, config).generate("Hi.");
    ASSERT_EQ(fake.count(), 1u);
    const bool responses = api == TextApi::kResponses;
    EXPECT_EQ(fake.requests()[0].url,
              std::string("https://api.x.ai/v1/") + (responses ? "responses" : "chat/completions"));
    ASSERT_EQ(answer.has_value(), responses);
    if (answer) {
      EXPECT_EQ(answer->issuer, "openai@https://api.x.ai/responses");
    }
  }
}

}  // namespace
}  // namespace infer::cloud
