// Demanded forms of an answer and log-probabilities, end to end: the plugin as a host opens it,
// with the repository's model at temperatures where it writes nonsense.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "plugin_driver.h"

namespace infer::test {
namespace {

using Json = nlohmann::json;

const Model& tiny() {
  static const Model* const model = new Model(INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf");
  return *model;
}

std::string output(const std::string& type, const std::string& key, const std::string& text) {
  return "\"output\":{\"type\":\"" + type + "\",\"" + key + "\":" + engine::json_quote(text) + "}";
}

std::string hot(int seed) {
  return "\"max_tokens\":200,\"seed\":" + std::to_string(seed) + ",\"temperature\":2,";
}

TEST(StructuredOutput, WhatStopsIsValidJson) {
  const std::string schema =
      R"({"type":"object","properties":{"kind":{"enum":["cat","dog"]},"age":{"type":"integer",
      "minimum":0,"maximum":30},"name":{"type":"string","maxLength":12},"in":{"type":"object",
      "properties":{"ok":{"type":"boolean"}},"required":["ok"]}},"required":["kind","age","in"]})";
  int stopped = 0;
  for (int seed = 0; seed < 25; ++seed) {
    const Outcome object =
        ask(tiny(), user_says("JSON", hot(seed) + "\"output\":{\"type\":\"json_object\"}"));
    ASSERT_EQ(object.result, INFER_END) << object.failure.message;
    if (object.finish() == INFER_FIN_STOP) {
      EXPECT_TRUE(Json::parse(object.text(), nullptr, false).is_object()) << object.text();
    }
    const Outcome held =
        ask(tiny(), user_says("JSON", hot(seed) + output("json_schema", "schema", schema)));
    ASSERT_EQ(held.result, INFER_END) << held.failure.message;
    if (held.finish() != INFER_FIN_STOP) {
      EXPECT_EQ(held.finish(), static_cast<uint32_t>(INFER_FIN_LENGTH));
      continue;
    }
    ++stopped;
    const Json value = Json::parse(held.text(), nullptr, false);
    ASSERT_TRUE(value.is_object()) << held.text();
    EXPECT_TRUE(value["kind"] == "cat" || value["kind"] == "dog");
    EXPECT_TRUE(value["age"].is_number_integer() && value["age"] >= 0 && value["age"] <= 30);
    EXPECT_TRUE(value["in"]["ok"].is_boolean());
  }
  EXPECT_GT(stopped, 12);
}

TEST(StructuredOutput, AGrammarHoldsAndABadOneIsRefusedAtOnce) {
  const Outcome good = ask(
      tiny(), user_says("Hi", hot(1) + output("grammar", "grammar", "root ::= \"yes\" | \"no\"")));
  EXPECT_TRUE(good.text() == "yes" || good.text() == "no") << good.text();
  EXPECT_EQ(good.finish(), static_cast<uint32_t>(INFER_FIN_STOP));
  const int lines = g_error_lines.load();
  const std::string deep =
      "root ::= " + std::string(50000, '(') + "\"a\"" + std::string(50000, ')');
  for (const std::string& grammar :
       {deep, std::string("root ::= nothing"), std::string("root ::= root \"a\"")}) {
    const Outcome bad = ask(tiny(), user_says("Hi", output("grammar", "grammar", grammar)));
    EXPECT_EQ(bad.result, INFER_E_INVALID_REQUEST);
    EXPECT_NE(bad.failure.details.find("output.grammar"), std::string::npos) << bad.failure.details;
  }
  EXPECT_EQ(g_error_lines.load(), lines) << "nothing goes to the log";
}

TEST(StructuredOutput, CutShortItSaysSo) {
  const Outcome cut =
      ask(tiny(), user_says("Hi", "\"max_tokens\":3,\"output\":{\"type\":\"json_object\"}"));
  EXPECT_EQ(cut.finish(), static_cast<uint32_t>(INFER_FIN_LENGTH));
}

TEST(StructuredOutput, ChoicesDifferAndEachHoldsTheForm) {
  const Outcome both = ask(
      tiny(),
      user_says("Hi", hot(5) + "\"n\":3," + output("grammar", "grammar", "root ::= [a-z]{12}")));
  ASSERT_EQ(both.result, INFER_END) << both.failure.message;
  for (uint32_t choice = 0; choice < 3; ++choice) {
    EXPECT_EQ(both.text(choice).size(), 12u) << both.text(choice);
    EXPECT_EQ(both.text(choice).find_first_not_of("abcdefghijklmnopqrstuvwxyz"), std::string::npos);
  }
  EXPECT_NE(both.text(0), both.text(1));
  EXPECT_NE(both.text(1), both.text(2));
}

TEST(StructuredOutput, DescribeSaysSo) {
  infer_str json;
  infer_error error;
  error.size = sizeof(error);
  ASSERT_EQ(plugin().describe(tiny().get(), &json, &error), INFER_OK);
  const Json capabilities = Json::parse(engine::to_view(json))["capabilities"];
  for (const char* key : {"json_schema", "grammar", "logprobs", "seed", "stop"})
    EXPECT_EQ(capabilities[key], true) << key;
}

}  // namespace
}  // namespace infer::test
