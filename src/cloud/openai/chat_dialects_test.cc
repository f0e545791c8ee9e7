// What the servers that speak OpenAI's chat are sent differently, and what they are never sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>

#include "src/cloud/openai/openai.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using testing::HasSubstr;

const ServerModel& model_at(const Dialect& dialect) {
  static const ServerModel own{.name = "m"};
  static const ServerModel other{.name = "m",
                                 .issuer = "openai@https://x",
                                 .responses_issuer = "openai@https://x/responses",
                                 .dialect = &kCompatibleDialect};
  static const ServerModel groq{.name = "m",
                                .provider = "groq",
                                .issuer = "groq",
                                .responses_issuer = "groq/responses",
                                .dialect = &kGroqDialect};
  return &dialect == &kGroqDialect ? groq : &dialect == &kOwnDialect ? own : other;
}

using Change = std::function<void(TextRequest&)>;

struct Sent {
  json body{};
  std::vector<std::string> warnings{};  // "code setting"
  std::string refused{};                // the field
};
Sent sent_to(const Dialect& dialect, const Change& change) {
  TextRequest request{.messages = {user("hi")}};
  change(request);
  const auto out = write_openai_chat(model_at(dialect), request, {});
  Sent sent;
  if (!out) {
    EXPECT_EQ(out.error().code(), Errc::kUnsupported);
    sent.refused = out.error().detail("field");
    EXPECT_THAT(out.error().message(), HasSubstr(sent.refused));
    return sent;
  }
  sent.body = json::parse(out->body);
  for (const Warning& warning : out->warnings)
    sent.warnings.push_back(warning.code + " " +
                            json::parse(warning.extra).front().get<std::string>());
  return sent;
}

// One setting and what becomes of it at Groq. Empty `value`: it is not sent.
struct GroqCase {
  const char* name;
  Change change;
  const char* member;
  const char* value;
  std::vector<std::string> warnings{};
  const char* refused = "";
};

