#include "apps/infer/json_lines.h"

#include <gtest/gtest.h>

#include <memory>

#include "infer/model.h"
#include "src/core/json.h"

namespace infer::cli {
namespace {

using Kind = Event::Kind;
using PartKind = Event::PartKind;

core::Json line_of(const Event& event, const Usage& usage = {}) {
  std::string out;
  append_event(out, event, usage);
  EXPECT_EQ(out.find('\n'), out.size() - 1) << "one line: " << out;
  auto json = core::parse_json(out);
  return json ? *json : core::Json();
}

core::Json line_of(const Error& error) {
  std::string out;
  append_error(out, error);
  EXPECT_EQ(out.find('\n'), out.size() - 1) << "one line: " << out;
  auto json = core::parse_json(out);
  return json ? *json : core::Json();
}

TEST(JsonLines, DeltaIsNamedByWhatItIsOf) {
  const std::pair<PartKind, const char*> names[] = {{PartKind::kText, "text"},
                                                    {PartKind::kReasoning, "reasoning"},
                                                    {PartKind::kToolCall, "tool_args"},
                                                    {PartKind::kRefusal, "refusal"},
                                                    {PartKind::kOpaque, "opaque"}};
  for (const auto& [kind, name] : names) {
    const Event event{
        .kind = Kind::kDelta, .part_kind = kind, .choice = 2, .part = 3, .data = "a\n\"b"};
    EXPECT_EQ(line_of(event),
              core::Json({{"kind", name}, {"choice", 2}, {"part", 3}, {"text", "a\n\"b"}}));
  }
}

TEST(JsonLines, ADeltaHasItsTokensAndTheirAlternatives) {
  const TokenLogprob entries[] = {
      {7, -0.5f, "a", 2}, {7, -0.5f, "a"}, {8, -1, "\xE2"}, {-1, 0, "b"}};
  const Event event{
      .kind = Kind::kDelta, .part_kind = PartKind::kText, .data = "ab", .logprobs = entries};
  const core::Json tokens = line_of(event).at("logprobs");
  ASSERT_EQ(tokens.size(), 2u);
  EXPECT_EQ(tokens[0]["token"], 7);
  EXPECT_EQ(tokens[0]["logprob"], -0.5);
  EXPECT_EQ(tokens[0]["text"], "a");
  ASSERT_EQ(tokens[0]["top"].size(), 2u);
  EXPECT_EQ(tokens[0]["top"][1]["base64"], "4g==") << "half a character, as it is";
  EXPECT_EQ(tokens[1], core::Json({{"logprob", 0}, {"text", "b"}}));
}

TEST(JsonLines, ADeltaAllocatesNothingOnceTheBufferHasGrown) {
  const Event event{.kind = Kind::kDelta, .part_kind = PartKind::kText, .data = "hello"};
  std::string out;
  append_event(out, event, {});
  const char* const memory = out.data();
  const std::string first = out;
  for (int i = 0; i < 100; ++i) {
    out.clear();
    append_event(out, event, {});
  }
  EXPECT_EQ(out, first);
  EXPECT_EQ(out.data(), memory);
}

TEST(JsonLines, StartTellsWhoAnswers) {
  const Meta meta{.response_id = "r1", .request_id = "q1", .model = "m", .extra = "{\"a\": 1}"};
  EXPECT_EQ(line_of(Event{.kind = Kind::kStart, .id = "other", .meta = &meta}),
            core::Json({{"kind", "start"},
                        {"model", "m"},
                        {"response_id", "r1"},
                        {"request_id", "q1"},
                        {"metadata", "{\"a\": 1}"}}));
}

TEST(JsonLines, StartTellsOfMoreThanOneAttempt) {
  Meta meta{.model = "m"};
  EXPECT_FALSE(line_of(Event{.kind = Kind::kStart, .meta = &meta}).contains("attempts"));
  meta.attempts = 3;
  EXPECT_EQ(line_of(Event{.kind = Kind::kStart, .meta = &meta})["attempts"], 3);
}

TEST(JsonLines, APartsFlagsAreAnObject) {
  const Event call{.kind = Kind::kPartBegin,
                   .part_kind = PartKind::kToolCall,
                   .data = "search",
                   .id = "c1",
                   .extra = R"({"provider_executed": true})"};
  EXPECT_EQ(line_of(call)["flags"], core::Json({{"provider_executed", true}}));
}

TEST(JsonLines, PartsBeginAndEnd) {
  EXPECT_EQ(line_of(Event{.kind = Kind::kPartBegin,
                          .part_kind = PartKind::kToolCall,
                          .part = 1,
                          .data = "weather",
                          .id = "c1"}),
            core::Json({{"kind", "part_begin"},
                        {"choice", 0},
                        {"part", 1},
                        {"type", "tool_call"},
                        {"name", "weather"},
                        {"id", "c1"}}));
  EXPECT_EQ(
      line_of(Event{
          .kind = Kind::kPartEnd, .part_kind = PartKind::kReasoning, .data = "sig", .extra = "{}"}),
      core::Json({{"kind", "part_end"},
                  {"choice", 0},
                  {"part", 0},
                  {"signature", "sig"},
                  {"extra", "{}"}}));
}

TEST(JsonLines, WarningHasItsFactsAsJson) {
  EXPECT_EQ(line_of(Event{.kind = Kind::kWarning,
                          .data = "unsupported_setting",
                          .id = "no top_k",
                          .extra = "{\"setting\": \"top_k\"}"}),
            core::Json({{"kind", "warning"},
                        {"code", "unsupported_setting"},
                        {"message", "no top_k"},
                        {"details", {{"setting", "top_k"}}}}));
  EXPECT_EQ(line_of(Event{.kind = Kind::kWarning, .extra = "{broken\n"})["details"], "{broken\n");
}

TEST(JsonLines, FinishHasTheWholeUsage) {
  Usage usage;
  usage.input = 17;
  usage.output = 3;
  usage.timing.first = std::chrono::microseconds(1500);
  EXPECT_EQ(
      line_of(
          Event{.kind = Kind::kFinish, .finish = Finish::kStopSequence, .choice = 1, .data = "END"},
          usage),
      core::Json({{"kind", "finish"},
                  {"choice", 1},
                  {"reason", "stop_sequence"},
                  {"stop_sequence", "END"},
                  {"usage", {{"input", 17}, {"output", 3}, {"first_ms", 1.5}}}}));
}

TEST(JsonLines, ProgressTellsHowLongAStepTakes) {
  Event event{.kind = Kind::kProgress, .step = 3, .steps = 8, .data = "painting"};
  core::Json line{{"kind", "progress"}, {"what", "painting"}, {"step", 3}, {"steps", 8}};
  EXPECT_EQ(line_of(event), line);
  event.step_time = std::chrono::microseconds(41500);
  line["step_ns"] = 41500000;
  EXPECT_EQ(line_of(event), line);
}

TEST(JsonLines, MediaAndVectorsAreWhole) {
  const Media media{.mime = "image/png", .source = Blob(std::string("\x89PNG"))};
  const core::Json picture =
      line_of(Event{.kind = Kind::kMedia, .step = 2, .steps = 4, .media = &media});
  EXPECT_EQ(picture["step"], 2);
  EXPECT_EQ(picture["steps"], 4);
  EXPECT_EQ(picture["mime"], "image/png");
  EXPECT_EQ(picture["base64"], "iVBORw==");
  const float row[] = {1.5F, -2.0F};
  const core::Json vectors =
      line_of(Event{.kind = Kind::kVectors, .vectors = row, .dimensions = 2});
  EXPECT_EQ(vectors["values"], core::Json({1.5, -2.0}));
  EXPECT_EQ(vectors["dimensions"], 2);
}

TEST(JsonLines, UnknownKindsSayNothing) {
  std::string out;
  append_event(out, Event{.kind = static_cast<Kind>(200)}, {});
  append_event(out, Event{}, {});
  EXPECT_EQ(out, "");
}

TEST(JsonLines, ErrorSaysNullForWhatIsNotKnown) {
  EXPECT_EQ(line_of(Error(Errc::kNotFound, "no file")),
            core::Json({{"kind", "error"},
                        {"code", "not_found"},
                        {"message", "no file"},
                        {"provider", nullptr},
                        {"provider_code", nullptr},
                        {"http_status", nullptr},
                        {"retry_after_s", nullptr},
                        {"retry", "no"},
                        {"request_id", nullptr},
                        {"body", nullptr},
                        {"partial", nullptr},
                        {"details", core::Json::object()}}));
}

TEST(JsonLines, ErrorSaysAllThatIsKnown) {
  auto partial = std::make_shared<Response>();
  partial->choices.resize(2);
  partial->choices[0].message = assistant("half a");
  partial->choices[0].message.parts.push_back(
      Part{.value = ToolCall{.id = "c", .name = "f", .arguments = "{"}});
  partial->choices[1].message = assistant("whole");
  partial->choices[1].finish = Finish::kStop;
  partial->usage.output = 2;
  const core::Json json = line_of(Error(Errc::kRateLimited, "slow down")
                                      .with_provider("openai")
                                      .with_provider_code("tpm")
                                      .with_http_status(429)
                                      .with_request_id("req_1")
                                      .with_body("{\"error\": 1}")
                                      .with_retry_after(std::chrono::milliseconds(1500))
                                      .with_detail("need", "600")
                                      .with_detail("have", "512")
                                      .with_detail("a plugin's \"own\"", "x")
                                      .with_detail("field", "messages")
                                      .with_partial(partial));
  EXPECT_EQ(json["http_status"], 429);
  EXPECT_EQ(json["retry_after_s"], 1.5);
  EXPECT_EQ(json["retry"], "yes");
  EXPECT_EQ(json["request_id"], "req_1");
  EXPECT_EQ(json["body"], "{\"error\": 1}");
  EXPECT_EQ(
      json["details"],
      core::Json(
          {{"need", 600}, {"have", 512}, {"a plugin's \"own\"", "x"}, {"field", "messages"}}));
  EXPECT_EQ(json["partial"]["text"], "half a");
  EXPECT_EQ(json["partial"]["usage"], core::Json({{"output", 2}}));
  EXPECT_EQ(json["partial"]["choices"][0]["reason"], nullptr);
  EXPECT_EQ(json["partial"]["choices"][0]["tool_calls"][0]["arguments"], "{");
  EXPECT_EQ(json["partial"]["choices"][1], core::Json({{"text", "whole"}, {"reason", "stop"}}));
}

TEST(JsonLines, StartTellsWhoseItIsAndWhatIsLeft) {
  Meta meta{.model = "m", .issuer = "groq@http://host"};
  meta.rate_limits = {{.what = "requests",
                       .limit = 100,
                       .remaining = 0,
                       .reset = std::chrono::milliseconds(1500),
                       .window = std::chrono::hours(24)},
                      {.what = "tokens"}};
  const core::Json line = line_of(Event{.kind = Kind::kStart, .meta = &meta});
  EXPECT_EQ(line["issuer"], "groq@http://host");
  EXPECT_EQ(line["rate_limits"],
            core::Json::parse(R"([{"what":"requests","limit":100,"remaining":0,"reset_s":1.5,
                                   "window_s":86400},{"what":"tokens"}])"));
  meta = {};
  const core::Json bare = line_of(Event{.kind = Kind::kStart, .meta = &meta});
  EXPECT_FALSE(bare.contains("issuer") || bare.contains("rate_limits"));
}

TEST(JsonLines, APictureInAFileIsNamedNotRepeated) {
  // The beginning of a PNG file of 3 by 2 pixels.
  const std::string png("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\3\0\0\0\2\x08\2\0\0\0", 29);
  const Media media{.mime = "image/png", .source = Blob(png)};
  std::string out;
  append_written(out, Event{.kind = Kind::kMedia, .part = 1, .extra = "{}", .media = &media},
                 "a/b.png");
  const auto line = core::parse_json(out);
  ASSERT_TRUE(line);
  EXPECT_EQ(*line, core::Json::parse(R"({"kind":"media","choice":0,"part":1,"preview":false,
      "extra":"{}","mime":"image/png","path":"a/b.png","bytes":29,"width":3,"height":2})"));
}

}  // namespace
}  // namespace infer::cli
