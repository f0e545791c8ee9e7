#include "src/cloud/anthropic/messages_reader.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "src/cloud/anthropic/testing.h"
#include "src/port/effort.h"

namespace infer::cloud {
namespace {

using anthropic_test::content_of;
using anthropic_test::Json;
using anthropic_test::proof_of;
using anthropic_test::Read;
using anthropic_test::read_stream;
using anthropic_test::read_whole;
using anthropic_test::sse_of;
using anthropic_test::Stream;
using anthropic_test::stream_fixtures;
using anthropic_test::whole_fixtures;

void expect_clean(const Read& read, const std::string& name) {
  EXPECT_FALSE(read.error) << name << ": " << read.error->message();
  EXPECT_TRUE(read.proven) << name;
  EXPECT_FALSE(read.broken) << name << ": " << read.broken->rule << ", " << read.broken->what;
}

Json json_of(const std::string& text) { return Json::parse(text, nullptr, false); }

// The parts say what the blocks say.
void expect_same_content(const Message& message, const Json& content, const std::string& name) {
  ASSERT_EQ(message.parts.size(), content.size()) << name;
  for (std::size_t i = 0; i < content.size(); ++i) {
    const Part& part = message.parts[i];
    Json block = content[i];
    const std::string where = name + " block " + std::to_string(i);
    EXPECT_EQ(part.issuer, "anthropic") << where;
    const std::string type = core::string_or(block, "type");
    if (type == "text") {
      ASSERT_TRUE(part.get<Text>()) << where;
      EXPECT_EQ(Json(part.get<Text>()->text), block["text"]) << where;
      block.erase("text");
      if (block.contains("citations") && block["citations"].empty()) block.erase("citations");
    } else if (type == "thinking" || type == "redacted_thinking") {
      ASSERT_TRUE(part.get<Reasoning>()) << where;
      EXPECT_EQ(part.get<Reasoning>()->redacted, type == "redacted_thinking") << where;
      EXPECT_EQ(part.get<Reasoning>()->text, block.value("thinking", "")) << where;
      EXPECT_EQ(part.get<Reasoning>()->signature,
                block.value("signature", block.value("data", "")));
      for (const char* member : {"thinking", "signature", "data"}) block.erase(member);
    } else if (type == "tool_use") {
      ASSERT_TRUE(part.get<ToolCall>()) << where;
      EXPECT_EQ(Json(part.get<ToolCall>()->id), block["id"]) << where;
      EXPECT_EQ(Json(part.get<ToolCall>()->name), block["name"]) << where;
      EXPECT_EQ(json_of(part.get<ToolCall>()->arguments), block["input"]) << where;
      for (const char* member : {"id", "name", "input"}) block.erase(member);
    } else {
      ASSERT_TRUE(part.get<Opaque>()) << where;
      EXPECT_EQ(part.get<Opaque>()->type, type) << where;
      EXPECT_EQ(json_of(part.get<Opaque>()->json), block) << where;
      continue;
    }
    block.erase("type");
    EXPECT_EQ(part.extra.empty() ? Json::object() : json_of(part.extra), block) << where;
  }
}

// The largest value that any usage of the stream gives a figure; -1: none does.
std::int64_t figure(const std::vector<std::string>& payloads, const char* name) {
  std::int64_t largest = -1;
  for (const std::string& payload : payloads) {
    const Json event = json_of(payload);
    const Json& of = event["type"] == "message_start" ? event["message"] : event;
    if (of.contains("usage") && of["usage"].contains(name) && of["usage"][name].is_number())
      largest = std::max(largest, of["usage"][name].get<std::int64_t>());
  }
  return largest;
}

TEST(AnthropicStream, fixtures_say_what_an_independent_reading_finds) {
  const auto streams = stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  EXPECT_GE(streams.size(), 40u);
  for (const Stream& stream : streams) {
    const Read read = read_stream(stream.bytes);
    expect_clean(read, stream.name);
    const Response& response = read.response;
    expect_same_content(response.message(), content_of(stream.payloads), stream.name);
    const Json start = json_of(stream.payloads.front())["message"];
    EXPECT_EQ(Json(response.id), start["id"]) << stream.name;
    EXPECT_EQ(Json(response.model), start["model"]) << stream.name;
    const std::int64_t input =
        figure(stream.payloads, "input_tokens") +
        std::max<std::int64_t>(0, figure(stream.payloads, "cache_read_input_tokens")) +
        std::max<std::int64_t>(0, figure(stream.payloads, "cache_creation_input_tokens"));
    EXPECT_EQ(response.usage.input, input) << stream.name;
    EXPECT_EQ(response.usage.output, figure(stream.payloads, "output_tokens")) << stream.name;
    std::string reason = core::string_or(start, "stop_reason");
    for (const std::string& payload : stream.payloads)
      if (const Json event = json_of(payload); event["type"] == "message_delta")
        reason = core::string_or(event["delta"], "stop_reason");
    EXPECT_EQ(response.choices.at(0).finish_raw, reason) << stream.name;
  }
}

TEST(AnthropicStream, figures_and_facts_of_message_delta_are_kept_verbatim) {
  const auto streams = stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const Stream& stream : streams) {
    const Read read = read_stream(stream.bytes);
    const Json raw = json_of(read.response.usage.raw);
    for (const std::string& payload : stream.payloads) {
      const Json event = json_of(payload);
      if (event["type"] != "message_delta") continue;
      for (const auto& [name, value] : event["usage"].items())
        EXPECT_EQ(raw.at(name), value) << stream.name << ' ' << name;
      for (const auto& [name, value] : event["delta"].items())
        if (name != "stop_reason" && name != "stop_sequence" && !value.is_null()) {
          EXPECT_EQ(raw.at(name), value) << stream.name << ' ' << name;
        }
      for (const auto& [name, value] : event.items())
        if (name != "type" && name != "delta" && name != "usage" && !value.is_null()) {
          EXPECT_EQ(raw.at(name), value) << stream.name << ' ' << name;
        }
    }
  }
}

// Sizes of pieces: cut once, at every place of streams up to 16 KiB. Longer ones are cut at many
// places at once: beside the ends of their lines, and at 2,000 by chance.
std::vector<std::vector<std::size_t>> ways_to_split(const std::string& bytes) {
  std::vector<std::vector<std::size_t>> ways;
  if (bytes.size() <= 16 * 1024) {
    for (std::size_t i = 1; i < bytes.size(); i += port::kStride) ways.push_back({i});
    return ways;
  }
  std::vector<std::set<std::size_t>> places(4);
  for (std::size_t i = 2; i < bytes.size(); ++i)
    if (bytes[i] == '\n')
      for (std::size_t offset = 0; offset < 4; ++offset) places[offset].insert(i - 1 + offset);
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    places.emplace_back();
    for (int i = 0; i < 100; ++i) places.back().insert(1 + random() % (bytes.size() - 1));
  }
  for (const auto& cuts : places) {
    ways.emplace_back();
    std::size_t before = 0;
    for (const std::size_t cut : cuts) ways.back().push_back(cut - std::exchange(before, cut));
  }
  ways.emplace_back(bytes.size(), 1);  // byte by byte
  return ways;
}

