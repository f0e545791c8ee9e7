// How Responses are read: what becomes of each kind of item, in whatever order their events come.
#include <gtest/gtest.h>

#include <filesystem>
#include <random>

#include "src/cloud/openai/chat_reader.h"
#include "src/cloud/openai/responses_for_tests.h"
#include "src/port/effort.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using reading::Outcome;

const std::string kCreated =
    R"({"type":"response.created","response":{"id":"resp_1","object":"response","status":)"
    R"("in_progress","model":"gpt-5","output":[],"service_tier":"auto","tools":[{"type":)"
    R"("function"}],"usage":null}})";

std::string completed(const std::string& members = R"("status":"completed","output":[])") {
  return R"({"type":"response.completed","response":{"id":"resp_1","model":"gpt-5",)" + members +
         R"(,"usage":{"input_tokens":7,"input_tokens_details":{"cached_tokens":2,)"
         R"("cache_write_tokens":3},"output_tokens":5,"output_tokens_details":{)"
         R"("reasoning_tokens":1},"total_tokens":12}}})";
}
std::string added(int index, const std::string& item) {
  return R"({"type":"response.output_item.added","output_index":)" + std::to_string(index) +
         R"(,"item":)" + item + "}";
}
std::string done(int index, const std::string& item) {
  return R"({"type":"response.output_item.done","output_index":)" + std::to_string(index) +
         R"(,"item":)" + item + "}";
}
std::string text_event(const std::string& type, int index, int content, const std::string& text,
                       const std::string& more = "") {
  return R"({"type":"response.)" + type + R"(","output_index":)" + std::to_string(index) +
         R"(,"content_index":)" + std::to_string(content) + R"(,"delta":)" + json(text).dump() +
         more + "}";
}
std::string message_item(const std::string& id, const std::string& content,
                         const std::string& more = "") {
  return R"({"id":")" + id +
         R"(","type":"message","status":"completed","role":"assistant","content":[)" + content +
         "]" + more + "}";
}
std::string output_text(const std::string& text) {
  return R"({"type":"output_text","text":)" + json(text).dump() + R"(,"annotations":[]})";
}

Outcome read(const std::vector<std::string>& events) {
  std::string body;
  for (const std::string& event : events) body += reading::event_of(event);
  const Outcome outcome = reading::read_responses({body});
  EXPECT_EQ(reading::read_responses({body}, ResponsesReader::Path::kFull).events, outcome.events);
  EXPECT_EQ(outcome.broken, "");
  return outcome;
}

const std::vector<Part>& parts_of(const Outcome& outcome) {
  return outcome.response.message().parts;
}

TEST(ResponsesReader, TextWithItsFacts) {
  const std::string item =
      message_item("msg_1", output_text("Hi \u00e9!"), R"(,"phase":"final_answer")");
  const Outcome outcome = read(
      {kCreated, added(0, message_item("msg_1", "")), text_event("output_text.delta", 0, 0, "Hi "),
       text_event("output_text.delta", 0, 0, "\u00e9"), text_event("output_text.delta", 0, 0, "!"),
       done(0, item), completed(R"("status":"completed","service_tier":"flex","completed_at":9)")});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.response.text(), "Hi \u00e9!");
  EXPECT_EQ(outcome.response.finish(), Finish::kStop);
  EXPECT_EQ(outcome.choice().finish_raw, "completed");
  EXPECT_EQ(outcome.response.id, "resp_1");
  EXPECT_EQ(outcome.response.issuer, "openai/responses");
  EXPECT_EQ(outcome.response.metadata, R"({"service_tier":"auto"})");  // no echo of the tools
  EXPECT_EQ(outcome.response.usage.input, 7);
  EXPECT_EQ(outcome.response.usage.cache_read, 2);
  EXPECT_EQ(outcome.response.usage.cache_write, 3);
  EXPECT_EQ(outcome.response.usage.output, 5);
  EXPECT_EQ(outcome.response.usage.reasoning, 1);
  ASSERT_EQ(parts_of(outcome).size(), 1u);
  const Part& part = parts_of(outcome)[0];
  EXPECT_EQ(part.id, "msg_1");
  EXPECT_EQ(part.issuer, "openai/responses");
  EXPECT_EQ(part.extra,
            R"({"item":)" + item + R"(,"answer":{"service_tier":"flex","completed_at":9}})");
}

