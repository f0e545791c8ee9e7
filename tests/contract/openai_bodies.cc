// Writes requests of every kind as they would go to OpenAI: a name, a tab and the body, one a line.
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "src/cloud/openai/openai.h"

namespace {

using infer::Blob;
using infer::Media;
using infer::Message;
using infer::Part;
using infer::Role;
using infer::Text;
using infer::TextRequest;
using infer::ToolCall;

int failures = 0;

void put(const std::string& name, const TextRequest& request,
         infer::Wire wire = infer::Wire::kAuto) {
  infer::Call call;
  call.wire = wire;
  auto out = infer::cloud::write_openai_chat("gpt-5", infer::cloud::kOwnDialect, request, call);
  if (!out) {
    std::fprintf(stderr, "%s: %s\n", name.c_str(), out.error().message().c_str());
    ++failures;
    return;
  }
  std::printf("%s\t%s\n", name.c_str(), out->body.c_str());
}

TextRequest ask() { return {.messages = {infer::user("hi")}}; }

Part issued(Part part) {
  part.issuer = "openai";
  return part;
}

std::vector<infer::Tool> tools() {
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
      infer::user("look", {{.mime = "image/png", .source = blob("png"), .detail = "high"},
                           {.source = infer::Url{"https://example.org/a.jpg"}, .detail = "auto"},
                           {.mime = "audio/wav", .source = blob("wav")},
                           {.mime = "audio/mpeg", .source = blob("mp3")},
                           {.mime = "application/pdf", .source = blob("pdf"), .name = "a.pdf"},
                           {.mime = "application/pdf", .source = infer::FileId{"file-1"}}});
  question.name = "ann";
  Message calls = infer::assistant("Let me see.");
  calls.parts.insert(calls.parts.begin(), issued({.value = infer::Reasoning{"hm"}}));
  calls.parts.push_back({.value = Text{"So:"}});
  calls.parts.push_back({.value = ToolCall{.id = "a", .name = "weather", .arguments = "{ }"}});
  calls.parts.push_back(
      {.value = ToolCall{.id = "b", .name = "shell", .arguments = "ls", .custom = true}});
  Message bare = calls;
  bare.parts.erase(bare.parts.begin(), bare.parts.begin() + 3);
  Message results = infer::tool_result({.id = "a"}, "rain");
  results.parts.push_back(
      {.value = infer::ToolResult{.call_id = "b",
                                  .content = {{.value = Text{"x"}}, {.value = Text{"y"}}}}});
  Message refusal{.role = Role::kAssistant, .parts = {{.value = infer::Refusal{"no"}}}};
  Message both{.role = Role::kAssistant,
               .parts = {{.value = Text{"well"}}, {.value = infer::Refusal{"no"}}}};
  Message sound = infer::assistant("said");
  sound.parts.push_back(issued({.value = infer::Opaque{"audio", R"({"id":"au_1","data":"AA"})"}}));
  Message rules{.role = Role::kDeveloper, .parts = {{.value = Text{"a"}}, {.value = Text{"b"}}}};
  return {infer::system("s"), rules, question, calls, results, bare, results, refusal, both, sound};
}

void forms() {
  TextRequest r = ask();
  r.output.form = infer::Output::Form::kJsonObject;
  put("json_object", r);
  r.output.form = infer::Output::Form::kJsonSchema;
  r.output.schema = R"({"type":"object","properties":{"z":{"type":"string"}}})";
  put("json_schema", r);
  r.output.strict = false;
  r.output.name = "my_answer";
  put("json_schema_loose", r);
}

void choices() {
  using Mode = infer::ToolChoice::Mode;
  for (const Mode mode : {Mode::kAuto, Mode::kNone, Mode::kRequired, Mode::kNamed}) {
    for (const char* name : {"weather", "shell"}) {
      TextRequest r = ask();
      r.tools = tools();
      r.tool_choice = {.mode = mode, .name = name};
      r.parallel_tools = mode == Mode::kNone;
      put("tool_choice_" + std::to_string(static_cast<int>(mode)) + name, r);
    }
  }
}

void settings() {
  const std::vector<std::pair<const char*, std::function<void(TextRequest&)>>> each = {
      {"max_tokens", [](TextRequest& r) { r.max_tokens = 100; }},
      {"stop", [](TextRequest& r) { r.stop = {"a", "b", "c", "d"}; }},
      {"n", [](TextRequest& r) { r.n = 4; }},
      {"logprobs", [](TextRequest& r) { r.logprobs = infer::Logprobs{}; }},
      {"top_logprobs", [](TextRequest& r) { r.logprobs = infer::Logprobs{.top = 20}; }},
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
      {"service_tier", [](TextRequest& r) { r.service_tier = "flex"; }},
      {"metadata", [](TextRequest& r) { r.metadata = {{"a", "1"}, {"b", "2"}}; }},
      {"extra", [](TextRequest& r) { r.extra["openai"] = R"({"verbosity":"low","store":true})"; }},
  };
  TextRequest all = ask();
  for (const auto& [name, set] : each) {
    TextRequest r = ask();
    set(r);
    set(all);
    put(name, r);
  }
  all.tools = tools();
  put("all", all);
  put("all_whole", all, infer::Wire::kWhole);
  for (int effort = 1; effort <= 6; ++effort) {
    TextRequest r = ask();
    r.reasoning.effort = static_cast<infer::ReasoningOptions::Effort>(effort);
    r.reasoning.summary = "auto";
    put("effort_" + std::to_string(effort), r);
  }
}

}  // namespace

int main() {
  put("least", ask());
  put("whole", ask(), infer::Wire::kWhole);
  TextRequest parts{.messages = every_part()};
  parts.tools = tools();
  put("parts", parts);
  TextRequest nothing{.messages = {{.role = Role::kUser}, {.role = Role::kAssistant}}};
  put("empty_messages", nothing);
  forms();
  choices();
  settings();
  return failures == 0 ? 0 : 1;
}
