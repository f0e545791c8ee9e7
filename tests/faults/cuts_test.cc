// A cut at every byte of an answer, through the whole stack: before the wire's proof none is a
// success, after it all are (docs/formats/wire-proofs.md).
#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "infer/model.h"
#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/backend.h"
#include "src/cloud/openai/openai.h"
#include "src/http/fake_transport.h"

namespace infer::faults {
namespace {

using http::FakeTransport;

// An answer as its server writes it: event by event.
struct Recorded {
  std::string name{};
  void PrintTo(const Recorded& stream, std::ostream* out) { *out << stream.name; }
  std::string scheme{};
  std::vector<std::string> events{};
  std::size_t proof = 0;  // so many events prove it whole
  std::uint32_t n = 1;

  std::string bytes(std::size_t count) const {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += events[i];
    return all;
  }
};

std::string chunk(const std::string& choices) {
  return R"(data: {"id":"chatcmpl-9","object":"chat.completion.chunk","model":"m-1","choices":[)" +
         choices + "]}\n\n";
}
std::string delta(int choice, const std::string& fields, const std::string& finish = "null") {
  return chunk(R"({"index":)" + std::to_string(choice) + R"(,"delta":{)" + fields +
               R"(},"finish_reason":)" + finish + "}");
}
std::string typed(const std::string& type, const std::string& fields) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + fields + "}\n\n";
}

const std::string kDone = "data: [DONE]\n\n";
const std::string kUsage =
    R"(data: {"id":"chatcmpl-9","object":"chat.completion.chunk","model":"m-1","choices":[],)"
    R"("usage":{"prompt_tokens":9,"completion_tokens":4,"total_tokens":13}})"
    "\n\n";
// Characters of two, three and four bytes, raw and escaped.
const std::string kWords = "na\u00efve \u4f60\u597d \U0001f98a \\ud83e\\udd8a \\u0416";

const std::string kMessageStart = typed(
    "message_start",
    R"(,"message":{"id":"msg_9","type":"message","role":"assistant","model":"m-1","content":[],)"
    R"("stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}})");
const std::string kMessageStop = typed("message_stop", "");

std::string block(int index, const std::string& content) {
  return typed("content_block_start",
               ",\"index\":" + std::to_string(index) + ",\"content_block\":{" + content + "}");
}
std::string piece(int index, const std::string& content) {
  return typed("content_block_delta",
               ",\"index\":" + std::to_string(index) + ",\"delta\":{" + content + "}");
}
std::string block_stop(int index) {
  return typed("content_block_stop", ",\"index\":" + std::to_string(index));
}
std::string message_delta(const std::string& reason) {
  return typed("message_delta", ",\"delta\":{\"stop_reason\":\"" + reason +
                                    "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":4}");
}

std::vector<Recorded> recorded() {
  const std::string role = R"("role":"assistant","content":"")";
  std::vector<Recorded> all;
  all.push_back(
      {"text",
       "openai",
       {delta(0, role), delta(0, R"("content":"Hello")"), ": ping\n\n",
        delta(0, R"("content":", )" + kWords + "\""), delta(0, "", R"("stop")"), kUsage, kDone},
       5});
  all.push_back({"text that [DONE] alone ends",
                 "openai",
                 {delta(0, role), delta(0, R"("content":"Hello")"), kUsage, kDone},
                 4});
  all.push_back({"two tool calls",
                 "openai",
                 {delta(0, R"("role":"assistant","content":null)"),
                  delta(0, R"("tool_calls":[{"index":0,"id":"call_1","type":"function",)"
                           R"("function":{"name":"weather","arguments":""}}])"),
                  delta(0, R"("tool_calls":[{"index":0,"function":{"arguments":"{\"city\":"}}])"),
                  delta(0, R"("tool_calls":[{"index":0,"function":{"arguments":"\"Paris\"}"}}])"),
                  delta(0, R"("tool_calls":[{"index":1,"id":"call_2","type":"function",)"
                           R"("function":{"name":"time","arguments":"{}"}}])"),
                  delta(0, "", R"("tool_calls")"), kDone},
                 6});
  all.push_back({"two choices",
                 "openai",
                 {delta(0, role), delta(1, role), delta(0, R"("content":"one")"),
                  delta(1, R"("content":"two")"), delta(0, "", R"("stop")"),
                  delta(1, R"("content":" more")"), delta(1, "", R"("length")"), kUsage, kDone},
                 7,
                 2});
  all.push_back({"reasoning",
                 "openai",
                 {delta(0, R"("role":"assistant","reasoning_content":"I think")"),
                  delta(0, R"("reasoning_content":" hard")"), delta(0, R"("content":"42")"),
                  delta(0, "", R"("stop")"), kDone},
                 4});
  all.push_back({"text",
                 "anthropic",
                 {kMessageStart, block(0, R"("type":"text","text":"")"), typed("ping", ""),
                  piece(0, R"("type":"text_delta","text":"Hello")"),
                  piece(0, R"("type":"text_delta","text":", )" + kWords + "\""), block_stop(0),
                  message_delta("end_turn"), kMessageStop},
                 8});
  all.push_back(
      {"thinking, then two tool calls",
       "anthropic",
       {kMessageStart, block(0, R"("type":"thinking","thinking":"","signature":"")"),
        piece(0, R"("type":"thinking_delta","thinking":"I think")"),
        piece(0, R"("type":"signature_delta","signature":"c2lnbmF0dXJl")"), block_stop(0),
        block(1, R"("type":"tool_use","id":"toolu_1","name":"weather","input":{})"),
        piece(1, R"("type":"input_json_delta","partial_json":"{\"city\":")"),
        piece(1, R"("type":"input_json_delta","partial_json":"\"Paris\"}")"), block_stop(1),
        block(2, R"("type":"tool_use","id":"toolu_2","name":"time","input":{})"), block_stop(2),
        message_delta("tool_use"), kMessageStop},
       13});
  return all;
}

