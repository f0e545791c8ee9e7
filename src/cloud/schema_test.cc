#include "src/cloud/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "infer/structured.h"
#include "src/core/json.h"
#include "src/port/effort.h"

namespace infer::cloud {
namespace {

using core::Json;
using ::testing::HasSubstr;

const SchemaDialect* const kDialects[] = {&kOpenAiSchema, &kGroqSchema, &kAnthropicSchema};

std::string fitted(std::string_view schema, const SchemaDialect& dialect = kOpenAiSchema) {
  const auto fit = fit_schema(schema, dialect);
  return fit ? *fit : "unsupported " + std::string(fit.error().detail("pointer"));
}

TEST(FitSchema, WhatFitsKeepsItsBytes) {
  const std::string_view schema =
      R"({ "type":"object", "title":"\u0041",  "properties":{ "z":{"type":["string", "null"],)"
      R"("enum":[ "a","b", null ]}, "a":{ "anyOf":[ {"$ref":"#/$defs/p"}, { "type":"null" } ] } },)"
      R"("required":[ "z", "a" ], "additionalProperties":false , "$defs":{ "p":{ "type":"array",)"
      R"("items":{"type":"number"} } } })";
  for (const auto* dialect : kDialects) EXPECT_EQ(fitted(schema, *dialect), schema);
}

TEST(FitSchema, ObjectsAreClosedAndWhole) {
  EXPECT_EQ(
      fitted(
          R"({"type":"object","properties":{"b":{"type":"string"},"a":{"type":"object",)"
          R"("properties":{"x":{"type":"null"}},"additionalProperties":true}},"required":["a"]})"),
      R"({"type":"object","properties":{"b":{"type":"string"},"a":{"type":"object",)"
      R"("properties":{"x":{"type":"null"}},"additionalProperties":false,"required":["x"]}},)"
      R"("required":["b","a"],"additionalProperties":false})");
  EXPECT_EQ(
      fitted(R"({"properties":{"b":{"type":"string"}}})", kAnthropicSchema),
      R"({"properties":{"b":{"type":"string"}},"type":"object","additionalProperties":false})");
  EXPECT_EQ(fitted(R"({"type":"object","properties":{}})"),
            R"({"type":"object","properties":{},"additionalProperties":false,"required":[]})");
  EXPECT_EQ(fitted(R"({"type":"object","additionalProperties":false})"),
            R"({"type":"object","additionalProperties":false,"properties":{},"required":[]})");
}

TEST(FitSchema, WhatIsLeftOutIsTold) {
  EXPECT_EQ(fitted(R"({"type":"object","properties":{"b":{"type":"string","minLength":3,)"
                   R"("description":"B","pattern":"^x","format":"ipv9","default":"y"}},)"
                   R"("required":["b"],"additionalProperties":false})"),
            R"({"type":"object","properties":{"b":{"type":"string","description":)"
            R"("B\n\nMust also fit: {\"minLength\":3,\"format\":\"ipv9\"}","pattern":"^x"}},)"
            R"("required":["b"],"additionalProperties":false})");
  EXPECT_THAT(fitted(R"({"type":"array","items":{"type":"integer","minimum":1},"minItems":1})",
                     kAnthropicSchema),
              ::testing::AllOf(HasSubstr(R"("minItems":1)"),
                               HasSubstr(R"("description":"Must also fit: {\"minimum\":1}")")));
  EXPECT_THAT(
      fitted(R"({"type":"array","items":{"type":"integer"},"minItems":2})", kAnthropicSchema),
      HasSubstr(R"("description":"Must also fit: {\"minItems\":2}")"));
  EXPECT_EQ(fitted(R"({"type":"object","properties":{"a":{"oneOf":[{"type":"null"},)"
                   R"({"const":1}]}},"required":["a"],"additionalProperties":false})"),
            R"({"type":"object","properties":{"a":{"anyOf":[{"type":"null"},)"
            R"({"const":1,"type":"number"}]}},"required":["a"],"additionalProperties":false})");
}

TEST(FitSchema, WhatGeneratorsWrite) {
  // A reference with words, a definition as the whole.
  EXPECT_EQ(
      fitted(
          R"({"$defs":{"A":{"type":"object","properties":{"b":{"allOf":[{"$ref":"#/$defs/A"}],)"
          R"("description":"more"},"c":{"$ref":"#/$defs/A","title":"C"}}}},"$ref":"#/$defs/A"})"),
      R"({"type":"object","properties":{"b":{"$ref":"#/$defs/A"},"c":{"$ref":"#/$defs/A"}},)"
      R"("$defs":)"
      R"({"A":{"type":"object","properties":{"b":{"$ref":"#/$defs/A"},"c":{"$ref":"#/$defs/A"}},)"
      R"("additionalProperties":false,"required":["b","c"]}},"additionalProperties":false,)"
      R"("required":["b","c"]})");
}

TEST(FitSchema, WhatCannotBeNarrowed) {
  const auto member = [](std::string_view inner) {
    return R"({"type":"object","properties":{"a/b":)" + std::string(inner) + "}}";
  };
  const std::string at = "unsupported /properties/a~1b";
  EXPECT_EQ(fitted(member(R"({"type":"object","additionalProperties":{"type":"null"}})")),
            at + "/additionalProperties");
  EXPECT_EQ(fitted(member(R"({"type":"object"})")), at);
  EXPECT_EQ(fitted(member(R"({"type":"object","patternProperties":{"a":{}}})")),
            at + "/patternProperties");
  EXPECT_EQ(fitted(member("{}")), at);
  EXPECT_EQ(fitted(member("true")), at);
  EXPECT_EQ(fitted(member(R"({"type":"array"})")), at);
  EXPECT_EQ(fitted(member(R"({"type":"array","prefixItems":[{"type":"null"}]})")), at);
  EXPECT_EQ(fitted(member(R"({"allOf":[{"type":"null"},{"type":"null"}]})")), at + "/allOf");
  // No member at all: those of the inner schema are not seen from beside it.
  EXPECT_EQ(fitted(member(R"({"allOf":[{"type":"object","properties":{"a":{"type":"null"}}}],)"
                          R"("additionalProperties":false})")),
            at + "/allOf");
  EXPECT_EQ(fitted(member(R"({"$ref":"#/properties/a~1b"})")), at + "/$ref");
  EXPECT_EQ(fitted(member(R"({"type":"object","properties":{},"required":["x"]})")),
            at + "/required");
  for (const char* root : {R"({"type":"array","items":{"type":"null"}})", R"({"type":"string"})",
                           R"({"anyOf":[{"type":"null"}]})", "{}"})
    EXPECT_EQ(fitted(root), "unsupported ") << root;
  EXPECT_EQ(fitted(member(R"({"$ref":"#"})"), kAnthropicSchema), "unsupported ");
  EXPECT_EQ(fitted(R"({"type":"array","items":{"$ref":"#/$defs/a"},"$defs":{"a":{"type":"array",)"
                   R"("items":{"$ref":"#/$defs/a"}}}})",
                   kAnthropicSchema),
            "unsupported /$defs/a");
}

TEST(FitSchema, Limits) {
  std::string deep = R"({"type":"null"})";
  for (int i = 0; i < 10; ++i) deep = R"({"type":"object","properties":{"a":)" + deep + "}}";
  EXPECT_TRUE(fit_schema(deep, kOpenAiSchema));
  deep = R"({"type":"object","properties":{"a":)" + deep + "}}";
  EXPECT_THAT(fit_schema(deep, kOpenAiSchema).error().message(), HasSubstr("at most 10 levels"));
  const auto with_members = [](int n) {
    std::string out = R"({"type":"object","properties":{)";
    for (int i = 0; i < n; ++i)
      out += (i > 0 ? "," : "") + ("\"" + std::to_string(i)) + R"(":{"type":"null"})";
    return out + "}}";
  };
  EXPECT_TRUE(fit_schema(with_members(5000), kOpenAiSchema));
  EXPECT_THAT(fit_schema(with_members(5001), kOpenAiSchema).error().message(),
              HasSubstr("at most 5000 members"));
  EXPECT_TRUE(fit_schema(with_members(5001), kAnthropicSchema));
}

TEST(FitSchema, ForRequests) {
  Output output = {.form = Output::Form::kJsonSchema, .schema = R"({"type":"array"})"};
  EXPECT_EQ(*output_schema(output, nullptr), output.schema);
  const auto refused = output_schema(output, &kOpenAiSchema);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Errc::kUnsupported);
  EXPECT_EQ(refused.error().detail("field"), "output.schema");
  EXPECT_THAT(refused.error().message(), HasSubstr("set Output::strict to false"));
  output.strict = false;
  EXPECT_EQ(*output_schema(output, &kOpenAiSchema), output.schema);

  std::vector<Warning> warnings;
  ToolSchema tool = tool_schema({.name = "f", .strict = true}, &kOpenAiSchema, warnings);
  EXPECT_THAT(tool.schema, HasSubstr(R"("additionalProperties":false)"));
  EXPECT_EQ(tool.strict, true);
  EXPECT_TRUE(warnings.empty());
  tool = tool_schema({.name = "f", .schema = "{}", .strict = true}, &kOpenAiSchema, warnings);
  EXPECT_EQ(tool.schema, "{}");
  EXPECT_EQ(tool.strict, false);
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(warnings[0].code, "adjusted_setting");
  tool = tool_schema({.name = "f", .schema = "{}"}, &kOpenAiSchema, warnings);
  EXPECT_EQ(tool.strict, std::nullopt);
  EXPECT_EQ(warnings.size(), 1u);
}

// ---- narrowing, as a property

class RandomSchema {
 public:
  explicit RandomSchema(unsigned seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }
  bool chance(std::size_t one_in) { return below(one_in) == 0; }

  Json schema(int depth) {
    const std::size_t kind = below(depth > 3 ? 4 : 8);
    Json out = Json::object();
    if (kind == 0) {
      out["enum"] = Json::array({"a", 1, nullptr});
    } else if (kind == 1) {
      out["type"] = "string";
      if (chance(2)) out["maxLength"] = below(3);
      if (chance(3)) out["pattern"] = "a";
      if (chance(4)) out["format"] = "date";
    } else if (kind == 2) {
      out["type"] = chance(2) ? Json("integer") : Json::array({"number", "null"});
      if (chance(2)) out["minimum"] = 1;
      if (chance(3)) out["multipleOf"] = 2;
    } else if (kind == 3) {
      out["$ref"] = chance(2) ? "#/$defs/leaf" : "#/$defs/pair";
      if (chance(3)) out["description"] = "words";
    } else if (kind == 4) {
      out["type"] = "array";
      out["items"] = schema(depth + 1);
      if (chance(2)) out["minItems"] = below(3);
      if (chance(3)) out["uniqueItems"] = true;
    } else if (kind == 5) {
      for (std::size_t n = 1 + below(3); n > 0; --n)
        out[chance(2) ? "anyOf" : "oneOf"].push_back(schema(depth + 1));
    } else {
      object(out, depth);
    }
    if (chance(4)) out["description"] = "said";
    return out;
  }
  void object(Json& out, int depth) {
    if (!chance(4)) out["type"] = "object";
    for (const char* name : {"a", "b", "c/d"})
      if (!chance(3)) out["properties"][name] = schema(depth + 1);
    for (const char* name : {"a", "b"})
      if (out.contains("properties") && out["properties"].contains(name) && chance(2))
        out["required"].push_back(name);
    if (chance(3)) out["additionalProperties"] = chance(2);
    if (chance(4)) out["minProperties"] = 2;
    if (chance(8)) out["patternProperties"]["x"] = Json::object();
  }
  Json document() {
    Json out = Json::object();
    object(out, 0);
    out["$defs"]["leaf"] = schema(9);
    if (out["$defs"]["leaf"].contains("$ref")) out["$defs"]["leaf"] = {{"type", "null"}};
    out["$defs"]["pair"] = Json::object();
    object(out["$defs"]["pair"], 3);
    return out;
  }

  // A value that has a chance.
  Json value(const Json& schema, const Json& root, int depth = 0) {
    if (depth > 12) return nullptr;
    if (schema.contains("$ref"))
      return value(root["$defs"][schema["$ref"].get<std::string>().substr(8)], root, depth + 1);
    for (const char* choice : {"anyOf", "oneOf"})
      if (schema.contains(choice))
        return value(schema[choice][below(schema[choice].size())], root, depth + 1);
    if (schema.contains("enum")) return schema["enum"][below(schema["enum"].size())];
    const Json type = schema.value("type", Json("object"));
    if (type == "string") return Json::array({"", "a", "ba", "abc", "x"})[below(5)];
    if (type == "array") {
      Json out = Json::array();
      for (std::size_t n = below(4); n > 0; --n)
        out.push_back(value(schema["items"], root, depth + 1));
      return out;
    }
    if (type != "object") return Json::array({0, 1, 2, 3, 2.5, nullptr})[below(6)];
    Json out = Json::object();
    if (schema.contains("properties"))
      for (const auto& [name, inner] : schema["properties"].items())
        if (!chance(6)) out[name] = value(inner, root, depth + 1);
    if (chance(5)) out["other"] = 1;
    return out;
  }

 private:
  std::minstd_rand random_;
};

// Without what the dialect leaves out: references alone, "oneOf" as "anyOf", its keywords only.
Json without_left_out(const Json& schema, const SchemaDialect& dialect) {
  Json out = Json::object();
  if (schema.contains("$ref")) {
    out["$ref"] = schema["$ref"];
    return out;
  }
  for (const auto& [keyword, value] : schema.items()) {
    if (keyword == "properties" || keyword == "$defs") {
      for (const auto& [name, inner] : value.items())
        out[keyword][name] = without_left_out(inner, dialect);
    } else if (keyword == "items") {
      out[keyword] = without_left_out(value, dialect);
    } else if (keyword == "anyOf" || keyword == "oneOf") {
      for (const Json& one : value) out["anyOf"].push_back(without_left_out(one, dialect));
    } else if (keyword == "enum" || keyword == "type" || keyword == "required" ||
               keyword == "additionalProperties") {
      out[keyword] = value;
    } else if (dialect.keywords.find(" " + keyword + " ") != dialect.keywords.npos) {
      if (keyword != "minItems" || value.get<std::size_t>() <= dialect.max_min_items)
        out[keyword] = value;
    }
  }
  return out;
}

TEST(FitSchema, LetsInNoMore) {
  std::size_t made = 0, fits = 0, narrower = 0;
  for (unsigned seed = 0; seed < port::effort(1200u); ++seed) {
    RandomSchema random(seed);
    const Json original = random.document();
    for (const auto* dialect : kDialects) {
      const std::string text = core::dump_json(original);
      const auto fit = fit_schema(text, *dialect);
      if (!fit) {
        ASSERT_EQ(fit.error().code(), Errc::kUnsupported);
        continue;
      }
      ++made;
      ASSERT_EQ(fitted(*fit, *dialect), *fit) << "again: " << text;
      const std::string kept = core::dump_json(without_left_out(original, *dialect));
      for (int i = 0; i < 5; ++i) {
        const std::string value =
            core::dump_json(random.value(Json::parse(*fit), Json::parse(*fit)));
        const bool in_fitted = check_json(value, *fit).has_value();
        const bool in_kept = check_json(value, kept).has_value();
        ASSERT_TRUE(!in_fitted || in_kept) << value << "\n" << *fit << "\n" << text;
        fits += in_fitted ? 1 : 0;
        narrower += in_kept && !in_fitted ? 1 : 0;
      }
    }
  }
  EXPECT_GT(made, port::effort(200u));
  EXPECT_GT(fits, port::effort(200u));
  EXPECT_GT(narrower, port::effort(20u));
}

// Whatever comes: an answer, and no harm.
TEST(FitSchema, AnyJson) {
  for (const char* schema :
       {"[]", "1", "null", R"({"properties":1})", R"({"type":"object","properties":[]})",
        R"({"anyOf":{}})", R"({"allOf":1})", R"({"allOf":[]})", R"({"enum":1,"type":"object"})",
        R"({"$ref":1})", R"({"$defs":1,"$ref":"#/$defs/a"})", R"({"required":1,"properties":{}})",
        R"({"type":1})", R"({"type":[]})", R"({"items":[],"type":"array"})", R"({"items":1})",
        R"({"type":"object","properties":{"a":1},"additionalProperties":1})",
        R"({"const":{"a":1}})", R"({"description":1,"type":"object","not":{},"properties":{}})"})
    for (const auto* dialect : kDialects) {
      const auto fit = fit_schema(schema, *dialect);
      EXPECT_TRUE(!fit || core::parse_json(*fit)) << schema;
    }
}

}  // namespace
}  // namespace infer::cloud
