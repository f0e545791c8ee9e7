// JSON Schemas: what texts their grammars hold, that every text they let through is JSON that fits,
// and what is refused.
#include "schema.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "vocab_fixture.h"

namespace infer::llama {
namespace {

using Json = nlohmann::ordered_json;

std::string grammar(const std::string& schema) {
  std::vector<Warning> warnings;
  const std::string out = schema_grammar(schema, true, warnings);
  EXPECT_TRUE(warnings.empty());
  return out;
}

// The texts that are wanted and those that are not.
void expect_texts(const std::string& schema, const std::vector<std::string>& good,
                  const std::vector<std::string>& bad) {
  const std::string gbnf = grammar(schema);
  for (const std::string& text : good) EXPECT_TRUE(satisfies(gbnf, text)) << schema << "\n" << text;
  for (const std::string& text : bad) EXPECT_FALSE(satisfies(gbnf, text)) << schema << "\n" << text;
}

TEST(Schema, ObjectsKeepTheOrderTheyAreWrittenIn) {
  expect_texts(R"({"type":"object","properties":{"z":{"type":"integer"},"a":{"type":"null"},
                   "m":{"type":"boolean"}},"required":["m","z"]})",
               {R"({"z": 1, "a": null, "m": true})", R"({"z":-20,"m":false})",
                "{\n  \"z\": 0,\n  \"m\": true\n}"},
               {R"({"m": true, "z": 1})", R"({"z": 1})", R"({"z": 1, "m": true, "x": 1})", "{}",
                R"({"z": 1, "m": true,})", R"({"z": 01, "m": true})"});
  expect_texts(R"({"type":"object","properties":{"a":{"const":1},"b":{"const":2}}})",
               {"{}", R"({"a":1})", R"({"b":2})", R"({"a":1,"b":2})"},
               {R"({"b":2,"a":1})", R"({,"b":2})", R"({"a":1,})"});
}

TEST(Schema, FurtherProperties) {
  expect_texts(R"({"type":"object","properties":{"ab":{"const":1}},"additionalProperties":
                   {"type":"integer"}})",
               {"{}", R"({"ab":1,"a":2,"abc":3,"x":4})", R"({"":5})", R"({"ax":5})"},
               {R"({"ab":2})", R"({"a":2,"ab":2})", R"({"x":"y"})", R"({"\u0061b":2})"});
  expect_texts(R"({"type":"object","required":["k"]})", {R"({"k":[1]})"}, {"{}"});
  expect_texts(R"({"type":"object","properties":{"gone":false}})", {"{}"}, {R"({"gone":1})"});
  expect_texts(R"({"type":"object"})", {"{}", R"({"a":{"b":[1,2,{"c":null}]}, "a":1.5e3})"},
               {"[]", "1", "{", R"({"a"})", R"({a:1})"});
}

TEST(Schema, ArraysAndTuples) {
  expect_texts(R"({"type":"array","items":{"type":"boolean"},"minItems":1,"maxItems":3})",
               {"[true]", "[true, false]", "[true,\n true, true]"},
               {"[]", "[true,true,true,true]", "[1]", "[true,]", "[true true]"});
  expect_texts(R"({"type":"array","items":{"const":0},"maxItems":1})", {"[]", "[0]"}, {"[0,0]"});
  expect_texts(R"({"type":"array","maxItems":0})", {"[]"}, {"[1]"});
  expect_texts(R"({"type":"array","items":{"const":0},"minItems":2})", {"[0,0]", "[0,0,0]"},
               {"[]", "[0]"});
  expect_texts(R"({"type":"array","prefixItems":[{"const":1},{"const":2}],"items":{"const":3}})",
               {"[1,2]", "[1,2,3,3]"}, {"[1]", "[2,1]", "[1,2,4]"});
  expect_texts(R"({"items":[{"const":1},{"const":2}],"additionalItems":false})", {"[1,2]"},
               {"[1,2,3]"});
  expect_texts(R"({"type":"array"})", {"[]", R"([1,"a",[[]],{}])"}, {"{}"});
}