TEST(AnthropicStream, splits_change_nothing) {
  const auto streams = stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const Stream& stream : streams) {
    const std::uint64_t whole = read_stream(stream.bytes).hash;
    for (const auto& sizes : ways_to_split(stream.bytes))
      ASSERT_EQ(read_stream(stream.bytes, sizes).hash, whole)
          << stream.name << ", first cut at " << sizes.front();
  }
}

// A cut is a success if the answer was proven by then: so every place of every stream is tried.
TEST(AnthropicStream, is_proven_by_the_end_of_message_stop_and_by_nothing_before) {
  const auto streams = stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const Stream& stream : streams) {
    const auto reader = messages_reader();
    EventQueue queue;
    http::SseDecoder decoder;
    std::size_t bytes = 0;
    while (bytes < stream.bytes.size() && !reader->proven()) {
      char piece[1 + http::kPadding] = {stream.bytes[bytes++]};
      decoder.feed({piece, 1});
      while (decoder.next() == http::SseDecoder::Step::kEvent) {
        ASSERT_FALSE(reader->event(decoder.event().type, decoder.event().data, queue));
        while (!queue.empty()) EXPECT_NE(queue.pop().kind, Event::Kind::kFinish);
      }
    }
    EXPECT_EQ(bytes, proof_of(stream.bytes)) << stream.name;
    EXPECT_TRUE(reader->done()) << stream.name;
  }
}