TEST(ResponsesReader, SeveralContentsOfOneMessage) {
  const std::string strange = R"({"type":"output_hologram","beam": [1,  2]})";
  const std::string item = message_item(
      "msg_1", output_text("One.") + "," + strange + R"(,{"type":"refusal","refusal":"No."})");
  const Outcome outcome = read(
      {kCreated, added(0, message_item("msg_1", "")), text_event("output_text.delta", 0, 0, "One."),
       R"({"type":"response.output_text.done","output_index":0,"content_index":0,"text":"One."})",
       text_event("refusal.delta", 0, 2, "No."), done(0, item), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  const auto& parts = parts_of(outcome);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].get<Text>()->text, "One.");
  EXPECT_EQ(parts[0].extra, R"({"continues":true})");
  EXPECT_EQ(parts[1].get<Opaque>()->type, "output_hologram");
  EXPECT_EQ(parts[1].get<Opaque>()->json, strange);
  EXPECT_EQ(parts[2].get<Refusal>()->text, "No.");
  EXPECT_EQ(parts[2].extra, R"({"item":)" + item + "}");
  for (const Part& part : parts) EXPECT_EQ(part.id, "msg_1");
  EXPECT_EQ(outcome.response.finish(), Finish::kRefusal);
}

// Two items at once: the later one waits, whole.
TEST(ResponsesReader, ItemsThatInterleave) {
  const std::string first = message_item("msg_1", output_text("abcd"));
  const std::string second = message_item("msg_2", output_text("1234"));
  const Outcome outcome = read(
      {kCreated, added(0, message_item("msg_1", "")), added(1, message_item("msg_2", "")),
       text_event("output_text.delta", 1, 0, "12"), text_event("output_text.delta", 0, 0, "ab"),
       text_event("output_text.delta", 1, 0, "34"), done(1, second),
       text_event("output_text.delta", 0, 0, "cd"), done(0, first), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 2u);
  EXPECT_EQ(parts_of(outcome)[0].get<Text>()->text, "abcd");
  EXPECT_EQ(parts_of(outcome)[1].get<Text>()->text, "1234");
}

TEST(ResponsesReader, ReasoningOfSeveralTexts) {
  const std::string item =
      R"({"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"A b"},{)"
      R"("type":"summary_text","text":"c"}],"encrypted_content":"gAAA=="})";
  const auto delta = [](int index, const std::string& text) {
    return R"({"type":"response.reasoning_summary_text.delta","output_index":0,"summary_index":)" +
           std::to_string(index) + R"(,"delta":")" + text + "\"}";
  };
  const Outcome outcome =
      read({kCreated,
            added(0, R"({"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gA"})"),
            delta(0, "A "), delta(0, "b"),
            R"({"type":"response.reasoning_summary_text.done","output_index":0,"summary_index":0,)"
            R"("text":"A b"})",
            delta(1, "c"), done(0, item), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 1u);
  const auto* reasoning = parts_of(outcome)[0].get<Reasoning>();
  ASSERT_TRUE(reasoning);
  EXPECT_EQ(reasoning->text, "A b\n\nc");
  EXPECT_EQ(reasoning->signature, "gAAA==");
  EXPECT_EQ(parts_of(outcome)[0].extra, R"({"item":)" + item + "}");
}

TEST(ResponsesReader, CallsAndBuiltInTools) {
  const std::string call =
      R"({"id":"fc_1","type":"function_call","status":"completed","arguments":"{\"a\":1}",)"
      R"("call_id":"call_1","name":"add","namespace":"math"})";
  const std::string custom =
      R"({"id":"ctc_1","type":"custom_tool_call","input":"free text","call_id":"call_2",)"
      R"("name":"shell"})";
  const std::string search =
      R"({"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search",)"
      R"("query":"x"}})";
  const Outcome outcome = read(
      {kCreated, added(0, R"({"id":"ws_1","type":"web_search_call","status":"in_progress"})"),
       R"({"type":"response.web_search_call.searching","output_index":0,"item_id":"ws_1"})",
       done(0, search),
       added(1, R"({"id":"fc_1","type":"function_call","arguments":"","call_id":"call_1","name":)"
                R"("add"})"),
       R"({"type":"response.function_call_arguments.delta","output_index":1,"item_id":"fc_1",)"
       R"("delta":"{\"a\""})",
       R"({"type":"response.function_call_arguments.delta","output_index":1,"item_id":"fc_1",)"
       R"("delta":":1}"})",
       R"({"type":"response.function_call_arguments.done","output_index":1,"item_id":"fc_1",)"
       R"("arguments":"{\"a\":1}"})",
       done(1, call),
       added(2, R"({"id":"ctc_1","type":"custom_tool_call","input":"","call_id":"call_2","name":)"
                R"("shell"})"),
       R"({"type":"response.custom_tool_call_input.delta","output_index":2,"item_id":"ctc_1",)"
       R"("delta":"free text"})",
       done(2, custom), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  const auto& parts = parts_of(outcome);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].get<Opaque>()->type, "web_search_call");
  EXPECT_EQ(parts[0].get<Opaque>()->json, search);
  EXPECT_EQ(parts[0].id, "ws_1");
  EXPECT_EQ(*parts[1].get<ToolCall>(),
            (ToolCall{.id = "call_1", .name = "add", .arguments = "{\"a\":1}"}));
  EXPECT_EQ(parts[1].extra, R"({"item":)" + call + "}");
  EXPECT_EQ(*parts[2].get<ToolCall>(),
            (ToolCall{.id = "call_2", .name = "shell", .arguments = "free text", .custom = true}));
  EXPECT_EQ(outcome.response.finish(), Finish::kToolCalls);
}