TEST(Schema, StringsFormatsAndPatterns) {
  expect_texts(R"({"type":"string","minLength":2,"maxLength":3})",
               {R"("ab")", R"("\n\u00e9x")", R"("\ud83d\ude00a")", "\"\u20ac\u20ac\""},
               {R"("a")", R"("abcd")", R"("\ud83d\ude00")", R"("\ud83dxx")", "\"a\nb\""});
  expect_texts(R"({"format":"date"})", {R"("2024-02-28")", R"("1999-12-31")"},
               {R"("2024-02-30")", R"("2024-13-01")", R"("2024-04-31")", R"("2024-1-1")"});
  expect_texts(R"({"format":"date-time"})",
               {R"("2024-02-28T23:59:00Z")", R"("2024-02-28T00:00:00.5+01:00")"},
               {R"("2024-02-28")", R"("2024-02-28T24:00:00Z")"});
  expect_texts(R"({"format":"ipv4"})", {R"("127.0.0.1")", R"("255.255.255.255")"},
               {R"("256.0.0.1")", R"("1.2.3")", R"("01.2.3.4")"});
  expect_texts(R"({"format":"uuid"})", {R"("01234567-89ab-cdef-0123-456789abcdef")"},
               {R"("0123")"});
  expect_texts(R"({"pattern":"^[A-Z]{2,3}-\\d+$"})", {R"("AB-1")", R"("ABC-42")"},
               {R"("A-1")", R"("AB-")", R"("xAB-1")", R"("AB-1x")"});
  expect_texts(R"({"pattern":"^a|b$"})", {R"("axx")", R"("xxb")"}, {R"("xxa")", R"("bxx")"});
  expect_texts(R"({"pattern":"cat"})", {R"("cat")", R"("concatenate")"}, {R"("cut")"});
  // What JSON must escape is escaped.
  expect_texts(R"({"pattern":"^\"[\\\\\\n]\\s?.$"})", {R"("\"\\ x")", R"("\"\n\t\"")"},
               {R"("\"x")", "\"\"\\\\x\""});
  expect_texts(R"({"pattern":"^(?:ab|(c|d)e?){2}[^\\w]$"})", {R"("abc-")", R"("dede ")"},
               {R"("ab-")", R"("abca")"});
}

TEST(Schema, EnumsUnionsAndReferences) {
  expect_texts(R"({"enum":["a","b\"c",1,null,{"k":[1]}]})",
               {R"("a")", R"("b\"c")", "1", "null", R"({"k":[1]})"}, {R"("b")", "2", ""});
  expect_texts(R"({"type":["string","null"],"maxLength":1})", {"null", R"("x")", R"("")"},
               {R"("xx")", "1"});
  expect_texts(R"({"type":"string","enum":["a",1]})", {R"("a")"}, {"1"});
  expect_texts(R"({"anyOf":[{"type":"integer"},{"const":"x"}]})", {"12", R"("x")"}, {R"("y")"});
  expect_texts(R"({"oneOf":[{"type":"integer"},{"type":"string"}]})", {"12", R"("x")"}, {"[]"});
  expect_texts(R"({"oneOf":[
      {"type":"object","properties":{"t":{"const":"a"},"x":{"type":"null"}},"required":["t","x"]},
      {"type":"object","properties":{"t":{"const":"b"}},"required":["t"]}]})",
               {R"({"t":"a","x":null})", R"({"t":"b"})"},
               {R"({"t":"a"})", R"({"t":"b","x":null})"});
  expect_texts(R"({"allOf":[{"properties":{"a":{"const":1}},"required":["a"]},{"$ref":"#/$defs/b"}],
                   "$defs":{"b":{"type":"object","properties":{"b":{"const":2}},)"
               R"("required":["b"]}}})",
               {R"({"a":1,"b":2})"}, {R"({"a":1})", R"({"b":2})"});
  expect_texts(R"({"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":{"const":7}}})", {"7"}, {"8"});
  const std::string tree = R"({"$ref":"#/$defs/n","$defs":{"n":{"type":"object","properties":
      {"v":{"type":"integer"},"kids":{"type":"array","items":{"$ref":"#/$defs/n"}}},
      "required":["v","kids"]}}})";
  expect_texts(tree,
               {R"({"v":1,"kids":[]})", R"({"v":1,"kids":[{"v":2,"kids":[]},{"v":3,"kids":[]}]})"},
               {R"({"v":1})", R"({"v":1,"kids":[{}]})"});
  expect_texts("true", {"1", "{}", "null"}, {"nul"});
  expect_texts("{}", {"1", R"({"a":[]})"}, {""});
}

