#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <thread>

#include "infer/infer.h"
#include "infer/structured.h"
#include "src/core/scripted.h"
#include "src/structured/check.h"
#include "src/structured/pattern.h"

namespace infer {
namespace {

using ::testing::HasSubstr;

// "rule pointer" of a misfit, "code rule" of another error, "" if it fits.
std::string verdict(std::string_view json, std::string_view schema) {
  const auto checked = check_json(json, schema);
  if (checked) return "";
  const Error& error = checked.error();
  const std::string rule(error.detail("rule"));
  if (error.code() == Errc::kInvalidOutput)
    return rule + " " + std::string(error.detail("pointer"));
  return std::string(to_string(error.code())) + " " + rule;
}
std::string message(std::string_view json, std::string_view schema) {
  const auto checked = check_json(json, schema);
  return checked ? "" : checked.error().message();
}
// A schema that is refused: the keyword.
std::string refused(std::string_view schema) {
  const auto checked = check_json("1", schema);
  if (checked || checked.error().code() != Errc::kInvalidRequest) return "not refused";
  EXPECT_EQ(checked.error().detail("field"), "schema");
  return std::string(checked.error().detail("rule"));
}

constexpr const char* kBook = R"({"type":"object",
    "properties":{"author":{"$ref":"#/$defs/name"}, "year":{"type":"integer","minimum":1400},
                  "tags":{"type":"array","items":{"type":"string","maxLength":5},
                          "uniqueItems":true},
                  "a/b~":{"enum":["x",null]}},
    "required":["author","year"], "additionalProperties":false,
    "$defs":{"name":{"type":["string","null"],"pattern":"^[A-Z]"}}})";