TEST(AnthropicWhole, fixtures_say_what_an_independent_reading_finds) {
  const auto answers = whole_fixtures();
  if (answers.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const auto& [name, body] : answers) {
    const Read read = read_whole(body);
    expect_clean(read, name);
    const Json json = json_of(body);
    expect_same_content(read.response.message(), json["content"], name);
    EXPECT_EQ(Json(read.response.id), json["id"]) << name;
    EXPECT_EQ(Json(read.response.choices.at(0).finish_raw), json["stop_reason"]) << name;
    EXPECT_EQ(json_of(read.response.usage.raw), json["usage"]) << name;
    for (const char* member : {"container", "context_management", "stop_details"})
      if (json.contains(member) && !json[member].is_null()) {
        EXPECT_EQ(json_of(read.response.metadata).at(member), json[member]) << name;
      }
  }
}

// ---- one thing at a time

const char* const kStart =
    R"({"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant",)"
    R"("content":[],"model":"claude-x","stop_reason":null,"stop_sequence":null,)"
    R"("usage":{"input_tokens":10,"cache_read_input_tokens":100,)"
    R"("cache_creation_input_tokens":1000,"output_tokens":1}}})";
const char* const kStop = R"({"type":"message_stop"})";

std::vector<std::string> around(std::vector<std::string> payloads) {
  payloads.insert(payloads.begin(), kStart);
  payloads.push_back(kStop);
  return payloads;
}
Read read_around(const std::vector<std::string>& payloads) {
  return read_stream(sse_of(around(payloads)));
}
std::string block_start(int index, const std::string& block) {
  return R"({"type":"content_block_start","index":)" + std::to_string(index) +
         R"(,"content_block":)" + block + '}';
}
std::string block_delta(int index, const std::string& delta) {
  return R"({"type":"content_block_delta","index":)" + std::to_string(index) + R"(,"delta":)" +
         delta + '}';
}
std::string block_stop(int index) {
  return R"({"type":"content_block_stop","index":)" + std::to_string(index) + '}';
}

TEST(AnthropicStream, every_stop_reason) {
  const std::pair<const char*, Finish> reasons[] = {
      {R"("end_turn")", Finish::kStop},
      {R"("max_tokens")", Finish::kLength},
      {R"("tool_use")", Finish::kToolCalls},
      {R"("pause_turn")", Finish::kPaused},
      {R"("refusal")", Finish::kRefusal},
      {R"("model_context_window_exceeded")", Finish::kContextFull},
      {R"("compaction")", Finish::kOther},
      {R"("something_new")", Finish::kOther},
      {"null", Finish::kUnknown},
  };
  for (const auto& [word, finish] : reasons) {
    const Read read = read_around(
        {std::string(R"({"type":"message_delta","delta":{"stop_reason":)") + word + "}}"});
    expect_clean(read, word);
    const Choice& choice = read.response.choices.at(0);
    EXPECT_EQ(choice.finish, finish) << word;
    EXPECT_EQ(choice.finish_raw.empty() ? "null" : '"' + choice.finish_raw + '"', word);
  }
  const Read stopped =
      read_around({R"({"type":"message_delta","delta":{"stop_reason":"stop_sequence",)"
                   R"("stop_sequence":"END"}})"});
  EXPECT_EQ(stopped.response.choices.at(0).finish, Finish::kStopSequence);
  EXPECT_EQ(stopped.response.choices.at(0).stop_sequence, "END");
}

TEST(AnthropicStream, the_whole_prompt_is_counted_and_figures_never_shrink) {
  const Read read = read_around(
      {R"({"type":"message_delta","delta":{},"usage":{"input_tokens":12,"output_tokens":7,)"
       R"("output_tokens_details":{"thinking_tokens":3}}})",
       R"({"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"input_tokens":0,)"
       R"("cache_read_input_tokens":null,"output_tokens":9}})"});
  expect_clean(read, "usage");
  EXPECT_EQ(read.response.usage.input, 1112);
  EXPECT_EQ(read.response.usage.cache_read, 100);
  EXPECT_EQ(read.response.usage.cache_write, 1000);
  EXPECT_EQ(read.response.usage.output, 9);
  EXPECT_EQ(read.response.usage.reasoning, 3);
  EXPECT_EQ(read.response.usage.raw,
            R"({"input_tokens":0,"cache_read_input_tokens":100,"cache_creation_input_tokens":1000,)"
            R"("output_tokens":9,"output_tokens_details":{"thinking_tokens":3}})");
}