// xAI's search is a custom call that nobody has to answer: the request offers no such tool.
TEST(ResponsesReader, CallsThatTheProviderRuns) {
  const std::string item =
      R"({"id":"c","type":"custom_tool_call","input":"{}","call_id":"xs_1","name":"x_search"})";
  for (const bool offered : {false, true}) {
    std::vector<std::string> names;
    if (offered) names.emplace_back("x_search");
    ResponsesReader reader(reading::responses_model(), names);
    const std::string body = reading::event_of(kCreated) + reading::event_of(done(0, item)) +
                             reading::event_of(completed());
    const Outcome outcome = reading::read_pieces(reader, 1, {body});
    ASSERT_FALSE(outcome.error) << *outcome.error;
    const ToolCall call = outcome.response.tool_calls().at(0);
    EXPECT_TRUE(call.custom);
    EXPECT_EQ(call.provider_executed, !offered);
    EXPECT_EQ(outcome.response.finish(), offered ? Finish::kToolCalls : Finish::kStop);
  }
}

// What was streamed is not what the item says: the reader has seen it, so it stays, and the item
// still goes back.
TEST(ResponsesReader, KeepsWhatWasStreamed) {
  const std::string item = message_item("msg_1", output_text("Corrected."));
  const Outcome outcome =
      read({kCreated, added(0, message_item("msg_1", "")),
            text_event("output_text.delta", 0, 0, "Wrong"), done(0, item), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.response.text(), "Wrong");
  EXPECT_EQ(parts_of(outcome)[0].extra, R"({"item":)" + item + R"(,"said":["Wrong"]})");
}

TEST(ResponsesReader, TakesTheRestFromTheItem) {
  const Outcome outcome = read(
      {kCreated, added(0, message_item("msg_1", "")), text_event("output_text.delta", 0, 0, "Got"),
       done(0, message_item("msg_1", output_text("Got it."))), completed()});
  EXPECT_EQ(outcome.response.text(), "Got it.");
}

TEST(ResponsesReader, NewIdsInEveryEvent) {
  const std::string item = message_item("third", output_text("Same."));
  const Outcome outcome =
      read({kCreated, added(0, message_item("first", "")),
            R"({"type":"response.output_text.delta","output_index":0,"content_index":0,"item_id":)"
            R"("second","delta":"Same."})",
            done(0, item),
            completed(R"("status":"completed","output":[)" +
                      message_item("fourth", output_text("Same.")) + "]")});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 1u);
  EXPECT_EQ(outcome.response.text(), "Same.");
}

TEST(ResponsesReader, TheSameIndexForAll) {
  const Outcome outcome =
      read({kCreated, added(0, message_item("a", "")), done(0, message_item("a", output_text("1"))),
            added(0, message_item("b", "")), text_event("output_text.delta", 0, 0, "2"),
            done(0, message_item("b", output_text("2"))), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 2u);
  EXPECT_EQ(outcome.response.text(), "12");
}

std::string call_item(const std::string& number, const std::string& arguments) {
  return R"({"id":"fc_)" + number + R"(","type":"function_call","arguments":")" + arguments +
         R"(","call_id":"call_)" + number + R"(","name":"f"})";
}

// ... and to several at once: there the id says whose it is.
TEST(ResponsesReader, TheSameIndexForItemsThatInterleave) {
  const auto piece = [](const std::string& number) {
    return R"({"type":"response.function_call_arguments.delta","output_index":0,"item_id":"fc_)" +
           number + R"(","delta":")" + number + "\"}";
  };
  const Outcome outcome =
      read({kCreated, added(0, call_item("1", "")), added(0, call_item("2", "")), piece("1"),
            piece("2"), done(0, call_item("1", "1")), done(0, call_item("2", "2")), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 2u);
  for (const char* number : {"1", "2"}) {
    const Part& part = parts_of(outcome)[number[0] - '1'];
    EXPECT_EQ(part.get<ToolCall>()->id, "call_" + std::string(number));
    EXPECT_EQ(part.get<ToolCall>()->arguments, number);
    EXPECT_EQ(part.extra, R"({"item":)" + call_item(number, number) + "}");
  }
}

// ... and that do not say where an item begins.
TEST(ResponsesReader, TheSameIndexForItemsThatAreDone) {
  const std::string message = message_item("a", output_text("Hi"));
  for (const std::string& first :
       {done(0, message), added(0, message_item("a", "")) +
                              "\n\ndata: " + text_event("output_text.delta", 0, 0, "Hi")}) {
    const Outcome outcome = read({kCreated, first, done(0, call_item("1", "1")), completed()});
    ASSERT_FALSE(outcome.error) << *outcome.error;
    ASSERT_EQ(parts_of(outcome).size(), 2u);
    EXPECT_EQ(outcome.response.text(), "Hi");
    EXPECT_EQ(parts_of(outcome)[0].id, "a");
    EXPECT_EQ(parts_of(outcome)[1].get<ToolCall>()->arguments, "1");
    EXPECT_EQ(outcome.response.finish(), Finish::kToolCalls);
  }
}

