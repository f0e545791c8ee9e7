// What servers do that is not what OpenAI's document says, one by one; and what hostile ones do.
#include "src/cloud/openai/chat_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/cloud/openai/reading_for_tests.h"

namespace infer::cloud {
namespace {

using reading::event_of;
using reading::Outcome;
using reading::read_stream;
using reading::read_whole;
using testing::HasSubstr;

std::string chunk(std::string_view delta, std::string_view finish = "null") {
  return event_of(R"({"id":"c1","model":"m","choices":[{"index":0,"delta":)" + std::string(delta) +
                  R"(,"finish_reason":)" + std::string(finish) + "}]}");
}
std::string say(std::string_view text) {
  return chunk(R"({"content":")" + std::string(text) + R"("})");
}
std::string call_piece(std::string_view call) {
  return chunk(R"({"tool_calls":[)" + std::string(call) + "]}");
}
const std::string kStop = chunk("{}", "\"stop\"");
const std::string kCalls = chunk("{}", "\"tool_calls\"");
const std::string kDone = event_of("[DONE]");

Outcome good(const std::string& body, const Dialect& dialect = kCompatibleDialect,
             std::uint32_t n = 1) {
  const Outcome outcome = read_stream(body, dialect, n);
  EXPECT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.broken, "");
  for (const auto path : {ChatReader::Path::kPlain, ChatReader::Path::kFull})
    EXPECT_EQ(read_stream(body, dialect, n, path).events, outcome.events);
  return outcome;
}
Error bad(const std::string& body, const Dialect& dialect = kCompatibleDialect,
          std::uint32_t n = 1) {
  const Outcome outcome = read_stream(body, dialect, n);
  EXPECT_TRUE(outcome.error);
  EXPECT_EQ(outcome.broken, "");
  return outcome.error.value_or(Error(Errc::kEngine, "no error"));
}
std::vector<ToolCall> calls_of(const Outcome& outcome) { return outcome.response.tool_calls(); }

TEST(ChatReader, Plain) {
  const Outcome outcome =
      good(chunk(R"({"role":"assistant","content":""})") + say("Hel") + say("lo") + kStop + kDone);
  EXPECT_EQ(outcome.response.text(), "Hello");
  EXPECT_EQ(outcome.response.finish(), Finish::kStop);
  EXPECT_EQ(outcome.response.id, "c1");
  EXPECT_EQ(outcome.response.model, "m");
  using K = Event::Kind;
  EXPECT_EQ(outcome.kinds, (std::vector<K>{K::kStart, K::kPartBegin, K::kDelta, K::kDelta,
                                           K::kPartEnd, K::kFinish}));
}

// ---- proof

TEST(ChatReader, WhatProves) {
  EXPECT_EQ(good(say("a") + kStop).response.finish(), Finish::kStop);
  EXPECT_EQ(good(say("a") + kStop, kOwnDialect).response.finish(), Finish::kStop);
  EXPECT_EQ(good(say("a") + kDone).response.finish(), Finish::kUnknown);
  EXPECT_EQ(bad(say("a") + kDone, kOwnDialect).code(), Errc::kTruncated);
  EXPECT_EQ(bad(say("a")).code(), Errc::kTruncated);
  EXPECT_EQ(bad(kDone).code(), Errc::kTruncated);
  EXPECT_EQ(bad("").code(), Errc::kTruncated);
  EXPECT_EQ(good(say("a") + kStop + "data: [DONE]").response.text(), "a");
  EXPECT_EQ(good(say("a") + "data: [DONE]\n").response.finish(), Finish::kUnknown);
}

TEST(ChatReader, FiguresMayComeAfterTheFinish) {
  const std::string usage = event_of(
      R"({"id":"c1","model":"m","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":4,)"
      R"("total_tokens":7}})");
  const Outcome outcome = good(say("a") + kStop + usage + kDone);
  EXPECT_EQ(outcome.response.usage.input, 3);
  EXPECT_EQ(outcome.response.usage.output, 4);
  EXPECT_EQ(outcome.kinds.back(), Event::Kind::kFinish);
  EXPECT_EQ(good(say("a") + kStop + usage).response.usage.output, 4);  // no [DONE]
}

TEST(ChatReader, NothingIsReadAfterTheEnd) {
  EXPECT_EQ(good(say("a") + kStop + kDone + "data: rubbish\n\n").response.text(), "a");
}

// ---- reasons

TEST(ChatReader, Reasons) {
  const auto finish = [](std::string_view reason) {
    const Outcome outcome = good(say("a") + chunk("{}", "\"" + std::string(reason) + "\"") + kDone);
    return std::pair(outcome.response.finish(), outcome.choice().finish_raw);
  };
  using P = std::pair<Finish, std::string>;
  EXPECT_EQ(finish("stop"), P(Finish::kStop, "stop"));
  EXPECT_EQ(finish("length"), P(Finish::kLength, "length"));
  EXPECT_EQ(finish("content_filter"), P(Finish::kFiltered, "content_filter"));
  EXPECT_EQ(finish("model_length"), P(Finish::kContextFull, "model_length"));
  EXPECT_EQ(finish("of_the_future"), P(Finish::kOther, "of_the_future"));
  EXPECT_EQ(finish(""), P(Finish::kUnknown, ""));  // "" is no reason
}

TEST(ChatReader, AnEmptyReasonInEveryChunk) {
  const std::string piece = chunk(R"({"content":"a"})", "\"\"");
  EXPECT_EQ(good(piece + piece + piece + kStop).response.text(), "aaa");
  EXPECT_EQ(bad(piece + piece).code(), Errc::kTruncated);
}

TEST(ChatReader, WhichStopTextItWas) {
  const auto stopped = [](std::string_view more) {
    return good(say("a") + event_of(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop",)" +
                                    std::string(more) + "}]}"));
  };
  EXPECT_EQ(stopped(R"("stop_reason":"END")").response.finish(), Finish::kStopSequence);
  EXPECT_EQ(stopped(R"("stop_reason":"END")").choice().stop_sequence, "END");
  EXPECT_EQ(stopped(R"("matched_stop":"END")").choice().stop_sequence, "END");
  EXPECT_EQ(stopped(R"("stop_reason":null)").response.finish(), Finish::kStop);
  EXPECT_EQ(stopped(R"("stop_reason":128009)").response.finish(), Finish::kStop);
}

TEST(ChatReader, Refusals) {
  const Outcome outcome =
      good(chunk(R"({"role":"assistant","content":null,"refusal":""})") +
           chunk(R"({"refusal":"I can"})") + chunk(R"({"refusal":"not"})") + kStop + kDone);
  EXPECT_EQ(outcome.response.finish(), Finish::kRefusal);
  ASSERT_EQ(outcome.choice().message.parts.size(), 1u);
  EXPECT_EQ(outcome.choice().message.parts[0].get<Refusal>()->text, "I cannot");
}

// ---- shapes

TEST(ChatReader, NullEverywhere) {
  const std::string nulls = event_of(
      R"({"id":null,"model":null,"choices":[{"index":null,"delta":{"content":null,"role":null,)"
      R"("tool_calls":null,"refusal":null,"function_call":null,"reasoning_content":null},)"
      R"("logprobs":null,"finish_reason":null}],"usage":null,"error":null,"created":null})");
  const Outcome outcome = good(nulls + say("a") + nulls + say("b") + kStop + nulls + kDone);
  EXPECT_EQ(outcome.response.text(), "ab");
}

TEST(ChatReader, WhatMayBeMissing) {
  EXPECT_EQ(good(event_of(R"({"choices":[{"delta":{"content":"a"}}]})") +
                 event_of(R"({"choices":[{"finish_reason":"stop"}]})"))
                .response.text(),
            "a");
  EXPECT_EQ(good(event_of("{}") + event_of(R"({"choices":null})") + event_of(R"({"usage":{}})") +
                 say("a") + kStop)
                .response.text(),
            "a");
  EXPECT_FALSE(good(event_of(R"({"choices":[],"usage":{}})") + say("a") + kStop)
                   .response.usage.input.has_value());
}

TEST(ChatReader, MessageInPlaceOfDelta) {
  const Outcome outcome = good(
      event_of(R"({"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a"},)"
               R"("finish_reason":"stop"}]})"));
  EXPECT_EQ(outcome.response.text(), "a");
}

TEST(ChatReader, ContentAsParts) {
  const Outcome outcome = good(
      chunk(R"({"content":[{"type":"text","text":"a"},"b",{"type":"reference","ids":[2, 1]}]})") +
      say("c") + kStop);
  EXPECT_EQ(outcome.response.text(), "abc");
  const auto& parts = outcome.choice().message.parts;
  ASSERT_EQ(parts.size(), 3u);
  ASSERT_TRUE(parts[1].get<Opaque>());
  EXPECT_EQ(parts[1].get<Opaque>()->type, "reference");
  EXPECT_EQ(parts[1].get<Opaque>()->json, R"({"type":"reference","ids":[2, 1]})");
}

TEST(ChatReader, ReasoningByManyNames) {
  for (const std::string name : {"reasoning_content", "reasoning", "reasoning_text"}) {
    const std::string body = chunk("{\"" + name + "\":\"think \",\"content\":\"\"}") +
                             chunk("{\"" + name + "\":\"hard\",\"content\":null}") + say("a") +
                             say("b") + kStop;
    const Outcome outcome = good(body);
    const auto& parts = outcome.choice().message.parts;
    ASSERT_EQ(parts.size(), 2u) << name;
    EXPECT_EQ(parts[0].get<Reasoning>()->text, "think hard");
    EXPECT_EQ(parts[0].extra, "{\"field\":\"" + name + "\"}");
    EXPECT_EQ(outcome.response.text(), "ab");
  }
  // The same under two names is said once.
  const Outcome both = good(chunk(R"({"reasoning":"x","reasoning_content":"x"})") + kStop);
  EXPECT_EQ(both.choice().message.parts.at(0).get<Reasoning>()->text, "x");
}

TEST(ChatReader, MembersThatAreNotKnownAreKept) {
  const Outcome outcome =
      good(chunk(R"({"content":"a","annotations":[{"type":"url_citation","url":"u"}]})") +
           chunk(R"({"audio":{"id":"au_1","data":"AA"},"reasoning_details":[{"n":1}]})") +
           chunk(R"({"audio":{"data":"BB","expires_at":7},"reasoning_details":[{"n":2}]})") +
           event_of(R"({"citations":["x"],"choices":[{"index":0,"delta":{},"finish_reason":"stop",)"
                    R"("content_filter_results":{"hate":{"filtered":false}}}]})"));
  const auto& parts = outcome.choice().message.parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].extra, R"({"annotations":[{"type":"url_citation","url":"u"}],)"
                            R"("choice":{"content_filter_results":{"hate":{"filtered":false}}},)"
                            R"("answer":{"citations":["x"]}})");
  EXPECT_EQ(parts[1].get<Opaque>()->type, "audio");
  EXPECT_EQ(parts[1].get<Opaque>()->json, R"({"data":"AABB","expires_at":7,"id":"au_1"})");
  EXPECT_EQ(parts[2].get<Opaque>()->json, R"([{"n":1},{"n":2}])");
}