TEST(AnthropicStream, blocks_may_interleave) {
  const Read read = read_around(
      {block_start(0, R"({"type":"text","text":""})"),
       block_start(1, R"({"type":"tool_use","id":"t","name":"f","input":{}})"),
       block_delta(1, R"({"type":"input_json_delta","partial_json":"{\"a\""})"),
       block_delta(0, R"({"type":"text_delta","text":"Hal"})"),
       block_delta(1, R"({"type":"input_json_delta","partial_json":": 1}"})"), block_stop(1),
       block_delta(0, R"({"type":"text_delta","text":"lo"})"), block_stop(0)});
  expect_clean(read, "interleaved");
  EXPECT_EQ(read.response.text(), "Hallo");
  ASSERT_EQ(read.response.tool_calls().size(), 1u);
  EXPECT_EQ(read.response.tool_calls()[0].arguments, "{\"a\": 1}");
}

TEST(AnthropicStream, arguments_are_the_bytes_as_they_came) {
  const auto call = [](const char* input, std::vector<std::string> pieces) {
    std::vector<std::string> payloads = {block_start(
        0, R"({"type":"tool_use","id":"t","name":"f","input":)" + std::string(input) + '}')};
    for (const std::string& piece : pieces)
      payloads.push_back(block_delta(
          0, R"({"type":"input_json_delta","partial_json":)" + Json(piece).dump() + '}'));
    payloads.push_back(block_stop(0));
    return read_around(payloads).response.tool_calls().at(0).arguments;
  };
  EXPECT_EQ(call("{}", {}), "{}");
  EXPECT_EQ(call("null", {""}), "{}");
  EXPECT_EQ(call("{}", {"", "{ \"b\" : 1e2, \"a\": \"\\u00e9\"", " }"}),
            "{ \"b\" : 1e2, \"a\": \"\\u00e9\" }");
  EXPECT_EQ(call("{\"z\": 1, \"a\": 2}", {}), "{\"z\": 1, \"a\": 2}");
  EXPECT_EQ(call("{\"old\":1}", {"{\"new\":2}"}), "{\"new\":2}");
  EXPECT_EQ(call("{}", {"{\"cut\": \"he"}), "{\"cut\": \"he");  // max_tokens came
}

TEST(AnthropicStream, signatures_citations_and_callers_come_byte_for_byte) {
  const std::string citation = R"({"type":"char_location", "cited_text":"a\u00e4","n":1.50})";
  const Read read = read_around(
      {block_start(0, R"({"type":"thinking","thinking":"","signature":""})"),
       block_delta(0, R"({"type":"thinking_delta","thinking":"hm"})"),
       block_delta(0, R"({"type":"signature_delta","signature":"a+b/c=="})"), block_stop(0),
       block_start(1, R"({"type":"redacted_thinking","data":"x/y=="})"), block_stop(1),
       block_start(2, R"({"citations":[],"type":"text","text":""})"),
       block_delta(2, R"({"type":"citations_delta","citation":)" + citation + "}"),
       block_delta(2, R"({"type":"text_delta","text":"so"})"),
       block_delta(2, R"({"type":"citations_delta","citation":{"b":2}})"), block_stop(2),
       block_start(3,
                   R"({"type":"tool_use","id":"t","name":"f","input":{},"caller":{"z":1,"a":2}})"),
       block_stop(3)});
  expect_clean(read, "verbatim");
  const auto& parts = read.response.message().parts;
  ASSERT_EQ(parts.size(), 4u);
  EXPECT_EQ(*parts[0].get<Reasoning>(), (Reasoning{.text = "hm", .signature = "a+b/c=="}));
  EXPECT_EQ(*parts[1].get<Reasoning>(), (Reasoning{.signature = "x/y==", .redacted = true}));
  EXPECT_EQ(parts[2].extra, R"({"citations":[)" + citation + R"(,{"b":2}]})");
  EXPECT_EQ(parts[3].extra, R"({"caller":{"z":1,"a":2}})");
}