// The end has an item more, before one that has come, and has new ids for all.
TEST(ResponsesReader, NewIdsAtTheEnd) {
  const Outcome outcome =
      read({kCreated, done(0, message_item("a", output_text("Hi"))),
            completed(R"("status":"completed","output":[{"id":"r","type":"reasoning","summary":[)"
                      R"(],"encrypted_content":"E"},)" +
                      message_item("b", output_text("Hi")) + "]")});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 2u);
  EXPECT_EQ(outcome.response.text(), "Hi");
  EXPECT_EQ(parts_of(outcome)[1].get<Reasoning>()->signature, "E");
}

std::string content_event(const std::string& type, const std::string& part) {
  return R"({"type":"response.content_part.)" + type +
         R"(","output_index":0,"content_index":0,"part":)" + part + "}";
}

// What a content is announced as counts for less than what comes.
TEST(ResponsesReader, ContentsThatBeginAsSomethingElse) {
  for (const char* begins :
       {R"({"type":"text","text":""})", R"({"text":""})", R"({"type":"refusal","refusal":""})"}) {
    const std::string item = message_item("a", output_text("Hi"));
    const Outcome outcome =
        read({kCreated, added(0, message_item("a", "")), content_event("added", begins),
              text_event("output_text.delta", 0, 0, "Hi"), done(0, item), completed()});
    ASSERT_FALSE(outcome.error) << *outcome.error;
    ASSERT_EQ(parts_of(outcome).size(), 1u);
    EXPECT_EQ(outcome.response.text(), "Hi");
    EXPECT_EQ(parts_of(outcome)[0].extra, R"({"item":)" + item + "}");
    EXPECT_EQ(outcome.response.finish(), Finish::kStop);
  }
  const Outcome refused =
      read({kCreated, added(0, message_item("a", "")), content_event("added", output_text("")),
            done(0, message_item("a", R"({"type":"refusal","refusal":"No."})")), completed()});
  EXPECT_EQ(parts_of(refused)[0].get<Refusal>()->text, "No.");
  EXPECT_EQ(refused.response.finish(), Finish::kRefusal);
}

TEST(ResponsesReader, ContentsWithoutDeltas) {
  const Outcome outcome = read({kCreated, added(0, message_item("a", "")),
                                content_event("done", output_text("Hi")), completed()});
  EXPECT_EQ(outcome.response.text(), "Hi");
}

// Places that nobody fills must not fill the memory.
TEST(ResponsesReader, BoundsItsContents) {
  std::vector<std::string> events = {kCreated};
  for (int i = 0; i < 12; ++i) events.push_back(text_event("output_text.delta", i, 1023, "x"));
  const Outcome outcome = read(events);
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Errc::kProtocol);
  EXPECT_NE(outcome.error->message().find("more than 10,000 contents"), std::string::npos);
}

TEST(ResponsesReader, WithoutAnIndex) {
  const Outcome outcome = read(
      {kCreated, R"({"type":"response.output_item.added","item":)" + message_item("a", "") + "}",
       R"({"type":"response.output_text.delta","item_id":"a","delta":"Hi"})",
       R"({"type":"response.output_item.done","item":)" + message_item("a", output_text("Hi")) +
           "}",
       completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  ASSERT_EQ(parts_of(outcome).size(), 1u);
  EXPECT_EQ(outcome.response.text(), "Hi");
}

TEST(ResponsesReader, FactsOfAnAnswerWithoutParts) {
  const Outcome outcome =
      read({kCreated, completed(R"("status":"completed","output":[],"moderation":{"a":1})")});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.response.message().extra, R"({"answer":{"moderation":{"a":1}}})");
}

// The type stands in the stream's own field only.
TEST(ResponsesReader, TypesOfTheStream) {
  std::string body;
  for (const std::string& event :
       {kCreated, added(0, message_item("a", "")), text_event("output_text.delta", 0, 0, "Hi"),
        done(0, message_item("a", output_text("Hi"))), completed()}) {
    const std::string type = json::parse(event)["type"];
    std::string bare = event;
    bare.erase(1, std::string(R"("type":"",)").size() + type.size());
    body += "event: " + type + "\n" + reading::event_of(bare);
  }
  const Outcome outcome = reading::read_responses({body});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.response.text(), "Hi");
  EXPECT_NE(parts_of(outcome)[0].extra.find("item"), std::string::npos);
}