TEST(ChatReader, FactsThatNoPartIsLeftToHold) {
  // A filter that let nothing through.
  const Outcome nothing =
      good(event_of(R"({"id":"c","model":"m","choices":[{"index":0,"delta":{"content":""}}]})") +
           event_of(R"({"citations":["x"],"choices":[{"index":0,"delta":{},"finish_reason":)"
                    R"("content_filter","verdict":{"hate":true}}]})"));
  EXPECT_TRUE(nothing.choice().message.parts.empty());
  EXPECT_EQ(nothing.choice().message.extra,
            R"({"choice":{"verdict":{"hate":true}},"answer":{"citations":["x"]}})");
  // An item that ends where it begins, and notes that came without a text.
  const Outcome item =
      good(chunk(R"({"content":[{"type":"image","url":"u"}],"annotations":[{"n":1}]})") + kStop);
  ASSERT_EQ(item.choice().message.parts.size(), 1u);
  EXPECT_EQ(item.choice().message.extra, R"({"annotations":[{"n":1}]})");
  // Where a part is open it holds them.
  EXPECT_EQ(good(chunk(R"({"content":"a"})") + kStop).choice().message.extra, "");
}

TEST(ChatReader, WhatIsNotKnownKeepsItsBytes) {
  const std::string odd = R"({"z":1.50, "a":[ ],"e":1E2,"b":"\u00e9"})";
  const Outcome outcome = good(chunk(R"({"content":"a","strange":)" + odd + "}") + kStop);
  EXPECT_EQ(outcome.choice().message.parts.at(1).get<Opaque>()->json, odd);
  const Outcome twice =
      good(chunk(R"({"strange":{"n":1},"content":"a","strange":)" + odd + "}") + kStop);
  EXPECT_EQ(twice.choice().message.parts.at(1).get<Opaque>()->json, odd);
}