TEST(AnthropicStream, blocks_that_are_not_known_are_kept_whole) {
  const Read read = read_around(
      {block_start(0, R"({"type":"server_tool_use","id":"s","name":"web","input":{},"x":[1, 2]})"),
       block_delta(0, R"({"type":"input_json_delta","partial_json":""})"),
       block_delta(0, R"({"type":"input_json_delta","partial_json":"{\"q\":"})"),
       block_delta(0, R"({"type":"input_json_delta","partial_json":" 1}"})"),
       block_delta(0, R"({"type":"later_delta","more":true})"), block_stop(0),
       block_start(1, R"({"type":"web_result", "content":[{"u" : 1}]})"), block_stop(1),
       block_start(2, R"({"type":"novel","content":null,"list":[1]})"),
       block_delta(2, R"({"type":"novel_delta","content":"ab","list":[2, 3],"on":true})"),
       block_delta(2, R"({"type":"novel_delta","content":"c\"d","list":[],"on":false})"),
       block_delta(2, R"({"type":"novel_delta","content":null})"), block_stop(2)});
  expect_clean(read, "opaque");
  const auto& parts = read.response.message().parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].get<Opaque>()->json,
            R"({"type":"server_tool_use","id":"s","name":"web","x":[1, 2],)"
            R"("input":{"q": 1},"more":true})");
  EXPECT_EQ(parts[0].get<Opaque>()->type, "server_tool_use");
  EXPECT_EQ(parts[1].get<Opaque>()->json, R"({"type":"web_result","content":[{"u" : 1}]})");
  EXPECT_EQ(parts[2].get<Opaque>()->json,
            R"({"type":"novel","content":"abc\"d","list":[1,2, 3],"on":false})");
}

TEST(AnthropicStream, unknown_deltas_of_known_blocks_are_kept_beside_them) {
  const Read read =
      read_around({block_start(0, R"({"type":"text","text":"a"})"),
                   block_delta(0, R"({"type":"text_delta","text":"b","mood":"good"})"),
                   block_delta(0, R"({"type":"tint_delta","tint":"red"})"),
                   block_delta(0, R"({"type":"tint_delta","tint":"dish"})"), block_stop(0)});
  expect_clean(read, "beside");
  EXPECT_EQ(read.response.text(), "ab");
  EXPECT_EQ(read.response.message().parts[0].extra, R"({"mood":"good","tint":"reddish"})");
}

TEST(AnthropicStream, unknown_events_and_pings_are_skipped) {
  std::string bytes =
      "event: ping\ndata: {\"type\": \"ping\"}\n\n: a comment\n\n" + sse_of({kStart});
  bytes += "event: news\ndata: not even JSON\n\n";
  bytes += sse_of({R"({"type":"content_block_pause","index":9})", R"({"type":"ping"})", kStop});
  bytes += "data: [DONE]\n\n";
  expect_clean(read_stream(bytes), "unknown");
}

TEST(AnthropicStream, event_names_may_be_missing) {
  std::string bytes;
  for (const std::string& payload :
       around({block_start(0, R"({"type":"text","text":""})"),
               block_delta(0, R"({"type":"text_delta","text":"x"})"), block_stop(0)}))
    bytes += "data: " + payload + "\n\n";
  const Read read = read_stream(bytes);
  expect_clean(read, "nameless");
  EXPECT_EQ(read.response.text(), "x");
}

TEST(AnthropicStream, a_message_that_begins_twice) {
  const Read again = read_stream(sse_of({kStart, kStart, kStop}));
  expect_clean(again, "the same message");
  std::string other = kStart;
  other.replace(other.find("msg_1"), 5, "msg_2");
  const Read spliced = read_stream(sse_of({kStart, other, kStop}));
  ASSERT_TRUE(spliced.error);
  EXPECT_EQ(spliced.error->code(), Errc::kProtocol);
  EXPECT_EQ(spliced.error->detail("event"), "2");
}

