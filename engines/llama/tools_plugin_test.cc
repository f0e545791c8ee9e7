// Tools and reasoning through the ABI, with the shipped model, which knows both.
#include <gtest/gtest.h>

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "plugin_driver.h"

namespace infer::test {
namespace {

using Json = nlohmann::json;

const Model& tiny() {
  static const Model model(INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf");
  return model;
}

const char kWeather[] =
    R"({"name":"get_weather","description":"The weather in a city",)"
    R"("schema":"{\"type\": \"object\", \"properties\": {\"city\": {\"type\": \"string\"}}, )"
    R"(\"required\": [\"city\"]}"})";

std::string with_weather(const std::string& more = {}) {
  return "\"tools\":[" + std::string(kWeather) + "]" + (more.empty() ? "" : "," + more);
}

struct PartSeen {
  uint32_t kind = 0;
  std::string name, id, text;
  int deltas = 0;
};
std::vector<PartSeen> parts_of(const Outcome& outcome) {
  std::map<uint32_t, PartSeen> parts;
  for (const Seen& e : outcome.events) {
    if (e.kind == INFER_EV_PART_BEGIN)
      parts[e.part] = {static_cast<uint32_t>(e.part_kind), e.data, e.id, {}, 0};
    if (e.kind != INFER_EV_DELTA) continue;
    parts[e.part].text += e.data;
    ++parts[e.part].deltas;
  }
  std::vector<PartSeen> out;
  for (auto& part : parts) out.push_back(part.second);
  return out;
}

TEST(Tools, ACallComesWithItsArgumentsAsTheyGrow) {
  const Outcome o = ask(tiny(), user_says("What is the weather in Paris?", with_weather()));
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_TOOL_CALLS));
  const auto parts = parts_of(o);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].kind, static_cast<uint32_t>(INFER_PART_TOOL_CALL));
  EXPECT_EQ(parts[0].name, "get_weather");
  EXPECT_FALSE(parts[0].id.empty());
  EXPECT_EQ(Json::parse(parts[0].text), Json({{"city", "Paris"}}));
  EXPECT_GT(parts[0].deltas, 3);
}

TEST(Tools, TwoCallsInOneTurnHaveIdsOfTheirOwn) {
  const Outcome o =
      ask(tiny(), user_says("What is the weather in Oslo and in Rome?", with_weather()));
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  const auto parts = parts_of(o);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(Json::parse(parts[0].text)["city"], "Oslo");
  EXPECT_EQ(Json::parse(parts[1].text)["city"], "Rome");
  EXPECT_NE(parts[0].id, parts[1].id);
}

TEST(Tools, OneCallAtMostWhereSeveralAreNotWanted) {
  const Outcome o = ask(tiny(), user_says("What is the weather in Oslo and in Rome?",
                                          with_weather("\"parallel_tools\":false")));
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  EXPECT_EQ(parts_of(o).size(), 1u);
}

TEST(Tools, NoCallWhereNoneIsNeeded) {
  const Outcome o = ask(tiny(), user_says("What is the capital of France?", with_weather()));
  EXPECT_EQ(o.text(), "The capital of France is Paris.");
  EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_STOP));
}

TEST(Tools, RequiredAndNamedAreHeldEvenAgainstTheModel) {
  const std::pair<const char*, const char*> cases[] = {
      {"\"required\"", "Hello!"},
      {"\"required\"", "What is the capital of France?"},
      {"{\"name\":\"get_weather\"}", "Hello!"},
      {"{\"name\":\"get_weather\"}", "What is the capital of France?"}};
  for (const auto& [choice, question] : cases) {
    const Outcome o =
        ask(tiny(), user_says(question, with_weather("\"tool_choice\":" + std::string(choice))));
    ASSERT_EQ(o.result, INFER_END) << o.failure.message;
    EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_TOOL_CALLS)) << choice;
    const auto parts = parts_of(o);
    ASSERT_FALSE(parts.empty());
    EXPECT_EQ(parts[0].name, "get_weather");
    EXPECT_TRUE(Json::parse(parts[0].text)["city"].is_string()) << parts[0].text;
  }
}

TEST(Tools, NoneMeansNoCall) {
  const Outcome o = ask(
      tiny(), user_says("What is the weather in Paris?", with_weather("\"tool_choice\":\"none\"")));
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  for (const PartSeen& part : parts_of(o))
    EXPECT_EQ(part.kind, static_cast<uint32_t>(INFER_PART_TEXT));
}