TEST(ChatReader, TimesThatAreNone) {
  for (const char* bad : {"-1", "1e300", "\"1\"", "null", "true", "{}"}) {
    const Outcome outcome = good(
        chunk(R"({"content":"a"})") + kStop +
        event_of(R"({"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"queue_time":)" +
                 std::string(bad) + R"(,"prompt_time":0.5}})"));
    EXPECT_EQ(outcome.response.usage.timing.queue, std::nullopt) << bad;
    EXPECT_EQ(outcome.response.usage.timing.prefill, std::chrono::milliseconds(500)) << bad;
  }
}

TEST(ChatReader, AMessageBesideItsDeltasRepeatsThem) {
  const auto both = [](const char* delta, const char* message, const char* finish) {
    return event_of(R"({"model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
                    R"("content":")" +
                    std::string(message) + R"("},"delta":{"role":"assistant","content":")" + delta +
                    R"("},"finish_reason":)" + finish + "}]}");
  };
  const Outcome outcome = good(both("Hel", "Hel", "null") + both("lo", "Hello", "null") +
                               both("", "Hello", "\"stop\""));
  EXPECT_EQ(outcome.response.text(), "Hello");
  const Outcome last = good(
      chunk(R"({"content":"Hello"})") +
      event_of(
          R"({"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]})"));
  EXPECT_EQ(last.response.text(), "Hello");
}

TEST(ChatReader, UsageInsideOfTheChoice) {
  const Outcome outcome =
      good(chunk(R"({"content":"a"})") +
           event_of(R"({"choices":[{"index":0,"delta":{},"finish_reason":"stop","usage":)"
                    R"({"prompt_tokens":19,"completion_tokens":13,"total_tokens":32}}]})"));
  EXPECT_EQ(outcome.response.usage.input, 19);
  EXPECT_EQ(outcome.response.usage.output, 13);
  EXPECT_EQ(outcome.choice().message.parts.at(0).extra, "");
}

TEST(ChatReader, FactsThatComeAndGo) {
  const auto piece = [](const char* verdict) {
    return event_of(R"({"choices":[{"delta":{"content":"a"},"filter":{"verdict":")" +
                    std::string(verdict) + R"("}}]})");
  };
  const std::string one = piece("one"), two = piece("two");
  const Outcome outcome = good(one + one + one + two + one + kStop);
  EXPECT_EQ(outcome.choice().message.parts.at(0).extra,
            R"({"choice":{"filter":{"verdict":"one"}}})");
}