TEST(AnthropicStream, errors_inside_of_a_good_answer) {
  const auto error = [](const char* type) {
    return read_stream(sse_of({kStart, R"({"type":"error","error":{"type":")" + std::string(type) +
                                           R"(","message":"Overloaded"},"request_id":"req_9"})"}))
        .error.value();
  };
  EXPECT_EQ(error("overloaded_error").code(), Errc::kOverloaded);
  EXPECT_EQ(error("overloaded_error").retry(), RetryHint::kYes);
  EXPECT_EQ(error("overloaded_error").request_id(), "req_9");
  EXPECT_EQ(error("overloaded_error").provider_code(), "overloaded_error");
  EXPECT_EQ(error("rate_limit_error").code(), Errc::kRateLimited);
  EXPECT_EQ(error("invalid_request_error").code(), Errc::kInvalidRequest);
  EXPECT_EQ(error("authentication_error").code(), Errc::kUnauthorized);
  const Read bare = read_stream("event: error\ndata: out of order\n\n");
  ASSERT_TRUE(bare.error);
  EXPECT_FALSE(bare.proven);
}

TEST(AnthropicStream, a_refusal_says_why) {
  const Read read =
      read_around({R"({"type":"message_delta","delta":{"stop_reason":"refusal","stop_details":)"
                   R"({"type":"refusal", "category":"cyber","explanation":"No."}}})"});
  expect_clean(read, "refusal");
  ASSERT_EQ(read.response.warnings.size(), 1u);
  EXPECT_EQ(read.response.warnings[0].code, "stop_details");
  EXPECT_EQ(read.response.warnings[0].message, "the answer was stopped; cyber: No.");
  EXPECT_EQ(read.response.warnings[0].extra,
            R"({"type":"refusal", "category":"cyber","explanation":"No."})");
}

TEST(AnthropicStream, an_answer_cut_by_the_default_limit_says_so) {
  const std::string bytes =
      sse_of(around({R"({"type":"message_delta","delta":{"stop_reason":"max_tokens"}})"}));
  EXPECT_TRUE(read_stream(bytes).response.warnings.empty());
  const Read read = read_stream(bytes, {}, {.default_max_tokens = 32000});
  expect_clean(read, "default");
  ASSERT_EQ(read.response.warnings.size(), 1u);
  EXPECT_EQ(read.response.warnings[0].code, "default_max_tokens");
}

TEST(AnthropicStream, what_is_not_this_wire_is_named) {
  const std::pair<const char*, std::vector<std::string>> streams[] = {
      {"before message_start", {R"({"type":"content_block_stop","index":0})"}},
      {"no object \"message\"", {R"({"type":"message_start","message":7})"}},
      {"index", {kStart, block_start(-1, R"({"type":"text","text":""})")}},
      {"index", {kStart, block_start(1024, R"({"type":"text","text":""})")}},
      {"twice",
       {kStart, block_start(0, R"({"type":"text"})"), block_start(0, R"({"type":"text"})")}},
      {"\"type\"", {kStart, block_start(0, "[]")}},
      {"not open", {kStart, block_delta(0, R"({"type":"text_delta","text":"x"})")}},
      {"not open", {kStart, block_stop(3)}},
      {"\"delta\"", {kStart, block_start(0, R"({"type":"text"})"), block_delta(0, "7")}},
      {"\"usage\"", {R"({"type":"message_start","message":{"usage":[]}})"}},
      {"\"stop_reason\"", {kStart, R"({"type":"message_delta","delta":{"stop_reason":7}})"}},
      {"no JSON object", {kStart, "[1]"}},
      {"not valid JSON", {kStart, R"({"type":"content_block_delta","index":0)"}},
  };
  for (const auto& [words, payloads] : streams) {
    std::string bytes;
    for (const std::string& payload : payloads) bytes += "data: " + payload + "\n\n";
    const Read read = read_stream(bytes);
    ASSERT_TRUE(read.error) << words;
    EXPECT_EQ(read.error->code(), Errc::kProtocol) << words;
    EXPECT_NE(read.error->message().find(words), std::string::npos) << read.error->message();
    EXPECT_EQ(read.error->provider(), "anthropic");
    EXPECT_EQ(read.error->detail("event"), std::to_string(payloads.size())) << words;
  }
}