// The model as its scheme makes it, but for the way to its server.
TextModel model_over(const std::string& scheme, const FakeTransport& fake) {
  ApiConfig config;
  config.key = "sk-of-the-tests";
  config.base_url = "http://127.0.0.1:1/v1";
  const bool openai = scheme == "openai";
  auto endpoint = openai ? cloud::openai_endpoint(config) : cloud::anthropic_endpoint(config);
  if (!endpoint) ADD_FAILURE() << endpoint.error();
  endpoint->transport = fake.transport();
  auto wire = openai ? cloud::openai_wire("m-1", cloud::openai_dialect(*endpoint))
                     : cloud::anthropic_wire("m-1");
  return TextModel(cloud::make_backend(std::move(wire), std::move(*endpoint), {.name = "m-1"}));
}

// Everything that a reader could take for the answer.
std::string content(const Response& response) {
  std::string all;
  for (const Choice& choice : response.choices) {
    for (const Part& part : choice.message.parts) {
      if (auto* text = std::get_if<Text>(&part.value)) all += "text " + text->text;
      if (auto* thought = std::get_if<Reasoning>(&part.value)) all += "thought " + thought->text;
      if (auto* call = std::get_if<ToolCall>(&part.value))
        all += "call " + call->name + call->arguments;
      all += '\n';
    }
    all += '\n';
  }
  return all;
}

Result<Response> ask(const Recorded& answer, const FakeTransport& fake, Wire wire) {
  TextRequest request{.messages = {user("Hi")}};
  request.n = answer.n;
  Call call;
  call.wire = wire;
  return model_over(answer.scheme, fake).generate(std::move(request), std::move(call));
}

FakeTransport serving(const std::string& type, const std::string& body) {
  FakeTransport fake;
  fake.answer(200, type, body);
  return fake;
}

class Cuts : public testing::TestWithParam<Recorded> {};

TEST_P(Cuts, BeforeTheProofNoneIsASuccessAfterItAllAre) {
  const Recorded& answer = GetParam();
  const std::string all = answer.bytes(answer.events.size());
  const std::size_t proof = answer.bytes(answer.proof).size();
  const auto whole = ask(answer, serving("text/event-stream", all), Wire::kStream);
  ASSERT_TRUE(whole) << whole.error();
  ASSERT_FALSE(content(*whole).empty());
  // Its last byte is the second of two line ends. "[DONE]" counts without it: nobody says it by
  // chance.
  const bool done_proves = answer.events[answer.proof - 1] == kDone;

  for (std::size_t at = 0; at < all.size(); ++at)
    for (const auto cut : {FakeTransport::Cut::kEof, FakeTransport::Cut::kReset}) {
      const bool eof = cut == FakeTransport::Cut::kEof;
      SCOPED_TRACE((eof ? "ends at " : "reset at ") + std::to_string(at));
      const auto got =
          ask(answer, serving("text/event-stream", all).cut_at(at, cut), Wire::kStream);
      const bool proven = at >= proof || (done_proves && eof && at + 1 == proof);
      ASSERT_EQ(static_cast<bool>(got), proven);
      if (proven) {
        ASSERT_EQ(content(*got), content(*whole));
        ASSERT_EQ(got->finish(), whole->finish());
        continue;
      }
      ASSERT_EQ(got.error().code(), eof ? Errc::kTruncated : Errc::kNetwork) << got.error();
      ASSERT_NE(got.error().retry(), RetryHint::kYes);
      if (const Response* partial = got.error().partial()) {
        ASSERT_LE(partial->text().size(), whole->text().size());
        ASSERT_EQ(whole->text().compare(0, partial->text().size(), partial->text()), 0);
        // What has come of the answer says how far it got, never that it ended well.
        for (const Choice& choice : partial->choices)
          if (answer.n == 1) {
            ASSERT_EQ(choice.finish, Finish::kUnknown);
          }
      }
    }
}

INSTANTIATE_TEST_SUITE_P(Streams, Cuts, testing::ValuesIn(recorded()), [](const auto& stream) {
  std::string name = stream.param.scheme + "_" + stream.param.name;
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  return name;
});

// Answers in one piece prove themselves by being well-formed.
TEST(CutsInOnePiece, NoneIsASuccess) {
  const std::pair<std::string, std::string> bodies[] = {
      {"openai", R"({"id":"chatcmpl-9","object":"chat.completion","model":"m-1","choices":[)"
                 R"({"index":0,"message":{"role":"assistant","content":"Hello"},)"
                 R"("finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":4}})"},
      {"anthropic", R"({"id":"msg_9","type":"message","role":"assistant","model":"m-1",)"
                    R"("content":[{"type":"text","text":"Hello"}],"stop_reason":"end_turn",)"
                    R"("stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":4}})"}};
  for (const auto& [scheme, body] : bodies) {
    const Recorded answer{"whole", scheme};
    ASSERT_TRUE(ask(answer, serving("application/json", body), Wire::kWhole));
    for (std::size_t at = 0; at < body.size(); ++at)
      for (const auto cut : {FakeTransport::Cut::kEof, FakeTransport::Cut::kReset}) {
        SCOPED_TRACE(scheme + " at " + std::to_string(at));
        const auto got =
            ask(answer, serving("application/json", body).cut_at(at, cut), Wire::kWhole);
        ASSERT_FALSE(got);
        const bool eof = cut == FakeTransport::Cut::kEof;
        ASSERT_EQ(got.error().code(), eof ? Errc::kProtocol : Errc::kNetwork) << got.error();
      }
  }
}

}  // namespace
}  // namespace infer::faults