TEST(ChatReader, FactsOfTheStart) {
  ChatReader reader(reading::server(kOwnDialect), 1);
  http::HttpHead head{.status = 200};
  head.headers = {{"X-Request-Id", "req_7"}, {"X-RateLimit-Remaining-Requests", "59"}};
  reader.head(head);
  const std::string body =
      event_of(R"({"model":"","choices":[],"created":0,"prompt_filter_results":[{"i":0}]})") +
      event_of(R"({"id":"c9","model":"gpt","created":5,"system_fingerprint":"fp","service_tier":)"
               R"("default","obfuscation":"xyz","choices":[{"delta":{"content":"a"}}]})") +
      kStop;
  const Outcome outcome = reading::read_pieces(reader, 1, {body});
  EXPECT_EQ(outcome.response.request_id, "req_7");
  EXPECT_EQ(outcome.response.model, "gpt");
  EXPECT_EQ(outcome.response.id, "c9");
  const auto metadata = core::parse_json(outcome.response.metadata);
  ASSERT_TRUE(metadata) << outcome.response.metadata;
  EXPECT_EQ((*metadata)["rate_limits"]["x-ratelimit-remaining-requests"], "59");
  EXPECT_EQ((*metadata)["created"], 5);
  EXPECT_EQ((*metadata)["system_fingerprint"], "fp");
  EXPECT_EQ((*metadata)["service_tier"], "default");
  EXPECT_FALSE(metadata->contains("obfuscation"));
  EXPECT_TRUE(metadata->contains("prompt_filter_results"));
}

// ---- tool calls

TEST(ChatReader, ParallelCallsOneAfterTheOther) {
  const Outcome outcome =
      good(call_piece(
               R"({"index":0,"id":"a","type":"function","function":{"name":"f","arguments":""}})") +
           call_piece(R"({"index":0,"function":{"arguments":"{\"x\":"}})") +
           call_piece(R"({"index":0,"function":{"arguments":"\"}\"}"}})") +
           call_piece(R"({"index":1,"id":"b","function":{"name":"g","arguments":"{}"}})") + kCalls);
  EXPECT_EQ(calls_of(outcome),
            (std::vector<ToolCall>{{.id = "a", .name = "f", .arguments = R"({"x":"}"})"},
                                   {.id = "b", .name = "g", .arguments = "{}"}}));
  EXPECT_EQ(outcome.response.finish(), Finish::kToolCalls);
}

TEST(ChatReader, ParallelCallsInterleaved) {
  std::string body =
      call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\""}})") +
      call_piece(R"({"index":1,"id":"b","function":{"name":"g","arguments":"{\"y\""}})");
  for (const char* piece : {":", "1", "}", " "})
    for (const char* index : {"0", "1"})
      body += call_piece(std::string(R"({"index":)") + index + R"(,"function":{"arguments":")" +
                         piece + R"("}})");
  const auto calls = calls_of(good(body + kCalls));
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].arguments, "{\"x\":1} ");
  EXPECT_EQ(calls[1].arguments, "{\"y\":1} ");
}

TEST(ChatReader, AfterTheEndOfACall) {
  const std::string two =
      call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"}})") +
      call_piece(R"({"index":1,"id":"b","function":{"name":"g","arguments":"{}"}})");
  const auto more = [](const char* text) {
    return call_piece(std::string(R"({"index":0,"function":{"arguments":")") + text + R"("}})");
  };
  EXPECT_EQ(calls_of(good(two + more(" \\n") + kCalls)).at(0).arguments, "{}");
  const Error error = bad(two + more("x") + kCalls);
  EXPECT_EQ(error.code(), Errc::kProtocol);
  EXPECT_THAT(error.message(), HasSubstr("tool call a"));
}

TEST(ChatReader, NamesThatAreRepeatedOrEmpty) {
  for (const char* name : {"f", ""}) {
    const std::string later = std::string(R"({"index":0,"id":"a","type":"function","function":)") +
                              R"({"name":")" + name + R"(","arguments":"1}"}})";
    const Outcome outcome =
        good(call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{\"x\":"}})") +
             call_piece(later) + kCalls);
    EXPECT_EQ(calls_of(outcome),
              (std::vector<ToolCall>{{.id = "a", .name = "f", .arguments = "{\"x\":1}"}}));
  }
}

TEST(ChatReader, CallsWithoutIndexOrId) {
  const Outcome with_ids =
      good(call_piece(R"({"id":"a","function":{"name":"f","arguments":"{}"}},)"
                      R"({"id":"b","function":{"name":"f","arguments":"{\"x\":"}})") +
           call_piece(R"({"id":"b","function":{"arguments":"1}"}})") + kCalls);
  EXPECT_EQ(calls_of(with_ids),
            (std::vector<ToolCall>{{.id = "a", .name = "f", .arguments = "{}"},
                                   {.id = "b", .name = "f", .arguments = "{\"x\":1}"}}));
  const Outcome bare = good(call_piece(R"({"function":{"name":"f","arguments":"{\"x\":"}})") +
                            call_piece(R"({"function":{"arguments":"1}"}})") +
                            call_piece(R"({"function":{"name":"g","arguments":"{}"}})") + kCalls);
  const auto calls = calls_of(bare);
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[0].arguments, "{\"x\":1}");
  EXPECT_EQ(calls[1].name, "g");
  EXPECT_NE(calls[0].id, "");
  EXPECT_NE(calls[0].id, calls[1].id);
}

