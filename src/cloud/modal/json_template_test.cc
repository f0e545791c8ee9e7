#include "src/cloud/modal/json_template.h"

#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

#include "src/cloud/modal/json_pointer.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

constexpr std::array<std::string_view, 4> kSome = {"prompt", "n", "stop", "unset"};

JsonTemplate parsed(const std::string& text) {
  auto made = JsonTemplate::parse(text, kSome);
  EXPECT_TRUE(made) << text << ' ' << made.error();
  return std::move(*made);
}

TemplateValues some_values() {
  TemplateValues values;
  values.text("prompt", "say \"hi\"\n{{n}}");
  values.json("n", "3");
  values.json("stop", R"(["a","b"])");
  return values;
}

TEST(JsonTemplate, NamesBecomeValuesInTheirOwnType) {
  const struct {
    const char* text;
    const char* filled;
  } rows[] = {
      {R"({"p":"{{prompt}}"})", R"({"p":"say \"hi\"\n{{n}}"})"},
      {R"({"z":"{{n}}","a":"{{ stop }}"})", R"({"z":3,"a":["a","b"]})"},
      {R"({"p":"<{{prompt}}>{{n}}"})", R"({"p":"<say \"hi\"\n{{n}}>3"})"},
      {R"("{{prompt}}")", R"("say \"hi\"\n{{n}}")"},
      {R"([1,"{{unset}}",2,{"x":"{{unset}}"},["{{unset}}"]])", "[1,2,{},[]]"},
      {R"({"a":"{{unset}}","b":1,"c":"{{unset}}"})", R"({"b":1})"},
      {R"({"a":"-{{unset}}-"})", R"({"a":"--"})"},
      // The rest stays as it is: order, numbers as they were written.
      {R"({ "z": 1.50, "a": 12345678901234567890123, "p":"{{n}}" })",
       R"({"z":1.50,"a":12345678901234567890123,"p":3})"},
      {R"({"a b\"c":"}} { {","n":"{{n}}"})", R"({"a b\"c":"}} { {","n":3})"},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.text).fill(some_values()), row.filled);
  EXPECT_EQ(parsed(R"("{{unset}}")").fill(some_values()), std::nullopt);
  EXPECT_TRUE(parsed(R"({"p":["x {{prompt}}"]})").names("prompt"));
  EXPECT_FALSE(parsed(R"({"p":["x {{prompt}}"]})").names("n"));
}