TEST(CheckJson, SaysWhereAndWhy) {
  EXPECT_EQ(message(R"({"author":"Jane","year":1815})", kBook), "");
  EXPECT_EQ(message(R"({"author":"Jane","year":1815.0,"tags":["a","b"]})", kBook), "");
  EXPECT_EQ(message(R"({"author":"Jane","year":"1815"})", kBook),
            "/year: is a string, must be an integer");
  EXPECT_EQ(message(R"({"author":7,"year":1815})", kBook),
            "/author: is 7, must be a string or null");
  EXPECT_EQ(message(R"({"author":"jane","year":1815})", kBook),
            R"(/author: "jane" does not match "pattern")");
  EXPECT_EQ(message(R"({"author":"Jane"})", kBook), R"(the JSON: lacks "year", which is required)");
  EXPECT_EQ(message(R"({"author":"Jane","year":1815,"x'y":1})", kBook),
            R"(the JSON: has "x'y", which may not be there)");
  EXPECT_EQ(message(R"({"author":"Jane","year":3})", kBook),
            R"(/year: 3 does not fit "minimum": 1400)");
  EXPECT_EQ(message(R"({"author":"Jane","year":1815,"tags":["a","longer"]})", kBook),
            R"(/tags/1: "longer" does not fit "maxLength": 5)");
  EXPECT_EQ(message(R"({"author":"Jane","year":1815,"tags":["a","a"]})", kBook),
            R"(/tags: has "a" twice, which "uniqueItems" forbids)");
  EXPECT_EQ(message(R"({"author":"Jane","year":1815,"a/b~":1})", kBook),
            R"(/a~1b~0: 1 does not fit "enum": ["x",null])");
  EXPECT_EQ(verdict(R"({"author":"Jane","year":1815,"a/b~":1})", kBook), "enum /a~1b~0");
  EXPECT_EQ(message("[]", kBook), "the JSON: is an array, must be an object");
  EXPECT_EQ(verdict("[]", kBook), "type ");
  EXPECT_EQ(verdict("1", R"({"anyOf":[{"type":"string"},{"type":"null"}]})"), "anyOf ");
  EXPECT_EQ(verdict("5", R"({"multipleOf":2})"), "multipleOf ");
  EXPECT_EQ(verdict("1", R"({"not":{"type":"integer"}})"), "not ");
}

TEST(CheckJson, WhatIsNoJson) {
  EXPECT_EQ(verdict("{\"a\":", "{}"), "syntax ");
  EXPECT_THAT(message("{\"a\":", "{}"), HasSubstr("not JSON"));
  EXPECT_EQ(verdict("", "{}"), "syntax ");
  EXPECT_EQ(verdict("{} {}", "{}"), "syntax ");
  EXPECT_EQ(verdict("\"\xff\"", "{}"), "syntax ");
  EXPECT_EQ(verdict(std::string(200, '[') + std::string(200, ']'), "{}"), "syntax ");
}

TEST(CheckJson, SchemasThatAreNone) {
  for (const char* schema : {"", "{", "1", "[]", "null", R"({"properties":{"a":3}})"})
    EXPECT_EQ(refused(schema), "") << schema;
  const std::pair<const char*, const char*> kCases[] = {
      {"type", R"({"type":"text"})"},
      {"type", R"({"type":[]})"},
      {"required", R"({"required":"a"})"},
      {"required", R"({"required":[1]})"},
      {"properties", R"({"properties":[]})"},
      {"properties", "{\"properties\":{\"a\\u0000b\":{}}}"},
      {"enum", R"({"enum":[]})"},
      {"minLength", R"({"minLength":-1})"},
      {"maxItems", R"({"maxItems":1.5})"},
      {"minimum", R"({"minimum":"1"})"},
      {"multipleOf", R"({"multipleOf":0})"},
      {"uniqueItems", R"({"uniqueItems":1})"},
      {"allOf", R"({"allOf":[]})"},
      {"pattern", R"({"pattern":"("})"},
      {"pattern", R"({"pattern":"(a)\\1"})"},
      {"pattern", R"({"pattern":"\\p{L}"})"},
      {"pattern", R"({"pattern":"((a{99}){99}){99}"})"},
      {"patternProperties", R"({"patternProperties":{"(a+)+":{}}})"},
      // What is not checked is not passed either.
      {"minContains", R"({"contains":{},"minContains":2})"},
      {"$dynamicRef", R"({"$dynamicRef":"#x"})"},
      {"unevaluatedProperties", R"({"allOf":[{}],"unevaluatedProperties":false})"},
      {"$id", R"({"properties":{"a":{"$id":"x"}}})"},
      // Nothing is fetched.
      {"$ref", R"({"$ref":"http://127.0.0.1:1/schema.json"})"},
      {"$ref", R"({"$ref":"other.json#/a"})"},
      {"$ref", R"({"$ref":"file:///etc/hostname"})"},
      {"$ref", R"({"$ref":"#/$defs/none"})"},
      {"$ref", R"({"$ref":"#anchor"})"},
      {"$ref", R"({"$ref":7})"},
      // Without a step into the value there is no end.
      {"$ref", R"({"$ref":"#"})"},
      {"$ref", R"({"allOf":[{"$ref":"#"}]})"},
      {"$ref", R"({"anyOf":[{"type":"null"},{"not":{"$ref":"#/$defs/a"}}],)"
               R"("$defs":{"a":{"$ref":"#/$defs/b"},"b":{"if":{"$ref":"#/$defs/a"}}}})"},
  };
  for (const auto& [rule, schema] : kCases) EXPECT_EQ(refused(schema), rule) << schema;
  const auto told = check_json("{}", R"({"properties":{"a/b~":{"type":"text"}}})");
  ASSERT_FALSE(told);
  EXPECT_EQ(told.error().detail("pointer"), "/properties/a~1b~0/type");
}

TEST(CheckJson, WhatIsUnderstood) {
  EXPECT_EQ(
      verdict(R"({"a":{"a":{"a":1}}})", R"({"type":"object","properties":{"a":{"$ref":"#"}}})"),
      "type /a/a/a");
  EXPECT_EQ(
      verdict(R"(["x",1,2])", R"({"prefixItems":[{"type":"string"}],"items":{"type":"integer"}})"),
      "");
  EXPECT_EQ(verdict(R"(["x",1,"y"])",
                    R"({"prefixItems":[{"type":"string"}],"items":{"type":"integer"}})"),
            "type /2");
  EXPECT_EQ(verdict("2", R"({"exclusiveMaximum":true,"maximum":2})"), "exclusiveMaximum ");
  EXPECT_EQ(verdict("18446744073709551615", R"({"type":"integer","minimum":0})"), "");
  EXPECT_EQ(verdict("1e300", R"({"type":"integer"})"), "");
  EXPECT_EQ(verdict(R"("2020-02-31")", R"({"format":"date"})"), "");  // says nothing
  EXPECT_EQ(verdict(R"("x")", R"({"$ref":"#/$defs/a%25~1","$defs":{"a%/":{"minLength":2}}})"),
            "minLength ");
  EXPECT_EQ(verdict(R"("x")", R"({"$ref":"#/$defs/a","minLength":2,"$defs":{"a":{}}})"),
            "minLength ");
  EXPECT_EQ(verdict(R"({"a":1})", R"({"unevaluatedProperties":false})"), "additionalProperties ");
  EXPECT_EQ(verdict("0.3", R"({"multipleOf":0.1})"), "");
  EXPECT_EQ(verdict("1", "false"), "not ");
  EXPECT_EQ(verdict("1", "true"), "");
}

// ---- bounds: each of these once took for ever, or the stack

TEST(CheckJson, PatternsTakeLittleTime) {
  const std::string many(3000, 'a');
  EXPECT_EQ(verdict("\"" + many + "b\"", R"({"pattern":"^(a+)+$"})"), "pattern ");
  EXPECT_EQ(verdict("\"" + many + "b\"", R"({"pattern":"(a|aa)*c"})"), "pattern ");
  const std::string text = "\"" + std::string(200000, 'x') + "\"";
  EXPECT_EQ(verdict(text, R"({"pattern":"x$"})"), "");
  EXPECT_EQ(verdict(text, R"({"pattern":"(x{0,30}y){30}"})"), "too_large limit");
  EXPECT_EQ(verdict("\"\xc3\xa4\xf0\x9f\x98\x80\"", R"({"pattern":"^.{2}$"})"), "");
  EXPECT_FALSE(structured::Pattern::of("(?<=a)b"));
  EXPECT_TRUE(structured::Pattern::of("^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"));
}

TEST(CheckJson, SchemasThatMultiplyAreStopped) {
  // Each level looks twice at the next: 2^60 steps.
  std::string schema = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 60; ++i) {
    const std::string next = "{\"$ref\":\"#/$defs/a" + std::to_string(i + 1) + "\"}";
    schema += "\"a" + std::to_string(i) + "\":{\"allOf\":[" + next + "," + next + "]},";
  }
  EXPECT_EQ(verdict("1", schema + R"("a60":{}}})"), "too_large limit");
  // The same with steps into the value.
  const std::string tree =
      R"({"allOf":[{"properties":{"a":{"$ref":"#"}}},{"properties":{"a":{"$ref":"#"}}}]})";
  std::string value = "1";
  for (int i = 0; i < 100; ++i) value = "{\"a\":" + value + "}";
  EXPECT_EQ(verdict(value, tree), "too_large limit");
  // And where what is looked at does not fit.
  std::string nested = "[]";
  for (int i = 0; i < 100; ++i) nested = "[" + nested + "]";
  EXPECT_EQ(verdict(nested, R"({"anyOf":[{"items":{"$ref":"#"},"minItems":5},)"
                            R"({"items":{"$ref":"#"},"minItems":6}]})"),
            "too_large limit");
  // Long lists, which are gone through for each value.
  std::string names = "\"\"", empty = "\"\"";
  for (int i = 0; i < 10000; ++i) names = "\"" + std::to_string(i) + "\"," + names;
  for (int i = 0; i < 3000; ++i) empty += ",\"\"";
  EXPECT_EQ(verdict("[" + empty + "]", "{\"items\":{\"enum\":[" + names + "]}}"),
            "too_large limit");
}

TEST(CheckJson, DepthIsBounded) {
  std::string chain = R"({"$ref":"#/$defs/a0","$defs":{)";
  for (int i = 0; i < 10000; ++i)
    chain +=
        "\"a" + std::to_string(i) + "\":{\"$ref\":\"#/$defs/a" + std::to_string(i + 1) + "\"},";
  EXPECT_EQ(refused(chain + R"("a10000":{}}})"), "");
  std::string value = "1";
  for (int i = 0; i < 120; ++i) value = "{\"a\":[" + value + "]}";
  EXPECT_EQ(verdict(value, R"({"properties":{"a":{"items":{"$ref":"#"}}}})").substr(0, 6),
            "syntax");
  value = "1";
  for (int i = 0; i < 60; ++i) value = "{\"a\":[" + value + "]}";
  EXPECT_EQ(verdict(value, R"({"properties":{"a":{"items":{"$ref":"#"}}}})"), "");
}

// The deepest that is let through, on a stack as small as threads have where it is smallest.
TEST(CheckJson, TheDeepestChecksFitTheStack) {
  std::string schema = R"({"properties":{"a":{"$ref":"#"}},"allOf":[)";
  const int kChain = 8;
  for (int i = 0; i < kChain; ++i) schema += R"({"anyOf":[)";
  schema += "{}";
  for (int i = 0; i < kChain; ++i) schema += "]}";
  schema += "]}";
  std::string value = "1";
  for (int i = 0; i < 125; ++i) value = "{\"a\":" + value + "}";
  EXPECT_EQ(verdict(value, schema), "");
}

TEST(CheckJson, LargeAnswersTakeTimeInProportion) {
  std::string array = "[0";
  for (int i = 1; i < 100000; ++i) array += "," + std::to_string(i);
  EXPECT_EQ(verdict(array + "]", R"({"uniqueItems":true,"items":{"type":"integer"}})"), "");
  EXPECT_EQ(verdict(array + ",0]", R"({"uniqueItems":true})"), "uniqueItems ");
  EXPECT_EQ(verdict(array + "]", R"({"items":{"type":"string"}})"), "type /0");
}

// ---- replies

TextRequest asking(Output output) {
  TextRequest request = test::ask("?");
  request.output = std::move(output);
  return request;
}
Output year() {
  return {.form = Output::Form::kJsonSchema,
          .schema = R"({"type":"object","properties":{"year":{"type":"integer"}}})"};
}

TEST(OutputCheck, AnAnswerThatFits) {
  const TextModel model = test::playing(test::text_reply({"{\"ye", "ar\":", "1815}"}));
  const auto answer = model.generate(asking(year()));
  ASSERT_TRUE(answer) << answer.error();
  EXPECT_EQ(answer->text(), "{\"year\":1815}");
}

TEST(OutputCheck, AnAnswerThatDoesNotFit) {
  const TextModel model = test::playing(test::text_reply({"{\"year\":", "\"?\"}"}));
  std::size_t finishes = 0;
  Reply reply = model.stream(asking(year()));
  while (const Event* event = reply.next()) finishes += event->kind == Event::Kind::kFinish ? 1 : 0;
  EXPECT_EQ(finishes, 1u);  // it came whole
  const auto answer = reply.finish();
  ASSERT_FALSE(answer);
  const Error& error = answer.error();
  EXPECT_EQ(error.code(), Errc::kInvalidOutput);
  EXPECT_EQ(error.message(), "/year: is a string, must be an integer");
  EXPECT_EQ(error.detail("pointer"), "/year");
  EXPECT_EQ(error.detail("rule"), "type");
  EXPECT_EQ(error.detail("choice"), "0");
  EXPECT_EQ(error.provider(), "scripted");
  EXPECT_EQ(error.retry(), RetryHint::kNo);
  ASSERT_TRUE(error.partial());
  EXPECT_EQ(error.partial()->text(), "{\"year\":\"?\"}");
  EXPECT_EQ(error.partial()->finish(), Finish::kStop);

  Output unchecked = year();
  unchecked.check = false;
  EXPECT_TRUE(model.generate(asking(unchecked)));
  EXPECT_TRUE(model.generate(asking({})));
}

TEST(OutputCheck, AnObjectIsAnObject) {
  const auto code = [](std::string_view text) {
    const TextModel model = test::playing(test::text_reply({text}));
    const auto answer = model.generate(asking({.form = Output::Form::kJsonObject}));
    return answer ? "" : std::string(answer.error().detail("rule"));
  };
  EXPECT_EQ(code("{\"a\":1}"), "");
  EXPECT_EQ(code(" {} "), "");
  EXPECT_EQ(code("[]"), "type");
  EXPECT_EQ(code("Here it is: {}"), "syntax");
  EXPECT_EQ(code(""), "syntax");
}

TEST(OutputCheck, OnlyWholeAnswersAreLookedAt) {
  for (const Finish finish : {Finish::kLength, Finish::kToolCalls, Finish::kFiltered,
                              Finish::kRefusal, Finish::kPaused, Finish::kContextFull}) {
    auto events = test::text_reply({"{\"ye"});
    events.back() = test::finish(finish);
    EXPECT_TRUE(test::playing(events).generate(asking(year()))) << to_string(finish);
  }
  for (const Finish finish :
       {Finish::kStop, Finish::kStopSequence, Finish::kUnknown, Finish::kOther}) {
    auto events = test::text_reply({"{\"ye"});
    events.back() = test::finish(finish);
    const auto answer = test::playing(events).generate(asking(year()));
    ASSERT_FALSE(answer) << to_string(finish);
    EXPECT_EQ(answer.error().code(), Errc::kInvalidOutput);
  }
  using Kind = Event::Kind;
  for (const auto part : {Event::PartKind::kToolCall, Event::PartKind::kRefusal}) {
    const std::vector<Event> events = {test::event(Kind::kStart),
                                       test::event(Kind::kPartBegin, part),
                                       test::event(Kind::kPartEnd, part), test::finish()};
    EXPECT_TRUE(test::playing(events).generate(asking(year())));
  }
}

TEST(OutputCheck, EachChoiceIsLookedAt) {
  using Kind = Event::Kind;
  using PartKind = Event::PartKind;
  std::vector<Event> events = {test::event(Kind::kStart)};
  const char* const kTexts[] = {"{\"year\":1}", "{\"year\":null}"};
  for (std::uint32_t choice = 0; choice < 2; ++choice) {
    events.push_back(test::event(Kind::kPartBegin, PartKind::kText, {}, 0, choice));
    events.push_back(test::event(Kind::kDelta, PartKind::kText, kTexts[choice], 0, choice));
    events.push_back(test::event(Kind::kPartEnd, PartKind::kText, {}, 0, choice));
    events.push_back(test::finish(Finish::kStop, choice));
  }
  TextRequest request = asking(year());
  request.n = 2;
  const auto answer = test::playing(events).generate(request);
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().detail("choice"), "1");
  EXPECT_EQ(answer.error().message(), "/year: is null, must be an integer");
  EXPECT_EQ(answer.error().partial()->choices.size(), 2u);
}

TEST(OutputCheck, SchemasAreReadBeforeAnythingIsSent) {
  bool opened = false;
  const TextModel model(test::backend([&opened](auto, const Call&) {
    opened = true;
    return std::make_unique<test::FnSource>(test::play(test::text_reply({"{}"})));
  }));
  Output output = {.form = Output::Form::kJsonSchema,
                   .schema = R"({"properties":{"a":{"$ref":"http://127.0.0.1:1/x"}}})"};
  const auto answer = model.generate(asking(output));
  ASSERT_FALSE(answer);
  EXPECT_FALSE(opened);
  EXPECT_EQ(answer.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(answer.error().detail("field"), "output.schema");
  EXPECT_THAT(answer.error().message(), HasSubstr("output.schema: /properties/a/$ref: "));
  EXPECT_THAT(answer.error().message(), HasSubstr("Output::check"));
  output.check = false;  // another one may understand it
  EXPECT_TRUE(model.generate(asking(output)));
}

}  // namespace
}  // namespace infer