// Each whole number from -1,200 to 1,200 against bounds of every kind.
TEST(Schema, BoundsOfNumbersHoldExactly) {
  const std::pair<int, int> ranges[] = {{0, 0},      {0, 9},       {1, 10},     {7, 123},
                                        {-5, 5},     {-100, -1},   {-123, 456}, {100, 199},
                                        {999, 1001}, {-1000, 1000}};
  for (const auto& range : ranges) {
    for (const bool whole : {true, false}) {
      const std::string gbnf =
          grammar(std::string("{\"type\":\"") + (whole ? "integer" : "number") +
                  "\",\"minimum\":" + std::to_string(range.first) +
                  ",\"maximum\":" + std::to_string(range.second) + "}");
      for (int n = -1200; n <= 1200; ++n) {
        ASSERT_EQ(satisfies(gbnf, std::to_string(n)), n >= range.first && n <= range.second)
            << n << " in " << range.first << ".." << range.second;
      }
    }
  }
  expect_texts(R"({"type":"integer","minimum":18})", {"18", "19", "100", "9007199254740992"},
               {"17", "1", "-18", "018"});
  expect_texts(R"({"type":"integer","exclusiveMaximum":0})", {"-1", "-123456"}, {"0", "1", "-0"});
  expect_texts(R"({"type":"number","minimum":0})", {"0", "0.25", "1234.5"},
               {"-1", "-0.5", ".5", "1."});
  expect_texts(R"({"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1})", {"0.5", "0.001"},
               {"0", "1", "0.0", "1.0", "-0.5"});
  expect_texts(R"({"type":"number","minimum":-1,"maximum":1})", {"-1", "-0.5", "0", "0.99", "1"},
               {"-1.1", "1.1", "2"});
  expect_texts(R"({"type":"integer","minimum":1.5,"maximum":3.5,"multipleOf":1})", {"2", "3"},
               {"1", "4"});
  expect_texts(R"({"type":"number"})", {"-1.5e-9", "0", "1E+5"}, {"01", "+1", "1e", "1e999"});
}

struct Refused {
  const char* schema;
  const char* names;
  int code;
};

