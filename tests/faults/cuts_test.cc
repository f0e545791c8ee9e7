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

// Responses: an item comes with its place, its deltas name both.
std::string response(const std::string& status, const std::string& more = {}) {
  return typed("response." + status,
               R"(,"response":{"id":"resp_9","object":"response","model":"m-1",)"
               R"("status":")" +
                   status + "\"" + more + "}");
}
std::string item(const std::string& when, int index, const std::string& fields) {
  return typed("response.output_item." + when,
               ",\"output_index\":" + std::to_string(index) + ",\"item\":{" + fields + "}");
}
std::string at_item(const std::string& type, const std::string& id, int index,
                    const std::string& fields) {
  return typed("response." + type, R"(,"item_id":")" + id + R"(","output_index":)" +
                                       std::to_string(index) + "," + fields);
}
const std::string kFigures =
    R"(,"output":[],"usage":{"input_tokens":9,"output_tokens":4,"total_tokens":13})";
const std::string kContent = R"("content_index":0)";

// A message of this text, in two deltas.
std::vector<std::string> message_item(int index, const std::string& kind, const std::string& field,
                                      const std::string& status) {
  const std::string whole = "Hello, " + kWords;
  const std::string part = R"("part":{"type":")" + kind + R"(",")" + field + R"(":")";
  const std::string head = R"("id":"msg_9","type":"message","role":"assistant","status":)";
  return {
      item("added", index, head + R"("in_progress","content":[])"),
      at_item("content_part.added", "msg_9", index, kContent + "," + part + "\"}"),
      at_item(kind + ".delta", "msg_9", index, kContent + R"(,"delta":"Hello")"),
      ": ping\n\n",
      at_item(kind + ".delta", "msg_9", index, kContent + R"(,"delta":", )" + kWords + "\""),
      at_item(kind + ".done", "msg_9", index, kContent + ",\"" + field + "\":\"" + whole + "\""),
      at_item("content_part.done", "msg_9", index, kContent + "," + part + whole + "\"}"),
      item("done", index,
           head + "\"" + status + R"(","content":[{"type":")" + kind + R"(",")" + field + R"(":")" +
               whole + "\"}]")};
}