// A tool's error is not the answer's.
TEST(ResponsesReader, ErrorsOfTools) {
  const Outcome outcome =
      read({kCreated,
            R"({"type":"response.mcp_call.failed","output_index":0,"item_id":"m","error":{)"
            R"("message":"no"}})",
            done(0, R"({"id":"m","type":"mcp_call","error":"no"})"), completed()});
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(parts_of(outcome)[0].get<Opaque>()->type, "mcp_call");
}

TEST(ResponsesReader, Annotations) {
  const std::string note = R"({"type":"url_citation","url":"https://example.com"})";
  const std::string event =
      R"({"type":"response.output_text.annotation.added","output_index":0,"content_index":0,)"
      R"("annotation_index":0,"annotation":)" +
      note + "}";
  const std::string item =
      message_item("m", R"({"type":"output_text","text":"x","annotations":[)" + note + "]}");
  const Outcome with_item =
      read({kCreated, added(0, message_item("m", "")), text_event("output_text.delta", 0, 0, "x"),
            event, done(0, item), completed()});
  EXPECT_EQ(parts_of(with_item)[0].extra,
            R"({"annotations":[)" + note + R"(],"item":)" + item + "}");
  const Outcome without = read({kCreated, added(0, message_item("m", "")),
                                text_event("output_text.delta", 0, 0, "x"), event, completed()});
  EXPECT_EQ(parts_of(without)[0].extra, R"({"annotations":[)" + note + "]}");
}

TEST(ResponsesReader, Logprobs) {
  const std::string list =
      R"([{"token":"Hi","logprob":-0.5,"bytes":[72,105],"top_logprobs":[{"token":"Hi",)"
      R"("logprob":-0.5},{"token":"Yo","logprob":-1.5}]}])";
  const std::string item = message_item(
      "m", R"({"type":"output_text","text":"Hi","annotations":[],"logprobs":)" + list + "}");
  const Outcome streamed =
      read({kCreated, added(0, message_item("m", "")),
            text_event("output_text.delta", 0, 0, "Hi", R"(,"logprobs":)" + list), done(0, item),
            completed()});
  const Outcome whole = reading::read_whole_response(
      R"({"id":"r","model":"m","status":"completed","output":[)" + item + "]}");
  for (const Outcome* outcome : {&streamed, &whole}) {
    const auto& logprobs = outcome->choice().logprobs;
    ASSERT_EQ(logprobs.size(), 1u);
    EXPECT_EQ(logprobs[0].chosen.bytes, "Hi");
    EXPECT_FLOAT_EQ(logprobs[0].chosen.logprob, -0.5f);
    ASSERT_EQ(logprobs[0].top.size(), 2u);
    EXPECT_EQ(logprobs[0].top[1].bytes, "Yo");
  }
}

TEST(ResponsesReader, WhyItEnds) {
  const struct {
    const char* details;
    Finish finish;
    const char* raw;
  } cases[] = {{R"({"reason":"max_output_tokens"})", Finish::kLength, "max_output_tokens"},
               {R"({"reason":"content_filter"})", Finish::kFiltered, "content_filter"},
               {R"({"reason":"moon_phase"})", Finish::kOther, "moon_phase"},
               {"null", Finish::kOther, "incomplete"}};
  for (const auto& one : cases) {
    const std::string response =
        R"({"id":"r","model":"m","status":"incomplete","incomplete_details":)" +
        std::string(one.details) + R"(,"output":[]})";
    const Outcome streamed =
        read({kCreated, R"({"type":"response.incomplete","response":)" + response + "}"});
    const Outcome whole = reading::read_whole_response(response);
    for (const Outcome* outcome : {&streamed, &whole}) {
      ASSERT_FALSE(outcome->error) << *outcome->error;
      EXPECT_TRUE(outcome->proven);
      EXPECT_EQ(outcome->response.finish(), one.finish);
      EXPECT_EQ(outcome->choice().finish_raw, one.raw);
    }
  }
}

TEST(ResponsesReader, Failures) {
  const std::string failed =
      R"({"type":"response.failed","response":{"id":"r","status":"failed","error":{"code":)"
      R"("rate_limit_exceeded","message":"Slow down"}}})";
  const std::string flat =
      R"({"type":"error","code":"rate_limit_exceeded","message":"Slow down","param":null})";
  const std::string nested =
      R"({"type":"error","error":{"type":"tokens","code":"rate_limit_exceeded","message":)"
      R"("Slow down"}})";
  const std::string named =
      R"({"type":"response.error","code":"rate_limit_exceeded","message":"Slow down"})";
  for (const std::string& end : {failed, flat, nested, named}) {
    const Outcome outcome = read({kCreated, added(0, message_item("m", "")),
                                  text_event("output_text.delta", 0, 0, "Half"), end});
    ASSERT_TRUE(outcome.error) << end;
    EXPECT_EQ(outcome.error->code(), Errc::kRateLimited);
    EXPECT_EQ(outcome.error->provider_code(), "rate_limit_exceeded");
    EXPECT_EQ(outcome.error->message(), "Slow down");
    EXPECT_FALSE(outcome.proven);
    EXPECT_EQ(outcome.response.text(), "Half");
  }
  const std::string whole =
      R"({"id":"r","status":"failed","output":[],"error":{"code":"server_error","message":)"
      R"("Oops"}})";
  EXPECT_EQ(reading::read_whole_response(whole).error->code(), Errc::kServerError);
}