TEST(Schema, WhatCannotBeHeldIsRefusedByName) {
  const int unsupported = INFER_E_UNSUPPORTED, invalid = INFER_E_INVALID_REQUEST;
  const Refused cases[] = {
      {R"j({"type":"object","minProperties":1})j", "\"minProperties\"", unsupported},
      {R"j({"type":"object","patternProperties":{"a":{}}})j", "\"patternProperties\"", unsupported},
      {R"j({"type":"array","uniqueItems":true})j", "\"uniqueItems\"", unsupported},
      {R"j({"type":"array","contains":{}})j", "\"contains\"", unsupported},
      {R"j({"type":"number","multipleOf":0.5})j", "\"multipleOf\"", unsupported},
      {R"j({"type":"number","minimum":0.5})j", "\"minimum\"", unsupported},
      {R"j({"type":"string","format":"email"})j", "email", unsupported},
      {R"j({"type":"string","pattern":"a(?=b)"})j", "look-ahead", unsupported},
      {R"j({"type":"string","pattern":"(a)\\1"})j", "back references", unsupported},
      {R"j({"type":"string","pattern":"^a$","maxLength":3})j", "\"maxLength\"", unsupported},
      {R"j({"not":{"type":"null"}})j", "\"not\"", unsupported},
      {R"j({"if":{},"then":{}})j", "\"if\"", unsupported},
      {R"j({"oneOf":[{"type":"integer"},{"type":"number"}]})j", "\"oneOf\"", unsupported},
      {R"j({"allOf":[{"type":"string"},{"type":"string"}]})j", "\"allOf\"", unsupported},
      {R"({"type":"object","properties":{"a":{"type":"string","maxlength":3}}})",
       "#/properties/a: the keyword \"maxlength\"", unsupported},
      {R"j({"$ref":"http://example.com/x"})j", "out of the schema", unsupported},
      {R"j({"$ref":"#/nowhere"})j", "leads nowhere", invalid},
      {R"j({"$ref":"#anchor"})j", "no JSON pointer", invalid},
      {R"j({"type":"string","pattern":"a("})j", "'(' without", invalid},
      {R"j({"type":"string","pattern":"[b-a]"})j", "backwards", invalid},
      {R"j({"type":"string","pattern":"a**"})j", "quantifiers", invalid},
      {R"j({"type":"string","minLength":-1})j", "minLength", invalid},
      {R"j({"type":"string","minLength":3,"maxLength":2})j", "below minLength", invalid},
      {R"j({"type":"strin"})j", "type must be", invalid},
      {R"j({"enum":[]})j", "at least one value", invalid},
      {R"j({"type":"string","enum":[1]})j", "has the type", invalid},
      {R"j({"type":"integer","minimum":5,"maximum":4})j", "between the bounds", invalid},
      {R"j({"properties":[]})j", "must be an object", invalid},
      {R"j({"required":"a"})j", "array of names", invalid},
      {R"j({"additionalProperties":false,"required":["a"],"properties":{}})j", "requires \"a\"",
       invalid},
      {"false", "allows no value", invalid},
      {"3", "must be an object or a boolean", invalid},
      {"{", "not valid JSON", invalid},
  };
  for (const Refused& each : cases) {
    std::vector<Warning> warnings;
    try {
      schema_grammar(each.schema, true, warnings);
      ADD_FAILURE() << each.schema;
    } catch (const Refusal& e) {
      EXPECT_EQ(e.code(), each.code) << each.schema << ": " << e.what();
      EXPECT_NE(std::string(e.what()).find(each.names), std::string::npos) << e.what();
      EXPECT_NE(e.details().find("output.schema"), std::string::npos);
    }
    if (each.code != unsupported || std::string(each.schema).find("http") != std::string::npos)
      continue;
    schema_grammar(each.schema, false, warnings);
    EXPECT_FALSE(warnings.empty()) << each.schema;
  }
}

TEST(Schema, EndlessDeepAndHugeOnes) {
  std::vector<Warning> warnings;
  std::string deep, many = "{\"properties\":{";
  for (int i = 0; i < 1000; ++i) deep += "{\"items\":";
  for (int i = 0; i < 3000; ++i)
    many += (i > 0 ? ",\"p" : "\"p") + std::to_string(i) +
            "\":{\"type\":\"integer\",\"minimum\":" + std::to_string(i) + "}";
  EXPECT_THROW(schema_grammar(deep + "1" + std::string(1000, '}'), true, warnings), Refusal);
  EXPECT_THROW(schema_grammar(many + "}}", true, warnings), Refusal);
  EXPECT_THROW(schema_grammar("\"" + std::string(300000, 'a') + "\"", true, warnings), Refusal);
  // These are schemas, but nothing finite satisfies them.
  for (const char* endless :
       {R"({"$ref":"#"})",
        R"({"type":"object","properties":{"a":{"$ref":"#"}},"required":["a"]})"}) {
    EXPECT_NE(refusal_of(schema_grammar(endless, true, warnings)).find("finite length"),
              std::string::npos);
  }
  // A chain of references as long as the schema is.
  std::string chain = "{\"$ref\":\"#/$defs/d0\",\"$defs\":{";
  for (int i = 0; i < 500; ++i)
    chain +=
        "\"d" + std::to_string(i) + "\":{\"$ref\":\"#/$defs/d" + std::to_string(i + 1) + "\"},";
  EXPECT_TRUE(satisfies(schema_grammar(chain + "\"d500\":{\"const\":1}}}", true, warnings), "1"));
}

// Random tokens of those allowed, those that close something more often: what is complete is JSON.
std::string random_text(const std::string& gbnf, uint32_t seed) {
  GrammarState state = state_of(gbnf);
  std::mt19937 random(seed);
  std::string text;
  for (int step = 0; step < 400; ++step) {
    const std::vector<uint8_t>& allowed = *state.allowed();
    std::vector<llama_token> open;
    for (llama_token id = 0; id < tiny_vocabulary().size(); ++id) {
      if (allowed[static_cast<std::size_t>(id)] == 0) continue;
      const std::string_view piece = tiny_vocabulary().pieces().bytes(id);
      const bool closes =
          piece == "\"" || piece == "}" || piece == "]" || tiny_vocabulary().ends_reply(id);
      open.insert(open.end(), closes ? 60 : 1, id);
    }
    EXPECT_FALSE(open.empty()) << text;
    if (open.empty()) return {};
    const llama_token next = open[random() % open.size()];
    if (tiny_vocabulary().ends_reply(next)) return text;
    text += tiny_vocabulary().pieces().bytes(next);
    state.accept(next);
  }
  return {};
}

TEST(Schema, WhateverEndsIsJson) {
  const std::string schema = R"({"type":"object","properties":{
      "name":{"type":"string"},"kind":{"enum":["cat","dog","caf\u00e9"]},
      "tags":{"type":"array","items":{"type":"string","maxLength":8},"maxItems":3},
      "size":{"type":"object","properties":{"w":{"type":"number","minimum":0},)"
                             R"("h":{"type":"number"}},
              "required":["w"]},
      "n":{"type":"integer","minimum":-7,"maximum":42},"any":{}},
      "required":["name","kind","n"],"additionalProperties":{"type":"boolean"}})";
  const std::string fixed = grammar(schema), any = json_object_grammar();
  int ended = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const std::string object = random_text(any, seed);
    if (!object.empty()) {
      ++ended;
      EXPECT_TRUE(Json::parse(object, nullptr, false).is_object()) << object;
    }
    const std::string text = random_text(fixed, seed);
    if (text.empty()) continue;
    ++ended;
    const Json value = Json::parse(text, nullptr, false);
    ASSERT_TRUE(value.is_object()) << text;
    EXPECT_TRUE(value["name"].is_string()) << text;
    EXPECT_TRUE(value["kind"] == "cat" || value["kind"] == "dog" || value["kind"] == "caf\u00e9");
    EXPECT_TRUE(value["n"].is_number_integer() && value["n"] >= -7 && value["n"] <= 42) << text;
    if (value.contains("size")) {
      EXPECT_GE(value["size"]["w"].get<double>(), 0) << text;
    }
    if (value.contains("tags")) {
      EXPECT_LE(value["tags"].size(), 3u) << text;
    }
  }
  EXPECT_GT(ended, 40);
}

}  // namespace
}  // namespace infer::llama