TEST(Tools, TheResultIsAnswered) {
  const std::string request =
      R"({"messages":[{"role":"user","parts":[{"type":"text","text":"What is the weather in )"
      R"(Oslo?"}]},)"
      R"({"role":"assistant","parts":[{"type":"tool_call","call_id":"c1","name":"get_weather",)"
      R"("arguments":"{\"city\": \"Oslo\"}"}]},{"role":"tool","parts":[{"type":"tool_result",)"
      R"("call_id":"c1","name":"get_weather","content":[{"type":"text",)"
      R"("text":"{\"city\": \"Oslo\", \"weather\": \"sunny\"}"}]}]}],"task":"text",)" +
      with_weather() + "}";
  const Outcome o = ask(tiny(), request);
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  EXPECT_NE(o.text().find("sunny"), std::string::npos) << o.text();
  EXPECT_NE(o.text().find("Oslo"), std::string::npos) << o.text();
}

TEST(Tools, BadOnesAreNamed) {
  const struct {
    const char* more;
    const char* field;
  } cases[] = {
      {R"("tools":[{"name":"f","schema":"{"}])", "tools[0].schema"},
      {R"("tools":[{"name":""}])", "tools[0].name"},
      {R"("tools":7)", "tools"},
      {R"("tool_choice":"required")", "tool_choice"},
      {R"("tools":[{"name":"f"}],"tool_choice":{"name":"g"})", "tool_choice.name"},
  };
  for (const auto& c : cases) {
    const Outcome o = ask(tiny(), user_says("Hello!", c.more));
    EXPECT_EQ(o.result, INFER_E_INVALID_REQUEST) << c.more;
    EXPECT_NE(o.failure.message.find(c.field), std::string::npos) << o.failure.message;
  }
}

TEST(Reasoning, IsAPartOfItsOwnAndCounted) {
  const Outcome o =
      ask(tiny(), user_says("What is four plus four?", R"("reasoning":{"effort":"high"})"));
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  const auto parts = parts_of(o);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].kind, static_cast<uint32_t>(INFER_PART_REASONING));
  EXPECT_EQ(parts[1].kind, static_cast<uint32_t>(INFER_PART_TEXT));
  EXPECT_EQ(parts[0].text.find("think>"), std::string::npos);
  EXPECT_EQ(parts[1].text.find("think>"), std::string::npos);
  EXPECT_GT(o.usage().reasoning, 0);
  EXPECT_LT(o.usage().reasoning, o.usage().output);
}

TEST(Reasoning, EndsWhenItsBudgetIsUsedUp) {
  const Outcome o = ask(tiny(), user_says("What is four plus four?",
                                          R"("reasoning":{"effort":"high","budget_tokens":1})"));
  ASSERT_EQ(o.result, INFER_END) << o.failure.message;
  const auto parts = parts_of(o);
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].kind, static_cast<uint32_t>(INFER_PART_REASONING));
  EXPECT_EQ(parts[0].deltas, 1);
  EXPECT_EQ(parts[1].kind, static_cast<uint32_t>(INFER_PART_TEXT));
  EXPECT_FALSE(parts[1].text.empty());
}

// Tokens of single bytes: a budget may be used up in the middle of a character, where a grammar
// lets nothing through but its rest.
TEST(Reasoning, IsNotCutInTheMiddleOfACharacter) {
  for (int seed = 0; seed < 60; ++seed) {
    for (int budget : {1, 2, 3, 4}) {
      const Json more = {{"output", {{"type", "json_object"}}},
                         {"reasoning", {{"effort", "high"}, {"budget_tokens", budget}}},
                         {"temperature", 3.0},
                         {"max_tokens", 8},
                         {"seed", seed}};
      const std::string members = more.dump();
      const Outcome o = ask(tiny(), user_says("What is the weather in Paris?",
                                              members.substr(1, members.size() - 2)));
      ASSERT_EQ(o.result, INFER_END) << o.failure.message << " " << members;
    }
  }
}

TEST(Reasoning, IsNotThereUnlessAskedFor) {
  const Outcome o = ask(tiny(), user_says("What is four plus four?"));
  const auto parts = parts_of(o);
  ASSERT_EQ(parts.size(), 1u);
  EXPECT_EQ(parts[0].kind, static_cast<uint32_t>(INFER_PART_TEXT));
}

}  // namespace
}  // namespace infer::test