TEST(ChatReader, EveryCallIsNumberZero) {
  const auto calls = calls_of(
      good(call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"}})") +
           call_piece(R"({"index":0,"id":"b","function":{"name":"g","arguments":"{\"x\":"}})") +
           call_piece(R"({"index":0,"function":{"arguments":"1}"}})") + kCalls));
  ASSERT_EQ(calls.size(), 2u);
  EXPECT_EQ(calls[1].id, "b");
  EXPECT_EQ(calls[1].arguments, "{\"x\":1}");
}

TEST(ChatReader, TheNameAfterTheArguments) {
  const Outcome outcome =
      good(call_piece(R"({"index":0,"function":{"arguments":"{\"x\":"}})") +
           call_piece(R"({"index":0,"id":"a","function":{"name":"f"},"type":"function"})") +
           call_piece(R"({"index":0,"function":{"arguments":"1}"}})") + kCalls);
  EXPECT_EQ(calls_of(outcome),
            (std::vector<ToolCall>{{.id = "a", .name = "f", .arguments = "{\"x\":1}"}}));
}

TEST(ChatReader, OtherKindsOfCalls) {
  const Outcome legacy =
      good(chunk(R"({"function_call":{"name":"f","arguments":"{\"x\""}})") +
           chunk(R"({"function_call":{"arguments":":1}"}})") + chunk("{}", "\"function_call\""));
  EXPECT_EQ(calls_of(legacy).at(0).arguments, "{\"x\":1}");
  EXPECT_EQ(legacy.response.finish(), Finish::kToolCalls);
  const std::string custom_body =
      call_piece(R"({"index":0,"id":"a","type":"custom","custom":{"name":"sh","input":"ls"}})") +
      call_piece(R"({"index":0,"custom":{"input":" -l"}})") + kCalls;
  const Outcome custom = good(custom_body);
  EXPECT_THAT(custom.events, HasSubstr("{\"custom\":true}"));
  EXPECT_EQ(calls_of(custom).at(0).arguments, "ls -l");
  const Outcome object = good(
      call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":{"x":1}}})") + kStop);
  EXPECT_EQ(calls_of(object).at(0).arguments, "{\"x\":1}");
  EXPECT_EQ(object.response.finish(), Finish::kToolCalls);  // whatever the word
}

TEST(ChatReader, MembersOfACallAreKept) {
  const Outcome outcome =
      good(call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{}"},)"
                      R"("extra_content":{"google":{"thought_signature":"c2ln"}}})") +
           kCalls);
  EXPECT_EQ(outcome.choice().message.parts.at(0).extra,
            R"({"extra_content":{"google":{"thought_signature":"c2ln"}}})");
}

TEST(ChatReader, TextBesideCalls) {
  const Outcome outcome =
      good(say("Let me look.") +
           call_piece(R"({"index":0,"id":"a","function":{"name":"f","arguments":"{"}})") +
           say("Hm.") + call_piece(R"({"index":0,"function":{"arguments":"}"}})") + kCalls);
  const auto& parts = outcome.choice().message.parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].get<ToolCall>()->arguments, "{}");
  EXPECT_EQ(outcome.response.text(), "Let me look.Hm.");
}

// ---- several answers, log-probabilities, usage

TEST(ChatReader, SeveralAnswers) {
  std::string body;
  const auto piece = [](int choice, std::string_view delta, std::string_view finish) {
    return event_of(R"({"model":"m","choices":[{"index":)" + std::to_string(choice) +
                    R"(,"delta":)" + std::string(delta) + R"(,"finish_reason":)" +
                    std::string(finish) + "}]}");
  };
  for (int i = 0; i < 4; ++i)
    for (const int choice : {2, 0, 1})
      body +=
          piece(choice, R"({"content":")" + std::string(1, static_cast<char>('a' + choice)) + "\"}",
                "null");
  body += piece(1, "{}", "\"stop\"") + piece(0, "{}", "\"length\"");
  EXPECT_EQ(bad(body, kOwnDialect, 3).code(), Errc::kTruncated);
  body += piece(2, "{}", "\"stop\"");
  const Outcome outcome = good(body, kOwnDialect, 3);
  ASSERT_EQ(outcome.response.choices.size(), 3u);
  EXPECT_EQ(outcome.choice(0).message.text(), "aaaa");
  EXPECT_EQ(outcome.choice(2).message.text(), "cccc");
  EXPECT_EQ(outcome.choice(0).finish, Finish::kLength);
  const Error error = bad(body + kDone, kOwnDialect, 1);
  EXPECT_EQ(error.code(), Errc::kProtocol);
}

TEST(ChatReader, FewerAnswersThanAskedFor) {
  const Error error = bad(say("a") + kStop + kDone, kCompatibleDialect, 2);
  EXPECT_EQ(error.code(), Errc::kProtocol);
  EXPECT_EQ(error.detail("field"), "n");
  EXPECT_EQ(
      read_whole(R"({"choices":[{"message":{"content":"a"}}]})", kOwnDialect, 2).error->code(),
      Errc::kProtocol);
}