TEST(ResponsesReader, WhatIsNoResponse) {
  const struct {
    std::string event;
    std::string word;
  } cases[] = {
      {"{\"type\":", "event 2"},
      {"[1]", "not a JSON object"},
      {R"({"id":"c","object":"chat.completion.chunk","choices":[]})", "text_api"},
      {R"({"type":"response.output_item.added","item":7})", "\"item\" is not an object"},
      {R"({"type":"response.output_text.delta","output_index":0,"content_index":5000,"delta":"x"})",
       "content"},
      {"[DONE]", "[DONE]"},
  };
  for (const auto& one : cases) {
    const Outcome outcome = read({kCreated, one.event});
    ASSERT_TRUE(outcome.error) << one.event;
    EXPECT_NE(outcome.error->message().find(one.word), std::string::npos)
        << outcome.error->message();
    EXPECT_EQ(outcome.error->code(), one.event == "[DONE]" ? Errc::kTruncated : Errc::kProtocol);
  }
  for (const char* body : {"{}", "[]", "{\"output\":3}", R"({"choices":[]})", "{"})
    EXPECT_EQ(reading::read_whole_response(body).error->code(), Errc::kProtocol) << body;
  for (const char* status : {"queued", "in_progress"})
    EXPECT_EQ(
        reading::read_whole_response(R"({"output":[],"status":")" + std::string(status) + "\"}")
            .error->code(),
        Errc::kUnsupported);
}

TEST(ResponsesReader, HasBounds) {
  std::vector<std::string> many{kCreated};
  for (int i = 0; i < 10'001; ++i) many.push_back(done(i, R"({"id":"x","type":"program"})"));
  EXPECT_EQ(read(many).error->code(), Errc::kProtocol);
  // Text of an item that waits for one before it, without end.
  std::vector<std::string> waiting{kCreated, added(0, message_item("a", "")),
                                   added(1, message_item("b", ""))};
  const std::string mebibyte(std::size_t{1024} * 1024, 'x');
  waiting.resize(waiting.size() + 65, text_event("output_text.delta", 1, 0, mebibyte));
  const Outcome outcome = read(waiting);
  ASSERT_TRUE(outcome.error);
  EXPECT_NE(outcome.error->message().find("64 MiB"), std::string::npos);
}

// A stream with bytes changed, taken out and put in: whatever it is, both paths say the same of it,
// and what is given out keeps the grammar.
TEST(ResponsesReader, BothPathsSayTheSameWhateverComes) {
  std::string body;
  for (const std::string& event :
       {kCreated, added(0, message_item("msg_1", "")),
        text_event("output_text.delta", 0, 0, "One \u00e9 \\ two", R"(,"obfuscation":"ab")"),
        text_event("output_text.delta", 0, 0, " three", R"(,"logprobs":[],"sequence_number":7)"),
        text_event("output_text.delta", 0, 0, "", R"(,"item_id":"msg_1")"),
        done(0, message_item("msg_1", output_text("One \u00e9 \\ two three"))),
        added(1, R"({"id":"rs","type":"reasoning","summary":[]})"),
        std::string(R"({"type":"response.reasoning_summary_text.delta","output_index":1,)"
                    R"("summary_index":0,"delta":"Hm"})"),
        std::string(R"({"type":"response.reasoning_summary_text.delta","output_index":1,)"
                    R"("summary_index":0,"delta":"..."})"),
        added(2, R"({"id":"fc","type":"function_call","call_id":"c","name":"f","arguments":""})"),
        std::string(
            R"({"type":"response.function_call_arguments.delta","output_index":2,"delta":"{)"
            R"(\"a\":"})"),
        std::string(
            R"({"type":"response.function_call_arguments.delta","output_index":2,"delta":"1}"})"),
        completed()})
    body += reading::event_of(event);
  std::mt19937 random(20261126);
  const std::string_view alphabet = "\"\\{}[]:,0129 -etu.d\n\xc3\xff";
  for (int i = 0; i < port::effort(4000); ++i) {
    std::string changed = body;
    for (auto n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % changed.size();
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 4) {
        case 0: changed[at] = c; break;
        case 1: changed.erase(at, 1 + random() % 8); break;
        case 2: changed.insert(at, 1, c); break;
        case 3: changed.insert(at, changed.substr(random() % changed.size(), random() % 60)); break;
      }
    }
    const Outcome plain = reading::read_responses({changed});
    const Outcome full = reading::read_responses({changed}, ResponsesReader::Path::kFull);
    ASSERT_EQ(plain.events, full.events) << changed;
    ASSERT_EQ(plain.error.has_value(), full.error.has_value()) << changed;
    if (plain.error) {
      ASSERT_EQ(plain.error->message(), full.error->message()) << changed;
    }
    ASSERT_EQ(plain.broken, "") << changed;
  }
}