TEST(JsonTemplate, WhatIsNoTemplateSaysWhy) {
  const struct {
    const char* text;
    const char* why;
  } rows[] = {
      {"", "is empty"},
      {"{", "is no JSON"},
      {R"({"p":{{prompt}}})", "is no JSON"},
      {R"({"p":"{{prompt"})", "without its '}}'"},
      {R"({"p":"{{promt}}"})", "{{promt}}, which is no value of a request; there are prompt"},
      {R"({"p":"{{}}"})", "{{}}"},
      {R"({"p":"{{{prompt}}}"})", "{{{prompt}}"},
      {R"({"{{prompt}}":1})", "in the key"}};
  for (const auto& row : rows) {
    const auto made = JsonTemplate::parse(row.text, kSome);
    ASSERT_FALSE(made) << row.text;
    EXPECT_EQ(made.error().code(), Errc::kInvalidRequest);
    EXPECT_NE(made.error().message().find(row.why), std::string::npos) << made.error();
  }
  const std::string deep = std::string(200, '[') + std::string(200, ']');
  EXPECT_FALSE(JsonTemplate::parse(deep, kSome));
}

// ---- random templates against an oracle that works on values instead of bytes

class RandomTemplate {
 public:
  explicit RandomTemplate(std::uint32_t seed) : random_(seed) { random_.discard(8); }

  core::Json value(int depth) {
    switch (random_() % (depth > 4 ? 5 : 7)) {
      case 0: return core::Json(random_() % 1000);
      case 1: return core::Json(true);
      case 2: return core::Json(text());
      case 3: return core::Json("{{" + name() + "}}");
      case 4: return core::Json(text() + "{{" + name() + "}}" + text() + "{{" + name() + "}}");
      case 5: {
        core::Json array = core::Json::array();
        for (std::uint32_t n = random_() % 4; n > 0; --n) array.push_back(value(depth + 1));
        return array;
      }
      default: break;
    }
    core::Json object = core::Json::object();
    for (std::uint32_t n = random_() % 4; n > 0; --n)
      object[text() + std::to_string(n)] = value(depth + 1);
    return object;
  }
  std::string text() {
    const std::array<const char*, 8> pieces = {"a", "\"", "\\", "\n", "\xC3\xA9", "{", "}", " "};
    std::string out;
    for (std::uint32_t n = random_() % 5; n > 0; --n) {
      const std::string piece = pieces[random_() % pieces.size()];
      if (piece != "{" || !out.ends_with('{')) out += piece;  // a "{{" of its own opens a name
    }
    return out.ends_with('{') ? out + "." : out;
  }
  std::string name() { return std::string(kSome[random_() % kSome.size()]); }

 private:
  std::minstd_rand random_;
};

struct OracleValues {
  std::map<std::string, core::Json> values{};
  std::string as_text(const std::string& name) const {
    const auto found = values.find(name);
    if (found == values.end()) return {};
    return found->second.is_string() ? found->second.get<std::string>() : found->second.dump();
  }
};

// Nothing: left out.
std::optional<core::Json> oracle(const core::Json& json, const OracleValues& with) {
  if (json.is_array()) {
    core::Json out = core::Json::array();
    for (const core::Json& element : json)
      if (auto filled = oracle(element, with)) out.push_back(*filled);
    return out;
  }
  if (json.is_object()) {
    core::Json out = core::Json::object();
    for (const auto& [key, element] : json.items())
      if (auto filled = oracle(element, with)) out[key] = *filled;
    return out;
  }
  if (!json.is_string()) return json;
  const std::string text = json.get<std::string>();
  for (const std::string_view name : kSome)
    if (text == "{{" + std::string(name) + "}}") {
      const auto found = with.values.find(std::string(name));
      if (found == with.values.end()) return std::nullopt;
      return found->second;
    }
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    if (text.compare(at, 2, "{{") != 0) {
      out += text[at++];
      continue;
    }
    const std::size_t close = text.find("}}", at);
    out += with.as_text(text.substr(at + 2, close - at - 2));
    at = close + 2;
  }
  return core::Json(out);
}

TEST(JsonTemplate, WhatIsFilledIsJsonAndHoldsExactlyTheValues) {
  for (std::uint32_t seed = 1; seed <= 3000; ++seed) {
    RandomTemplate random(seed);
    const core::Json shape = random.value(0);
    OracleValues expected;
    TemplateValues values;
    const std::string prompt = random.text() + "{{prompt}}" + random.text();
    values.text("prompt", prompt);
    expected.values["prompt"] = prompt;
    if (seed % 3 != 0) {
      values.json("n", std::to_string(seed));
      expected.values["n"] = seed;
    }
    const core::Json stop = core::Json::array({random.text(), random.text()});
    values.json("stop", stop.dump());
    expected.values["stop"] = stop;

    const auto made = JsonTemplate::parse(seed % 2 ? shape.dump() : shape.dump(2), kSome);
    ASSERT_TRUE(made) << shape.dump() << ' ' << made.error();
    const auto filled = made->fill(values);
    const auto want = oracle(shape, expected);
    ASSERT_EQ(filled.has_value(), want.has_value()) << shape.dump();
    if (!want) continue;
    const auto json = core::parse_json(*filled);
    ASSERT_TRUE(json) << *filled;
    EXPECT_EQ(*json, *want) << shape.dump();
  }
}

// ---- pointers

TEST(JsonPointer, TheExamplesOfTheRfc) {
  const auto document =
      core::parse_json(R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,)"
                       R"("k\"l":6," ":7,"m~n":8})");
  ASSERT_TRUE(document);
  const std::pair<const char*, const char*> rows[] = {{"/foo", R"(["bar","baz"])"},
                                                      {"/foo/0", R"("bar")"},
                                                      {"/", "0"},
                                                      {"/a~1b", "1"},
                                                      {"/c%d", "2"},
                                                      {"/e^f", "3"},
                                                      {"/g|h", "4"},
                                                      {"/i\\j", "5"},
                                                      {"/k\"l", "6"},
                                                      {"/ ", "7"},
                                                      {"/m~0n", "8"}};
  for (const auto& [text, value] : rows) {
    const auto pointer = JsonPointer::parse(text);
    ASSERT_TRUE(pointer) << text;
    const core::Json* const found = pointer->find(*document);
    ASSERT_NE(found, nullptr) << text;
    EXPECT_EQ(found->dump(), value) << text;
  }
  EXPECT_EQ(JsonPointer::parse("")->find(*document), &*document);
  for (const char* text : {"/foo/2", "/foo/-", "/foo/01", "/foo/+1", "/foo/x", "/foo/0/x", "/bar",
                           "/foo/99999999999999999999", "/foo/", "//"})
    EXPECT_EQ(JsonPointer::parse(text)->find(*document), nullptr) << text;
  for (const char* text : {"foo", "foo/0", "/a~2", "/a~", "#/foo"}) {
    const auto pointer = JsonPointer::parse(text);
    ASSERT_FALSE(pointer) << text;
    EXPECT_EQ(pointer.error().code(), Errc::kInvalidRequest);
  }
}

}  // namespace
}  // namespace infer::cloud