TEST(ChatReader, LogprobsStandAtTheirText) {
  const std::string token = R"({"token":"\u00e9","logprob":-0.5,"bytes":[195,169],"top_logprobs":[)"
                            R"({"token":"\u00e9","logprob":-0.5,"bytes":[195,169]},)"
                            R"({"token":"\\xc3","logprob":-2,"bytes":[195]}]})";
  const std::string body =
      event_of(R"({"model":"m","choices":[{"delta":{"content":"\u00e9"},"logprobs":{"content":[)" +
               token + R"(],"refusal":null}}]})") +
      say("b") + kStop;
  const Outcome outcome = good(body);
  ASSERT_EQ(outcome.choice().logprobs.size(), 1u);
  const ChosenToken& chosen = outcome.choice().logprobs[0];
  EXPECT_EQ(chosen.chosen.bytes, "\xc3\xa9");
  EXPECT_FLOAT_EQ(chosen.chosen.logprob, -0.5f);
  ASSERT_EQ(chosen.top.size(), 2u);
  EXPECT_EQ(chosen.top[1].bytes, "\xc3");
  EXPECT_EQ(outcome.response.text(),
            "\xC3\xA9"
            "b");
}

TEST(ChatReader, LogprobsWithoutTextAreNotLost) {
  const std::string empty =
      event_of(R"({"choices":[{"delta":{"content":""},"logprobs":{"content":[{"token":"x"}]}}]})");
  const std::string none =
      event_of(R"({"choices":[{"delta":{},"logprobs":{"content":[{"token":"y","logprob":-1}]}}]})");
  const Outcome outcome = good(say("a") + empty + none + kStop);
  ASSERT_EQ(outcome.choice().logprobs.size(), 2u);
  EXPECT_EQ(outcome.choice().logprobs[0].chosen.bytes, "x");
  EXPECT_EQ(outcome.choice().logprobs[1].chosen.bytes, "y");
}

TEST(ChatReader, UsageInAllItsForms) {
  const auto usage = [](std::string_view json, std::string_view where = "usage") {
    return good(say("a") + kStop +
                event_of("{\"choices\":[],\"" + std::string(where) + "\":" + std::string(json) +
                         "}"))
        .response.usage;
  };
  const std::string full =
      R"({"prompt_tokens":10,"completion_tokens":7,"total_tokens":17,"prompt_tokens_details":)"
      R"({"cached_tokens":4,"cache_write_tokens":3},"completion_tokens_details":)"
      R"({"reasoning_tokens":5}})";
  const Usage all = usage(full);
  EXPECT_EQ(all.input, 10);
  EXPECT_EQ(all.cache_read, 4);
  EXPECT_EQ(all.cache_write, 3);
  EXPECT_EQ(all.output, 7);
  EXPECT_EQ(all.reasoning, 5);
  EXPECT_EQ(all.raw, full);
  EXPECT_EQ(usage(R"({"usage":{"prompt_tokens":1,"completion_tokens":2}})", "x_groq").output, 2);
  EXPECT_EQ(
      usage(R"({"prompt_tokens":9,"completion_tokens":1,"prompt_cache_hit_tokens":8})").cache_read,
      8);
  // Reasoning beside the completion, as xAI counts: the answer as a whole is both.
  EXPECT_EQ(usage(R"({"prompt_tokens":12,"completion_tokens":2,"total_tokens":354,)"
                  R"("completion_tokens_details":{"reasoning_tokens":340}})")
                .output,
            342);
  EXPECT_FALSE(usage("{}").input);
  EXPECT_FALSE(usage("[]").input);
  EXPECT_FALSE(usage(R"({"prompt_tokens":-1,"completion_tokens":"2"})").input);
}

TEST(ChatReader, UsageNeverShrinks) {
  const auto piece = [](int output) {
    return event_of(R"({"choices":[{"delta":{"content":"a"}}],"usage":{"prompt_tokens":5,)"
                    R"("completion_tokens":)" +
                    std::to_string(output) + "}}");
  };
  const Outcome outcome = good(piece(1) + piece(3) + piece(2) + kStop);
  EXPECT_EQ(outcome.response.usage.output, 3);
}

// ---- errors

TEST(ChatReader, ErrorsInsideAStream) {
  const Error quota =
      bad(say("a") +
          event_of(R"({"error":{"message":"no money","type":"x","code":"insufficient_quota"}})"));
  EXPECT_EQ(quota.code(), Errc::kQuotaExceeded);
  EXPECT_THAT(quota.message(), HasSubstr("no money"));
  EXPECT_THAT(bad(event_of(R"({"error":"it broke"})")).message(), HasSubstr("it broke"));
  EXPECT_THAT(bad("event: error\ndata: {\"message\":\"oh\"}\n\n").message(), HasSubstr("oh"));
  EXPECT_EQ(bad("event: error\ndata: plain words\n\n").provider(), "openai");
  EXPECT_THAT(bad(event_of(R"({"object":"error","message":"old vLLM","code":400})")).message(),
              HasSubstr("old vLLM"));
  EXPECT_EQ(good(event_of(R"({"error":null})") + event_of(R"({"error":{}})") + say("a") + kStop)
                .response.text(),
            "a");
}