std::vector<GroqCase> groq_cases() {
  using Effort = ReasoningOptions::Effort;
  const auto effort = [](Effort value) {
    return Change([value](TextRequest& r) { r.reasoning.effort = value; });
  };
  const std::vector<std::string> adjusted = {"adjusted_setting reasoning.effort"};
  return {
      {"n", [](auto& r) { r.n = 2; }, "", "", {}, "n"},
      {"one", [](auto& r) { r.n = 1; }, "n", ""},
      {"logprobs", [](auto& r) { r.logprobs = Logprobs{}; }, "", "", {}, "logprobs"},
      {"top", [](auto& r) { r.logprobs = Logprobs{.top = 2}; }, "", "", {}, "logprobs"},
      {"bias",
       [](auto& r) { r.logit_bias = {{1, 2}}; },
       "logit_bias",
       "",
       {"unsupported_setting logit_bias"}},
      {"name",
       [](auto& r) { r.messages[0].name = "ann"; },
       "messages",
       R"([{"role":"user","content":"hi"}])",
       {"unsupported_setting messages.name"}},
      {"temperature", [](auto& r) { r.temperature = 0; }, "temperature", "0"},
      {"seed", [](auto& r) { r.seed = 7; }, "seed", "7"},
      {"length", [](auto& r) { r.max_tokens = 5; }, "max_completion_tokens", "5"},
      {"stop", [](auto& r) { r.stop = {"a", "b", "c", "d"}; }, "stop", R"(["a","b","c","d"])"},
      {"stops", [](auto& r) { r.stop = {"a", "b", "c", "d", "e"}; }, "", "", {}, "stop"},
      {"top_k",
       [](auto& r) { r.sampling.top_k = 3; },
       "top_k",
       "",
       {"unsupported_setting sampling.top_k"}},
      {"user", [](auto& r) { r.user = "u"; }, "user", R"("u")"},
      {"none", effort(Effort::kNone), "reasoning_effort", R"("none")"},
      {"minimal", effort(Effort::kMinimal), "reasoning_effort", R"("low")", adjusted},
      {"low", effort(Effort::kLow), "reasoning_effort", R"("low")"},
      {"medium", effort(Effort::kMedium), "reasoning_effort", R"("medium")"},
      {"high", effort(Effort::kHigh), "reasoning_effort", R"("high")"},
      {"max", effort(Effort::kMax), "reasoning_effort", R"("high")", adjusted},
      {"unset", effort(Effort::kUnset), "reasoning_effort", ""},
      {"format", effort(Effort::kHigh), "reasoning_format", ""},
      {"format_of_json",
       [](auto& r) {
         r.reasoning.effort = Effort::kHigh;
         r.output.form = Output::Form::kJsonObject;
       },
       "reasoning_format", R"("parsed")"},
      {"format_of_tools",
       [](auto& r) {
         r.reasoning.effort = Effort::kLow;
         r.tools = {{.name = "f"}};
       },
       "reasoning_format", R"("parsed")"},
      {"format_without_thought",
       [](auto& r) {
         r.reasoning.effort = Effort::kNone;
         r.tools = {{.name = "f"}};
       },
       "reasoning_format", ""},
      {"format_by_hand",
       [](auto& r) {
         r.reasoning.effort = Effort::kLow;
         r.tools = {{.name = "f"}};
         r.extra["groq"] = R"({"reasoning_format":"hidden"})";
       },
       "reasoning_format", R"("hidden")"},
      {"format_without_settings", [](auto& r) { r.tools = {{.name = "f"}}; }, "reasoning_format",
       ""},
      {"auto", [](auto& r) { r.service_tier = "auto"; }, "service_tier", R"("auto")"},
      {"on_demand", [](auto& r) { r.service_tier = "on_demand"; }, "service_tier",
       R"("on_demand")"},
      {"flex", [](auto& r) { r.service_tier = "flex"; }, "service_tier", R"("flex")"},
      {"performance", [](auto& r) { r.service_tier = "performance"; }, "service_tier",
       R"("performance")"},
      {"priority", [](auto& r) { r.service_tier = "priority"; }, "service_tier", ""},
      {"metadata", [](auto& r) { r.metadata = {{"a", "b"}}; }, "metadata", ""},
      {"cache_key", [](auto& r) { r.cache_key = "k"; }, "prompt_cache_key", ""},
      {"retention", [](auto& r) { r.cache_retention = "24h"; }, "prompt_cache_retention", ""},
      {"explicit", [](auto& r) { r.cache_explicit = true; }, "prompt_cache_options", ""},
      {"store", [](auto& r) { r.store = true; }, "", "", {}, "store"},
      {"no_store", [](auto& r) { r.store = false; }, "store", ""},
      {"previous",
       [](auto& r) { r.previous_response_id = "r"; },
       "",
       "",
       {},
       "previous_response_id"},
      {"grammar",
       [](auto& r) {
         r.output.form = Output::Form::kGrammar;
         r.output.grammar = "root ::= \"a\"";
       },
       "",
       "",
       {},
       "output.grammar"},
      {"schema",
       [](auto& r) {
         r.output.form = Output::Form::kJsonSchema;
         r.output.strict = false;
         r.output.schema = R"({"type":"object"})";
       },
       "response_format",
       R"({"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object"},)"
       R"("strict":false}})"},
      {"pdf",
       [](auto& r) { r.messages = {user("x", {{.source = Blob(std::string("%PDF-1.7"))}})}; },
       "",
       "",
       {},
       "messages[0].parts[1]"},
      {"sound",
       [](auto& r) {
         r.messages = {user("x", {{.mime = "audio/wav", .source = Blob(std::string("w"))}})};
       },
       "",
       "",
       {},
       "messages[0].parts[1]"},
      {"options", [](auto&) {}, "stream_options", R"({"include_usage":true})"},
  };
}

TEST(Groq, WhatBecomesOfEverySetting) {
  for (const GroqCase& c : groq_cases()) {
    const Sent sent = sent_to(kGroqDialect, c.change);
    EXPECT_EQ(sent.refused, c.refused) << c.name;
    EXPECT_EQ(sent.warnings, c.warnings) << c.name;
    if (!sent.refused.empty()) continue;
    const std::string value = c.value;
    EXPECT_EQ(sent.body.contains(c.member), !value.empty()) << c.name;
    if (value.empty()) continue;
    EXPECT_EQ(sent.body[c.member], json::parse(value)) << c.name;
  }
}