std::vector<std::string> thought_and_call() {
  const std::string thought = R"("id":"rs_9","type":"reasoning","summary":[)";
  const std::string call =
      R"("id":"fc_9","type":"function_call","call_id":"call_9","name":"weather","arguments":)";
  return {
      item("added", 0, thought + "]"),
      at_item("reasoning_summary_part.added", "rs_9", 0,
              R"("summary_index":0,"part":{"type":"summary_text","text":""})"),
      at_item("reasoning_summary_text.delta", "rs_9", 0, R"("summary_index":0,"delta":"I think")"),
      at_item("reasoning_summary_text.done", "rs_9", 0, R"("summary_index":0,"text":"I think")"),
      at_item("reasoning_summary_part.done", "rs_9", 0,
              R"("summary_index":0,"part":{"type":"summary_text","text":"I think"})"),
      item("done", 0,
           thought + R"({"type":"summary_text","text":"I think"}],)"
                     R"("encrypted_content":"b3BhcXVl")"),
      item("added", 1, call + R"("","status":"in_progress")"),
      at_item("function_call_arguments.delta", "fc_9", 1, R"("delta":"{\"city\":")"),
      at_item("function_call_arguments.delta", "fc_9", 1, R"("delta":"\"Paris\"}")"),
      at_item("function_call_arguments.done", "fc_9", 1, R"("arguments":"{\"city\":\"Paris\"}")"),
      item("done", 1, call + R"("{\"city\":\"Paris\"}","status":"completed")")};
}

// The last event of each is its proof.
void add_responses(std::vector<Recorded>& all) {
  const auto add = [&](const std::string& name, std::vector<std::string> items,
                       const std::string& status, const std::string& more) {
    Recorded answer{name, "responses"};
    answer.events = {response("created"), response("in_progress")};
    answer.events.insert(answer.events.end(), items.begin(), items.end());
    answer.events.push_back(response(status, more + kFigures));
    answer.proof = answer.events.size();
    all.push_back(std::move(answer));
  };
  add("text", message_item(0, "output_text", "text", "completed"), "completed", "");
  add("a refusal", message_item(0, "refusal", "refusal", "completed"), "completed", "");
  add("text that a limit cuts", message_item(0, "output_text", "text", "incomplete"), "incomplete",
      R"(,"incomplete_details":{"reason":"max_output_tokens"})");
  add("a thought, then a call", thought_and_call(), "completed", "");
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
  add_responses(all);
  return all;
}

// The model as its scheme makes it, but for the way to its server.
std::shared_ptr<const Backend> backend_over(const std::string& scheme, const FakeTransport& fake) {
  ApiConfig config;
  config.key = "sk-of-the-tests";
  config.base_url = "http://127.0.0.1:1/v1";
  config.text_api = scheme == "responses" ? TextApi::kResponses : TextApi::kChat;
  const bool anthropic = scheme == "anthropic";
  auto endpoint = anthropic ? cloud::anthropic_endpoint(config) : cloud::openai_endpoint(config);
  if (!endpoint) ADD_FAILURE() << endpoint.error();
  endpoint->transport = fake.transport();
  auto wire = anthropic ? cloud::anthropic_wire(cloud::anthropic_model("m-1", *endpoint, config))
                        : cloud::openai_wire(cloud::server_model("m-1", *endpoint, config,
                                                                 cloud::openai_dialect(*endpoint)));
  return cloud::make_backend(std::move(wire), std::move(*endpoint), {.name = "m-1"});
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
      if (auto* refusal = std::get_if<Refusal>(&part.value)) all += "refusal " + refusal->text;
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
  return TextModel(backend_over(answer.scheme, fake)).generate(std::move(request), std::move(call));
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
                    R"("stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":4}})"},
      {"responses", R"({"id":"resp_9","object":"response","model":"m-1","status":"completed",)"
                    R"("output":[{"id":"msg_9","type":"message","role":"assistant","content":[)"
                    R"({"type":"output_text","text":"Hello","annotations":[]}]}],)"
                    R"("usage":{"input_tokens":9,"output_tokens":4,"total_tokens":13}})"}};
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

// Pictures: each is proven by its own last event, the answer by that of the last picture.
std::string picture(const std::string& type, const std::string& fields) {
  return typed("image_generation." + type,
               R"(,"b64_json":"iVBORw0KGgo=","output_format":"png","size":"1024x1024")" + fields);
}

TEST(CutPictures, AreNoSuccessAndAreNotAskedForAgain) {
  const std::string done = R"(,"usage":{"input_tokens":9,"output_tokens":196,"total_tokens":205})";
  const std::string all = picture("partial_image", R"(,"partial_image_index":0)") +
                          picture("partial_image", R"(,"partial_image_index":1)") +
                          picture("completed", done);
  const auto draw = [](const FakeTransport& fake) {
    ImageRequest request{.prompt = "a fox"};
    request.previews = 2;
    return ImageModel(backend_over("openai", fake)).generate(std::move(request));
  };
  const auto pictures = [](const Response& response) {
    int count = 0;
    for (const Part& part : response.message().parts)
      count += std::holds_alternative<Media>(part.value) ? 1 : 0;
    return count;
  };
  const auto whole = draw(serving("text/event-stream", all));
  ASSERT_TRUE(whole) << whole.error();
  ASSERT_EQ(pictures(*whole), 1);
  for (std::size_t at = 0; at < all.size(); ++at)
    for (const auto cut : {FakeTransport::Cut::kEof, FakeTransport::Cut::kReset}) {
      const bool eof = cut == FakeTransport::Cut::kEof;
      SCOPED_TRACE((eof ? "ends at " : "reset at ") + std::to_string(at));
      const FakeTransport fake = serving("text/event-stream", all).cut_at(at, cut);
      const auto got = draw(fake);
      ASSERT_FALSE(got);
      ASSERT_EQ(got.error().code(), eof ? Errc::kTruncated : Errc::kNetwork) << got.error();
      ASSERT_NE(got.error().retry(), RetryHint::kYes);
      ASSERT_EQ(fake.count(), 1u);
      if (got.error().partial()) {
        ASSERT_EQ(pictures(*got.error().partial()), 0);
      }
    }
}

}  // namespace
}  // namespace infer::faults