TEST(AnthropicStream, what_is_held_back_has_a_limit) {
  std::vector<std::string> payloads = {kStart, block_start(0, R"({"type":"novel"})")};
  for (int i = 0; i < 100; ++i)
    payloads.push_back(
        block_delta(0, R"({"type":"novel_delta","x":")" + std::string(100, 'x') + "\"}"));
  const Read read = read_stream(sse_of(payloads), {}, {.held_bytes = 5000});
  ASSERT_TRUE(read.error);
  EXPECT_EQ(read.error->code(), Errc::kTooLarge);
  EXPECT_EQ(read.error->detail("limit"), "answer_bytes");
}

TEST(AnthropicStream, padded_events_and_other_orders_of_members) {
  std::vector<std::string> payloads = {kStart, block_start(0, R"({"text":"","type":"text"})")};
  std::string text;
  for (int i = 0; i < 40; ++i) {
    const std::string piece = std::to_string(i) + "\\n\\u20ac\\\" \xF0\x9F\x98\x80 ";
    payloads.push_back(
        i % 3 == 0 ? block_delta(0, R"({"type":"text_delta","text":")" + piece + "\"}")
                   : R"({"delta":{"text":")" + piece +
                         R"(","type":"text_delta"},"index":0,"type":"content_block_delta")" +
                         std::string(static_cast<std::size_t>(i), ' ') + "}");
    text += std::to_string(i) + "\n\xE2\x82\xAC\" \xF0\x9F\x98\x80 ";
  }
  payloads.push_back(kStop);
  const Read read = read_stream(sse_of(payloads));
  expect_clean(read, "padded");
  EXPECT_EQ(read.response.text(), text);
}

// ---- the fast path says what the parser says

TEST(AnthropicTemplates, change_nothing_in_fixtures) {
  const auto streams = stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const Stream& stream : streams)
    EXPECT_EQ(read_stream(stream.bytes).hash,
              read_stream(stream.bytes, {}, {.templates = false}).hash)
        << stream.name;
}

std::string outcome(const Read& read) {
  std::string text = std::to_string(read.hash) + (read.proven ? " proven" : " not proven");
  return read.error
             ? text + ' ' + std::string(to_string(read.error->code())) + read.error->message()
             : text;
}

TEST(AnthropicTemplates, change_nothing_in_damaged_streams) {
  std::vector<std::string> payloads = {
      kStart, block_start(0, R"({"type":"text","text":""})"),
      block_start(1, R"({"type":"thinking","thinking":""})"),
      block_start(2, R"({"type":"tool_use","id":"t","name":"f"})")};
  const char* const pieces[] = {"Hello", " w\\u00f6rld", "\xC3\xA9\\n", "", "{\\\"a\\\":[1,2]}"};
  for (int i = 0; i < 30; ++i) {
    const std::string piece = pieces[i % 5];
    payloads.push_back(block_delta(0, R"({"type":"text_delta","text":")" + piece + "\"}"));
    payloads.push_back(block_delta(1, R"({"type":"thinking_delta","thinking":")" + piece + "\"}"));
    payloads.push_back(
        block_delta(2, R"({"type":"input_json_delta","partial_json":")" + piece + "\"}"));
  }
  payloads.push_back(kStop);
  const std::string bytes = sse_of(payloads);
  std::mt19937 random(11);
  const std::string interesting = "\"\\{}[]:,0 9\n\x80\xFFu";
  int errors = 0;
  for (int round = 0; round < port::effort(4000); ++round) {
    std::string damaged = bytes;
    for (unsigned n = 1 + random() % 3; n > 0; --n) {
      const std::size_t at = random() % damaged.size();
      switch (random() % 4) {
        case 0: damaged.erase(at, 1 + random() % 4); break;
        case 1: damaged.insert(at, 1, interesting[random() % interesting.size()]); break;
        case 2: damaged[at] = interesting[random() % interesting.size()]; break;
        default: damaged.insert(at, damaged.substr(random() % damaged.size(), random() % 60));
      }
    }
    const Read fast = read_stream(damaged);
    ASSERT_EQ(outcome(fast), outcome(read_stream(damaged, {}, {.templates = false}))) << damaged;
    ASSERT_FALSE(fast.broken) << fast.broken->rule << ' ' << damaged;
    errors += fast.error ? 1 : 0;
  }
  EXPECT_GT(errors, port::effort(500));
  EXPECT_LT(errors, port::effort(3500));
}

