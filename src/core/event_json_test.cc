#include "src/core/event_json.h"

#include <gtest/gtest.h>

#include <string>

#include "src/core/random_events.h"

namespace infer::core {
namespace {

using test::RandomEvents;
using test::same;

// Through the text that stands in a file.
Json through_text(const Json& json) {
  auto parsed = parse_json(dump_json(json));
  EXPECT_TRUE(parsed) << parsed.error();
  return parsed ? *parsed : Json();
}

TEST(EventJson, AnyEventComesBackTheSame) {
  RandomEvents random(1);
  for (int i = 0; i < 5000; ++i) {
    EventBuffer before, after;
    random.push(before);
    const Json json = through_text(event_json(before[0]));
    const auto wrong = read_event(json, after);
    ASSERT_FALSE(wrong) << *wrong << " in " << json;
    ASSERT_TRUE(same(before[0], after[0])) << json;
    EXPECT_EQ(event_json(after[0]), json);
  }
}

TEST(EventJson, AnyErrorComesBackTheSame) {
  RandomEvents random(2);
  for (int i = 0; i < 5000; ++i) {
    const Error before = random.error();
    std::optional<Error> after;
    const Json json = through_text(error_json(before));
    const auto wrong = read_error(json, after);
    ASSERT_FALSE(wrong) << *wrong << " in " << json;
    ASSERT_TRUE(same(before, *after)) << json;
  }
}

TEST(EventJson, ReadsAsOneWouldWriteIt) {
  Usage usage;
  usage.output = 3;
  usage.timing.first = std::chrono::nanoseconds(1500);
  Event e;
  e.kind = Event::Kind::kFinish;
  e.finish = Finish::kStopSequence;
  e.data = "END";
  e.usage = &usage;
  EXPECT_EQ(dump_json(event_json(e)), R"({"data":"END","finish":"stop_sequence","kind":"finish",)"
                                      R"("usage":{"first_ns":1500,"output":3}})");
  EXPECT_EQ(dump_json(event_json(Event{})), "{}");
  Event delta;
  delta.kind = Event::Kind::kDelta;
  delta.part_kind = Event::PartKind::kToolCall;
  delta.data = "\xff{";
  delta.choice = 1;
  EXPECT_EQ(dump_json(event_json(delta)),
            R"({"choice":1,"data":{"b64":"/3s="},"kind":"delta","part_kind":"tool_call"})");
  const float row[] = {1, -2};
  Event vectors;
  vectors.kind = Event::Kind::kVectors;
  vectors.vectors = row;
  vectors.dimensions = 2;
  EXPECT_EQ(dump_json(event_json(vectors)),
            R"({"dimensions":2,"kind":"vectors","vectors":{"f32":"AACAPwAAAMA="}})");
  EXPECT_EQ(dump_json(error_json(Error(Errc::kRateLimited, "slow down")
                                     .with_http_status(429)
                                     .with_retry_after(std::chrono::seconds(2))
                                     .with_detail("b", "1")
                                     .with_detail("a", "2"))),
            R"({"code":"rate_limited","details":[["b","1"],["a","2"]],"http_status":429,)"
            R"("message":"slow down","retry":"yes","retry_after_ms":2000})");
}

TEST(EventJson, UnknownMembersAreSkipped) {
  EventBuffer out;
  ASSERT_FALSE(read_event(*parse_json(R"({"kind":"start","new":[1],"meta":{"newer":true}})"), out));
  EXPECT_EQ(out[0].kind, Event::Kind::kStart);
  ASSERT_NE(out[0].meta, nullptr);
  EXPECT_EQ(out[0].meta->attempts, 1u);
}

TEST(EventJson, MisfitsNameTheField) {
  const std::pair<const char*, const char*> cases[] = {
      {R"([])", "event"},
      {R"({"kind":"starts"})", "kind"},
      {R"({"kind":"unknown"})", "kind"},
      {R"({"kind":256})", "kind"},
      {R"({"kind":-1})", "kind"},
      {R"({"kind":1.5})", "kind"},
      {R"({"part_kind":"part"})", "part_kind"},
      {R"({"finish":"ended"})", "finish"},
      {R"({"preview":1})", "preview"},
      {R"({"choice":-1})", "choice"},
      {R"({"choice":4294967296})", "choice"},
      {R"({"part":"1"})", "part"},
      {R"({"data":1})", "data"},
      {R"({"data":{"b64":"a"}})", "data"},
      {R"({"data":{"b64":1}})", "data"},
      {R"({"usage":[]})", "usage"},
      {R"({"usage":{"input":9223372036854775808}})", "input"},
      {R"({"usage":{"first_ns":"1"}})", "first_ns"},
      {R"({"meta":"m"})", "meta"},
      {R"({"media":1})", "media"},
      {R"({"media":{"b64":"?"}})", "b64"},
      {R"({"media":{"pixels":1}})", "pixels"},
      {R"({"media":{"pixels":{"width":-1}}})", "width"},
      {R"({"vectors":[1,2]})", "vectors"},
      {R"({"vectors":{"f32":"AAA="}})", "vectors"},
      {R"({"logprobs":{}})", "logprobs"},
      {R"({"logprobs":[{"logprob":"x"}]})", "logprob"},
      {R"({"logprobs":[{"logprob":1e300}]})", "logprob"},
      {R"({"logprobs":[{"token":2147483648}]})", "token"},
  };
  for (const auto& [text, field] : cases) {
    EventBuffer out;
    const auto wrong = read_event(*parse_json(text), out);
    ASSERT_TRUE(wrong) << text;
    EXPECT_EQ(wrong->code(), Errc::kProtocol);
    EXPECT_EQ(wrong->detail("field"), field) << text;
    EXPECT_TRUE(out.empty());
  }
  const std::pair<const char*, const char*> errors[] = {
      {R"([])", "code"},
      {R"({"message":"m"})", "code"},
      {R"({"code":"io","message":1})", "message"},
      {R"({"code":"io","retry":"maybe"})", "retry"},
      {R"({"code":"io","http_status":99999999999})", "http_status"},
      {R"({"code":"io","retry_after_ms":0.5})", "retry_after_ms"},
      {R"({"code":"io","details":{}})", "details"},
      {R"({"code":"io","details":[["a"]]})", "details"},
      {R"({"code":"io","details":[["a",1]]})", "value"},
  };
  for (const auto& [text, field] : errors) {
    std::optional<Error> out;
    const auto wrong = read_error(*parse_json(text), out);
    ASSERT_TRUE(wrong) << text;
    EXPECT_EQ(wrong->detail("field"), field) << text;
    EXPECT_FALSE(out);
  }
}

TEST(EventJson, DamagedJsonNeverDoesMoreThanFail) {
  RandomEvents random(3);
  for (int i = 0; i < 3000; ++i) {
    EventBuffer before, after;
    random.push(before);
    std::string text = dump_json(event_json(before[0]));
    for (std::uint32_t n = 1 + random.below(3); n > 0; --n)
      text[random.below(static_cast<std::uint32_t>(text.size()))] =
          "{}[]\",:0-9tfn\\ae"[random.below(17)];
    const auto parsed = parse_json(text);
    if (!parsed) continue;
    const auto wrong = read_event(*parsed, after);
    EXPECT_EQ(after.size(), wrong ? 0u : 1u);
  }
}

}  // namespace
}  // namespace infer::core