TEST(ChatReader, AnErrorAfterContentKeepsTheContent) {
  const Outcome outcome =
      read_stream(say("half ") + event_of(R"({"error":{"message":"gone","code":503}})"));
  ASSERT_TRUE(outcome.error);
  EXPECT_EQ(outcome.error->code(), Errc::kOverloaded);
  EXPECT_EQ(outcome.response.text(), "half ");
}

TEST(ChatReader, WhatIsNotThisWire) {
  const auto protocol = [](const std::string& data) {
    const Error error = bad(say("a") + event_of(data));
    EXPECT_EQ(error.code(), Errc::kProtocol) << data;
    EXPECT_EQ(error.detail("event"), "2") << data;
    EXPECT_EQ(error.provider(), "openai");
  };
  protocol("not json");
  protocol("{\"choices\":[}");
  protocol("[]");
  protocol("7");
  protocol(R"({"choices":{}})");
  protocol(R"({"choices":[7]})");
  protocol(R"({"choices":[{"index":1024,"delta":{}}]})");
  protocol(R"({"choices":[{"index":-1,"delta":{}}]})");
  protocol(R"({"choices":[{"index":"0","delta":{}}]})");
  protocol(R"({"choices":[{"index":99999999999999999999,"delta":{}}]})");
  protocol(R"({"choices":[{"index":1,"delta":{"content":"x"}}]})");
  protocol(R"({"choices":[{"delta":"x"}]})");
  protocol(R"({"choices":[{"delta":{"content":7}}]})");
  protocol(R"({"choices":[{"delta":{"content":[7]}}]})");
  protocol(R"({"choices":[{"delta":{"tool_calls":{}}}]})");
  protocol(R"({"choices":[{"delta":{"tool_calls":[7]}}]})");
  protocol(R"({"choices":[{"delta":{"tool_calls":[{"index":1024}]}}]})");
  protocol(R"({"choices":[{"delta":{"tool_calls":[{"index":-1}]}}]})");
  protocol(R"({"choices":[{"delta":{"tool_calls":[{"index":0.5}]}}]})");
  protocol(std::string(200, '[') + std::string(200, ']'));
}

TEST(ChatReader, NothingGrowsWithoutBound) {
  // Arguments of a call that never gets a name, members of the message, of the choice.
  const std::string much(300 * 1024, 'x');
  std::string body;
  for (int i = 0; i < 4; ++i)
    body += call_piece(R"({"index":0,"function":{"arguments":")" + much + R"("}})");
  EXPECT_EQ(bad(body).code(), Errc::kProtocol);
  const auto flood = [&](const auto& piece) {
    ChatReader reader(reading::server(), 1);
    EventQueue queue;
    for (int i = 0; i < 100; ++i)
      if (auto error = reader.event({}, reading::Piece(piece(std::to_string(i))).view(), queue))
        return error->code();
    return Errc::kEngine;
  };
  EXPECT_EQ(flood([&](const std::string& i) {
              return R"({"choices":[{"delta":{"m)" + i + R"(":")" + much + R"("}}]})";
            }),
            Errc::kProtocol);
  EXPECT_EQ(flood([&](const std::string& i) {
              return R"({"choices":[{"f)" + i + R"(":")" + much + R"("}]})";
            }),
            Errc::kProtocol);
  EXPECT_EQ(flood([&](const std::string& i) {
              std::string calls;
              for (int k = 0; k < 100; ++k)
                calls += (k ? ",{\"id\":\"" : "{\"id\":\"") + i + "-" + std::to_string(k) +
                         R"(","function":{"name":"f"}})";
              return R"({"choices":[{"delta":{"tool_calls":[)" + calls + "]}}]}";
            }),
            Errc::kProtocol);
}

// ---- text

TEST(ChatReader, Escapes) {
  const std::string body =
      say(R"(a\n\t\"\\\/\u00e9\u20ac)") + say(R"(\ud83d\ude00)") + say("\xF0\x9F\x98\x80") + kStop;
  EXPECT_EQ(good(body).response.text(), "a\n\t\"\\/\u00e9\u20ac\U0001F600\U0001F600");
}

TEST(ChatReader, SurrogatesWithoutAPartner) {
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(good(say(R"(a\ud83d)") + say(R"(\ude00b)") + kStop).response.text(), "a" + r + r + "b");
  EXPECT_EQ(good(say(R"(\ud83dx)") + say(R"(\uDE00)") + say(R"(\ud83d\ud83d\ude00)") + kStop)
                .response.text(),
            r + "x" + r + r + "\U0001F600");
  EXPECT_EQ(good(say(R"(\\ud83d)") + say(R"(\\ud83d)") + kStop).response.text(), "\\ud83d\\ud83d");
}