// ---- the document's own list of events

// The least that a schema of OpenAI's document allows.
class LeastValue {
 public:
  explicit LeastValue(const json& document) : schemas_(document["components"]["schemas"]) {}

  json of(const std::string& name) const { return of(schemas_.at(name), 0); }

 private:
  json of(const json& schema, int depth) const {
    if (depth > 24) return nullptr;
    if (schema.contains("$ref")) {
      const std::string ref = schema["$ref"];
      return of(schemas_.at(ref.substr(ref.rfind('/') + 1)), depth + 1);
    }
    for (const char* choice : {"oneOf", "anyOf"})
      if (schema.contains(choice)) return of(schema[choice][0], depth + 1);
    if (schema.contains("const")) return schema["const"];
    if (schema.contains("enum")) return schema["enum"][0];
    json value = json::object();
    if (schema.contains("allOf")) {
      for (const json& part : schema["allOf"]) {
        const json more = of(part, depth + 1);
        if (more.is_object()) value.update(more);
      }
      return value;
    }
    const std::string type = schema.value("type", "object");
    if (type == "string") return "x";
    if (type == "integer" || type == "number") return 0;
    if (type == "boolean") return false;
    if (type == "array") return json::array();
    if (!schema.contains("properties")) return value;
    for (const json& name : schema.value("required", json::array()))
      if (schema["properties"].contains(name.get<std::string>()))
        value[name.get<std::string>()] =
            of(schema["properties"][name.get<std::string>()], depth + 1);
    return value;
  }
  const json& schemas_;
};

TEST(ResponsesReader, EveryEventOfTheDocument) {
  const std::string path =
      std::string(INFER_SOURCE_DIR) + "/../shared/contracts/openai-openapi.json";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no document beside this tree";
  const json document = json::parse(reading::read_file(path));
  const LeastValue least(document);
  const json& stream = document["components"]["schemas"]["ResponseStreamEvent"];
  const json& kinds = stream.contains("anyOf") ? stream["anyOf"] : stream["oneOf"];
  EXPECT_EQ(kinds.size(), 58u);
  for (const json& kind : kinds) {
    const std::string ref = kind["$ref"];
    json event = least.of(ref.substr(ref.rfind('/') + 1));
    const std::string type = event["type"];
    SCOPED_TRACE(type);
    if (event.contains("response")) event["response"]["error"] = nullptr;
    const Outcome outcome = read({kCreated, event.dump(), completed()});
    if (type == "error" || type == "response.failed") {
      ASSERT_TRUE(outcome.error);
      EXPECT_EQ(outcome.error->code(), Errc::kServerError);
      EXPECT_FALSE(outcome.proven);
      continue;
    }
    ASSERT_FALSE(outcome.error) << *outcome.error << event.dump();
    EXPECT_TRUE(outcome.proven);
    EXPECT_EQ(read({kCreated, event.dump()}).proven,
              type == "response.completed" || type == "response.incomplete");
  }
  // One that is not in the document.
  EXPECT_TRUE(
      read({kCreated, R"({"type":"response.telepathy.delta","delta":"?"})", completed()}).proven);
}

// ---- a conversation over either API

struct BothWires {
  std::string name;
  std::vector<std::string> chat, responses;
};

std::string chunk(const std::string& delta, const std::string& finish = "null") {
  return R"({"id":"c","model":"gpt-5","choices":[{"index":0,"delta":)" + delta +
         R"(,"finish_reason":)" + finish + "}]}";
}
std::string chat_end() {
  return R"({"id":"c","model":"gpt-5","choices":[],"usage":{"prompt_tokens":7,)"
         R"("completion_tokens":5,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":)"
         R"(2,"cache_write_tokens":3},"completion_tokens_details":{"reasoning_tokens":1}}})";
}