TEST(Groq, AnswersTextOnly) {
  const auto wire = openai_wire(model_at(kGroqDialect));
  for (const Request& request :
       {Request(ImageRequest{.prompt = "x"}), Request(EmbeddingRequest{.inputs = {"x"}})})
    EXPECT_EQ(wire->write(request, {}).error().code(), Errc::kUnsupported);
}

TEST(Groq, ReasoningGoesBackInItsOwnField) {
  const Sent sent = sent_to(kGroqDialect, [](TextRequest& r) {
    Part thought{.value = Reasoning{.text = "hm"}, .issuer = "groq"};
    thought.extra = R"({"field":"reasoning"})";
    Part strange{.value = Reasoning{.text = "SECRET"}, .issuer = "openai"};
    r.messages.push_back(
        {.role = Role::kAssistant, .parts = {thought, strange, {.value = Text{"so"}}}});
  });
  EXPECT_EQ(sent.body["messages"][1],
            json::parse(R"({"role":"assistant","content":"so","reasoning":"hm"})"));
}

TEST(ChatCaching, MarksGoOutWhereTheyAreAskedFor) {
  const auto change = [](TextRequest& r) {
    r.cache_explicit = true;
    r.cache_retention = "24h";
    r.messages = {system("s"),
                  user("u", {{.source = Url{"https://x/y.png"}}}),
                  assistant("a"),
                  {.role = Role::kTool,
                   .parts = {{.value = ToolResult{
                                  .call_id = "c",
                                  .content = {{.value = Text{"one"}}, {.value = Text{"two"}}}}}}}};
    for (Message& message : r.messages) message.parts.back().cache = CacheHint::kShort;
  };
  const json marked = json::parse(R"([
    {"role":"system","content":[{"type":"text","text":"s",
      "prompt_cache_breakpoint":{"mode":"explicit"}}]},
    {"role":"user","content":[{"type":"text","text":"u"},
      {"type":"image_url","image_url":{"url":"https://x/y.png"},
      "prompt_cache_breakpoint":{"mode":"explicit"}}]},
    {"role":"assistant","content":[{"type":"text","text":"a",
      "prompt_cache_breakpoint":{"mode":"explicit"}}]},
    {"role":"tool","tool_call_id":"c","content":[{"type":"text","text":"one"},
      {"type":"text","text":"two","prompt_cache_breakpoint":{"mode":"explicit"}}]}])");
  const Sent own = sent_to(kOwnDialect, change);
  EXPECT_EQ(own.body["messages"], marked);
  EXPECT_EQ(own.body["prompt_cache_options"], json::parse(R"({"mode":"explicit"})"));
  EXPECT_EQ(own.body["prompt_cache_retention"], "24h");

  // Others do not know them, and without cache_explicit OpenAI's older models refuse them.
  const Sent other = sent_to(kCompatibleDialect, change);
  EXPECT_EQ(other.body.dump().find("prompt_cache"), std::string::npos);
  const Sent implicit = sent_to(kOwnDialect, [&](TextRequest& r) {
    change(r);
    r.cache_explicit = false;
    r.cache_retention.clear();
  });
  EXPECT_EQ(implicit.body.dump().find("prompt_cache"), std::string::npos);
  EXPECT_EQ(implicit.body["messages"], other.body["messages"]);
}

TEST(ChatKeeping, IsAPromise) {
  const auto keep = [](bool value) { return Change([value](TextRequest& r) { r.store = value; }); };
  EXPECT_EQ(sent_to(kOwnDialect, keep(true)).body["store"], true);
  EXPECT_EQ(sent_to(kOwnDialect, keep(false)).body["store"], false);
  EXPECT_EQ(sent_to(kCompatibleDialect, keep(true)).refused, "store");
  EXPECT_FALSE(sent_to(kCompatibleDialect, keep(false)).body.contains("store"));
}

TEST(ChatKeeping, ContinuingAnAnswerNeedsTheOtherApi) {
  TextRequest request{.messages = {user("hi")}};
  request.previous_response_id = "resp_1";
  const auto out = write_openai_chat(model_at(kOwnDialect), request, {});
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code(), Errc::kUnsupported);
  EXPECT_THAT(out.error().message(), HasSubstr("text_api"));
}

}  // namespace
}  // namespace infer::cloud