TEST(ChatReader, BytesThatAreNoUtf8) {
  const std::string r = "\xEF\xBF\xBD";
  ChatReader reader(reading::server(), 1);
  EventQueue queue;
  reading::Collector collector(1);
  for (const char* text : {"a", "b", "\xff", "c\xc3", "d"}) {
    const reading::Piece piece(R"({"model":"m","choices":[{"delta":{"content":")" +
                               std::string(text) + R"("}}]})");
    ASSERT_FALSE(reader.event({}, piece.view(), queue));
    collector.take(queue);
  }
  const Outcome outcome = collector.end(false, reading::cut_short());
  EXPECT_EQ(outcome.response.text(), "ab" + r + "c" + r + "d");
  EXPECT_EQ(outcome.broken, "");
}

// ---- whole answers

TEST(ChatReader, Whole) {
  const Outcome outcome = read_whole(
      R"({"id":"c","model":"m","choices":[{"index":0,"finish_reason":"tool_calls","message":{)"
      R"("role":"assistant","content":"t","refusal":null,"reasoning_content":"r","tool_calls":[)"
      R"({"id":"a","type":"function","function":{"name":"f","arguments":"{\"k\": 1}"}},)"
      R"({"id":"b","type":"custom","custom":{"name":"g","input":"free"}}],)"
      R"("annotations":[{"type":"url_citation"}],"audio":{"id":"x","data":"AA"}}},)"
      R"({"index":1,"finish_reason":"stop","message":{"content":null,"refusal":"no"}}],)"
      R"("usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})",
      kOwnDialect, 2);
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.broken, "");
  const auto& parts = outcome.choice().message.parts;
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(parts[0].get<Reasoning>()->text, "r");
  EXPECT_EQ(parts[1].get<Text>()->text, "t");
  EXPECT_EQ(parts[1].extra, R"({"annotations":[{"type":"url_citation"}]})");
  EXPECT_EQ(parts[2].get<ToolCall>()->arguments, "{\"k\": 1}");
  EXPECT_EQ(parts[3].get<ToolCall>()->arguments, "free");
  EXPECT_EQ(parts[4].get<Opaque>()->type, "audio");
  EXPECT_EQ(outcome.choice(1).finish, Finish::kRefusal);
  EXPECT_EQ(outcome.response.usage.output, 2);
}

// The fast way to read a whole answer, and the way that can read all of them.
TEST(ChatReader, WholeAnswersReadTheSameBothWays) {
  const char* const bodies[] = {
      R"({"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,)"
      R"("message":{"role":"assistant","content":"a\n\u00e9\ud83d\ude00","refusal":null,)"
      R"("annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":15,)"
      R"("completion_tokens":3,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":4}},)"
      R"("service_tier":"default","system_fingerprint":null} )",
      R"( {"choices":[{"message":{"content":""},"finish_reason":"length"}]})",
      R"({"model":"m","choices":[{"message":{"content":null,"refusal":"no"}}]})",
      R"({"model":"m","choices":[{"message":{"content":"a","annotations":[{"type":"x"}]}}]})",
      R"({"model":"m","choices":[{"message":{"content":"a"},"delta":{"content":"b"}}]})",
      R"({"model":"m","choices":[{"message":{"content":"a","content":"b"}}]})",
      R"({"model":"m","choices":[{"message":{"reasoning_content":"r","content":"a"}}]})",
      R"({"model":"m","choices":[{"message":{"content":[{"type":"text","text":"a"}]}}]})",
      R"({"model":"m","object":"chat.completion.chunk","choices":[{"message":{"content":"a"}}]})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1.5}})",
      R"({"model":"m","choices":[],"usage":{"prompt_tokens":1}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"total_tokens":1}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":-1,)"
      R"("completion_tokens":2}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1,)"
      R"("prompt_tokens":null,"completion_tokens":9223372036854775808}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1,)"
      R"("prompt_tokens_details":{"cached_tokens":1},"prompt_tokens_details":{}}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1,)"
      R"("x":tru}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":2,)"
      R"("prompt_cache_hit_tokens":1,"cost":0.5,"is_byok":false,"cost_details":{"a":1}}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}],"usage":{"prompt_tokens":1,)"
      R"("completion_tokens":2,"total_tokens":10,"completion_tokens_details":{)"
      R"("reasoning_tokens":7,"audio_tokens":null},"prompt_tokens_details":null}})",
      R"({"model":"m","choices":[{"message":{"content":"a"}}]} x)",
      R"({"model":"m","choices":[{"message":{"content":"a\x"}}]})",
      R"({"error":{"message":"m"},"choices":[{"message":{"content":"a"}}]})"};
  for (const char* body : bodies) {
    const Outcome fast = read_whole(body);
    const Outcome full = read_whole(body, kCompatibleDialect, 1, ChatReader::Path::kFull);
    EXPECT_EQ(fast.events, full.events) << body;
    EXPECT_EQ(fast.error ? fast.error->message() : "", full.error ? full.error->message() : "");
  }
}

TEST(ChatReader, WholeAnswersThatAreNone) {
  for (const char* body : {"{}", "[]", "", "{\"choices\":[]}", "{\"choices\":null}", "<html>"})
    EXPECT_EQ(read_whole(body).error->code(), Errc::kProtocol) << body;
  const Outcome outcome = read_whole(R"({"error":{"message":"m","code":"rate_limit_exceeded"}})");
  EXPECT_EQ(outcome.error->code(), Errc::kRateLimited);
}

}  // namespace
}  // namespace infer::cloud
