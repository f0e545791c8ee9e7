// Chat completions, of every field and kind of part.
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/bodies.h"

namespace infer::contract {
namespace {

TextRequest ask() { return {.messages = {user("hi")}}; }

Part issued(Part part) {
  part.issuer = "openai";
  return part;
}

std::vector<Tool> tools() {
  return {
      {.name = "weather",
       .description = "The weather",
       .schema = R"({"type":"object","properties":{"city":{"type":"string"}}})",
       .strict = true},
      {.name = "now"},
      {.provider_json = R"({"type":"custom","custom":{"name":"shell","format":{"type":"text"}}})"}};
}

std::vector<Message> every_part() {
  const auto blob = [](const char* bytes) { return Blob(std::string(bytes)); };
  Message question =
      user("look", {{.mime = "image/png", .source = blob("png"), .detail = "high"},
                    {.source = Url{"https://example.org/a.jpg"}, .detail = "auto"},
                    {.mime = "audio/wav", .source = blob("wav")},
                    {.mime = "audio/mpeg", .source = blob("mp3")},
                    {.mime = "application/pdf", .source = blob("pdf"), .name = "a.pdf"},
                    {.mime = "application/pdf", .source = FileId{"file-1"}}});
  question.name = "ann";
  Message calls = assistant("Let me see.");
  calls.parts.insert(calls.parts.begin(), issued({.value = Reasoning{"hm"}}));
  calls.parts.push_back({.value = Text{"So:"}});
  calls.parts.push_back({.value = ToolCall{.id = "a", .name = "weather", .arguments = "{ }"}});
  calls.parts.push_back(
      {.value = ToolCall{.id = "b", .name = "shell", .arguments = "ls", .custom = true}});
  Message bare = calls;
  bare.parts.erase(bare.parts.begin(), bare.parts.begin() + 3);
  Message results = tool_result({.id = "a"}, "rain");
  results.parts.push_back(
      {.value =
           ToolResult{.call_id = "b", .content = {{.value = Text{"x"}}, {.value = Text{"y"}}}}});
  Message refusal{.role = Role::kAssistant, .parts = {{.value = Refusal{"no"}}}};
  Message both{.role = Role::kAssistant,
               .parts = {{.value = Text{"well"}}, {.value = Refusal{"no"}}}};
  Message sound = assistant("said");
  sound.parts.push_back(issued({.value = Opaque{"audio", R"({"id":"au_1","data":"AA"})"}}));
  Message rules{.role = Role::kDeveloper, .parts = {{.value = Text{"a"}}, {.value = Text{"b"}}}};
  return {system("s"), rules, question, calls, results, bare, results, refusal, both, sound};
}

void forms() {
  TextRequest r = ask();
  r.output.form = Output::Form::kJsonObject;
  put_chat("json_object", r);
  r.output.form = Output::Form::kJsonSchema;
  r.output.schema = R"({"type":"object","properties":{"z":{"type":"string"}}})";
  put_chat("json_schema", r);
  r.output.strict = false;
  r.output.name = "my_answer";
  put_chat("json_schema_loose", r);
}

void choices() {
  using Mode = ToolChoice::Mode;
  for (const Mode mode : {Mode::kAuto, Mode::kNone, Mode::kRequired, Mode::kNamed}) {
    for (const char* name : {"weather", "shell"}) {
      TextRequest r = ask();
      r.tools = tools();
      r.tool_choice = {.mode = mode, .name = name};
      r.parallel_tools = mode == Mode::kNone;
      put_chat("tool_choice_" + std::to_string(static_cast<int>(mode)) + name, r);
    }
  }
}

void settings() {
  const std::vector<std::pair<const char*, std::function<void(TextRequest&)>>> each = {
      {"max_tokens", [](TextRequest& r) { r.max_tokens = 100; }},
      {"stop", [](TextRequest& r) { r.stop = {"a", "b", "c", "d"}; }},
      {"n", [](TextRequest& r) { r.n = 4; }},
      {"logprobs", [](TextRequest& r) { r.logprobs = Logprobs{}; }},
      {"top_logprobs", [](TextRequest& r) { r.logprobs = Logprobs{.top = 20}; }},
      {"temperature", [](TextRequest& r) { r.temperature = 0.7; }},
      {"top_p", [](TextRequest& r) { r.top_p = 0.5; }},
      {"seed", [](TextRequest& r) { r.seed = INT64_MAX; }},
      {"huge_seed", [](TextRequest& r) { r.seed = UINT64_MAX; }},
      {"presence", [](TextRequest& r) { r.sampling.presence_penalty = -2; }},
      {"frequency", [](TextRequest& r) { r.sampling.frequency_penalty = 1.5; }},
      {"bias", [](TextRequest& r) { r.logit_bias = {{1, -100}, {2, 0.5}}; }},
      {"local_sampling", [](TextRequest& r) { r.sampling.top_k = 5; }},
      {"user", [](TextRequest& r) { r.user = "u1"; }},
      {"cache_key", [](TextRequest& r) { r.cache_key = "k"; }},
      {"cache_retention", [](TextRequest& r) { r.cache_retention = "24h"; }},
      {"store", [](TextRequest& r) { r.store = true; }},
      {"service_tier", [](TextRequest& r) { r.service_tier = "flex"; }},
      {"metadata", [](TextRequest& r) { r.metadata = {{"a", "1"}, {"b", "2"}}; }},
      {"extra", [](TextRequest& r) { r.extra["openai"] = R"({"verbosity":"low","store":true})"; }},
  };
  TextRequest all = ask();
  for (const auto& [name, set] : each) {
    TextRequest r = ask();
    set(r);
    set(all);
    put_chat(name, r);
  }
  all.tools = tools();
  all.cache_explicit = true;
  all.messages[0].parts[0].cache = CacheHint::kLong;
  put_chat("all", all);
  put_chat("all_whole", all, Wire::kWhole);
  for (int effort = 1; effort <= 6; ++effort) {
    TextRequest r = ask();
    r.reasoning.effort = static_cast<ReasoningOptions::Effort>(effort);
    r.reasoning.summary = "auto";
    put_chat("effort_" + std::to_string(effort), r);
  }
}

}  // namespace

void chat_bodies() {
  put_chat("least", ask());
  put_chat("whole", ask(), Wire::kWhole);
  TextRequest parts{.messages = every_part()};
  parts.tools = tools();
  put_chat("parts", parts);
  TextRequest nothing{.messages = {{.role = Role::kUser}, {.role = Role::kAssistant}}};
  put_chat("empty_messages", nothing);
  forms();
  choices();
  settings();
}

}  // namespace infer::contract