// ---- hostile answers

void every_place(const Json& json, const Json::json_pointer& at,
                 std::vector<Json::json_pointer>& to) {
  to.push_back(at);
  if (json.is_object())
    for (const auto& [key, value] : json.items()) every_place(value, at / key, to);
  if (json.is_array())
    for (std::size_t i = 0; i < json.size(); ++i) every_place(json[i], at / i, to);
}

const std::vector<Json>& strange_values() {
  static const std::vector<Json> values = {nullptr,
                                           true,
                                           0,
                                           -1,
                                           1023,
                                           1e300,
                                           "",
                                           "x",
                                           Json::array(),
                                           Json::object(),
                                           Json::array({1, "a", nullptr}),
                                           Json{{"type", "text"}},
                                           18446744073709551615ull};
  return values;
}

TEST(AnthropicHostile, wrong_types_everywhere_in_streams) {
  const auto streams = stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  std::size_t answers = 0, errors = 0;
  for (const Stream& stream : streams) {
    if (stream.payloads.size() > 24) continue;
    for (std::size_t i = 0; i < stream.payloads.size(); ++i) {
      const Json event = json_of(stream.payloads[i]);
      std::vector<Json::json_pointer> places;
      every_place(event, Json::json_pointer(), places);
      for (std::size_t at = i % port::kStride; at < places.size(); at += port::kStride) {
        for (const Json& value : strange_values()) {
          Json changed = event;
          changed[places[at]] = value;
          auto payloads = stream.payloads;
          payloads[i] = changed.dump();
          const Read read = read_stream(sse_of(payloads));
          ASSERT_FALSE(read.broken) << read.broken->rule << ' ' << payloads[i];
          ++(read.error ? errors : answers);
        }
      }
    }
  }
  EXPECT_GT(answers, port::effort(1000u));
  EXPECT_GT(errors, port::effort(1000u));
}

TEST(AnthropicHostile, wrong_types_everywhere_in_whole_answers) {
  const auto answers = whole_fixtures();
  if (answers.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const auto& [name, body] : answers) {
    if (body.size() > 4000) continue;
    const Json json = json_of(body);
    std::vector<Json::json_pointer> places;
    every_place(json, Json::json_pointer(), places);
    for (const auto& place : places) {
      for (const Json& value : strange_values()) {
        Json changed = json;
        changed[place] = value;
        const Read read = read_whole(changed.dump());
        ASSERT_FALSE(read.broken) << read.broken->rule << ' ' << changed.dump();
      }
    }
  }
}

TEST(AnthropicHostile, deep_and_broken_text) {
  const std::string deep(5000, '[');
  for (const std::string& payload :
       {block_start(0, deep), R"({"type":"message_delta","x":)" + deep, deep}) {
    const Read read = read_stream("data: " + std::string(kStart) + "\n\ndata: " + payload + "\n\n");
    ASSERT_TRUE(read.error);
    EXPECT_EQ(read.error->code(), Errc::kProtocol);
  }
  for (const std::string& body :
       {deep, std::string("\xFF\xFE"), std::string("{\"content\":[\"\xC3\"]}"), std::string("{}"),
        std::string("[]"), std::string("null")}) {
    const Read read = read_whole(body);
    ASSERT_TRUE(read.error) << body;
    EXPECT_EQ(read.error->code(), Errc::kProtocol);
    EXPECT_FALSE(read.proven);
  }
  // Half of a pair of surrogates says nothing; it must not end the answer.
  const Read read = read_around({block_start(0, R"({"type":"text","text":""})"),
                                 block_delta(0, R"({"type":"text_delta","text":"a\ud83d"})"),
                                 block_delta(0, R"({"type":"text_delta","text":"b"})")});
  expect_clean(read, "surrogate");
  EXPECT_EQ(read.response.text(),
            "a\xEF\xBF\xBD"
            "b");
}

}  // namespace
}  // namespace infer::cloud