std::vector<BothWires> both_wires() {
  const std::string thought =
      R"({"type":"response.reasoning_text.delta","output_index":0,"content_index":0,"delta":"Hm.)";
  const auto call = [](const std::string& id, const std::string& arguments) {
    return R"({"id":"fc)" + id + R"(","type":"function_call","call_id":")" + id +
           R"(","name":"look","arguments":)" + json(arguments).dump() + "}";
  };
  const auto piece = [](int index, const std::string& text) {
    return R"({"type":"response.function_call_arguments.delta","output_index":)" +
           std::to_string(index) + R"(,"delta":)" + json(text).dump() + "}";
  };
  const std::string length =
      R"({"type":"response.incomplete","response":{"id":"resp_1","model":"gpt-5","status":)"
      R"("incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[],"usage":)"
      R"({"input_tokens":7,"input_tokens_details":{"cached_tokens":2,"cache_write_tokens":3},)"
      R"("output_tokens":5,"output_tokens_details":{"reasoning_tokens":1},"total_tokens":12}}})";
  return {
      {"Text",
       {chunk(R"({"role":"assistant","content":""})"), chunk(R"({"content":"Hello"})"),
        chunk(R"({"content":" you."})"), chunk("{}", "\"stop\""), chat_end()},
       {kCreated, added(0, message_item("m", "")), text_event("output_text.delta", 0, 0, "Hello"),
        text_event("output_text.delta", 0, 0, " you."),
        done(0, message_item("m", output_text("Hello you."))), completed()}},
      {"ReasoningAndText",
       {chunk(R"({"reasoning_content":"Hm."})"), chunk(R"({"content":"Yes."})"),
        chunk("{}", "\"stop\""), chat_end()},
       {kCreated, added(0, R"({"id":"r","type":"reasoning","summary":[]})"), thought + "\"}",
        done(0, R"({"id":"r","type":"reasoning","summary":[],"content":[{"type":"reasoning_text",)"
                R"("text":"Hm."}]})"),
        added(1, message_item("m", "")), text_event("output_text.delta", 1, 0, "Yes."),
        done(1, message_item("m", output_text("Yes."))), completed()}},
      {"TwoCalls",
       {chunk(R"({"tool_calls":[{"index":0,"id":"a","type":"function","function":{"name":"look",)"
              R"("arguments":""}}]})"),
        chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]})"),
        chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]})"),
        chunk(R"({"tool_calls":[{"index":1,"id":"b","type":"function","function":{"name":"look",)"
              R"("arguments":""}}]})"),
        chunk(R"({"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]})"),
        chunk("{}", "\"tool_calls\""), chat_end()},
       {kCreated, added(0, call("a", "")), piece(0, "{\"x\":"), piece(0, "1}"),
        done(0, call("a", "{\"x\":1}")), added(1, call("b", "")), piece(1, "{}"),
        done(1, call("b", "{}")), completed()}},
      {"Refusal",
       {chunk(R"({"refusal":"I will"})"), chunk(R"({"refusal":" not."})"), chunk("{}", "\"stop\""),
        chat_end()},
       {kCreated, added(0, message_item("m", "")), text_event("refusal.delta", 0, 0, "I will"),
        text_event("refusal.delta", 0, 0, " not."),
        done(0, message_item("m", R"({"type":"refusal","refusal":"I will not."})")), completed()}},
      {"Length",
       {chunk(R"({"content":"Once"})"), chunk("{}", "\"length\""), chat_end()},
       {kCreated, added(0, message_item("m", "")), text_event("output_text.delta", 0, 0, "Once"),
        length}},
  };
}

std::string shape_of(const Outcome& outcome) {
  // Kinds, part kinds, finish, choice and part, and what is said; no ids, extras and raw figures.
  std::string shape;
  std::istringstream lines(outcome.events);
  for (std::string line; std::getline(lines, line);) {
    const bool is_delta = line.rfind("3.", 0) == 0;
    const std::size_t first = line.find('|');
    shape += line.substr(0, first);
    if (is_delta) shape += line.substr(first);
    shape += '\n';
  }
  return shape;
}

TEST(ResponsesReader, GivesTheEventsOfAChat) {
  for (const BothWires& one : both_wires()) {
    SCOPED_TRACE(one.name);
    std::string chat_body;
    for (const std::string& event : one.chat) chat_body += reading::event_of(event);
    ChatReader chat_reader(reading::responses_model(), 1);
    const Outcome chat =
        reading::read_pieces(chat_reader, 1, {chat_body + reading::event_of("[DONE]")});
    const Outcome responses = read(one.responses);
    ASSERT_FALSE(chat.error) << *chat.error;
    ASSERT_FALSE(responses.error) << *responses.error;
    EXPECT_EQ(shape_of(responses), shape_of(chat));

    const auto bare = [](const Outcome& outcome) {
      std::vector<Part> parts = outcome.response.message().parts;
      for (Part& part : parts) part.id = part.issuer = part.extra = {};
      return parts;
    };
    EXPECT_EQ(bare(responses), bare(chat));
    EXPECT_EQ(responses.response.finish(), chat.response.finish());
    EXPECT_EQ(responses.response.model, chat.response.model);
    const Usage &a = responses.response.usage, &b = chat.response.usage;
    EXPECT_EQ(a.input, b.input);
    EXPECT_EQ(a.output, b.output);
    EXPECT_EQ(a.cache_read, b.cache_read);
    EXPECT_EQ(a.cache_write, b.cache_write);
    EXPECT_EQ(a.reasoning, b.reasoning);
  }
}

}  // namespace
}  // namespace infer::cloud
