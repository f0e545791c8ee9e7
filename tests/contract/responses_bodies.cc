// Responses, of every field, every kind of part, and every kind of item sent back.
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "tests/contract/bodies.h"

namespace infer::contract {
namespace {

TextRequest ask() { return {.messages = {user("hi, in JSON")}}; }

std::vector<Tool> tools() {
  std::vector<Tool> all = {
      {.name = "weather",
       .description = "The weather",
       .schema = R"({"type":"object","properties":{"city":{"type":"string"}},)"
                 R"("required":["city"],"additionalProperties":false})",
       .strict = true},
      {.name = "loose",
       .schema = R"({"type":"object","properties":{"city":{"type":"string"}}})",
       .strict = false},
      {.name = "now"}};
  for (const char* own :
       {R"({"type":"web_search"})", R"({"type":"code_interpreter","container":{"type":"auto"}})",
        R"({"type":"file_search","vector_store_ids":["vs_1"]})",
        R"({"type":"image_generation","quality":"low"})", R"({"type":"local_shell"})",
        R"({"type":"mcp","server_label":"s","server_url":"https://example.org/mcp"})",
        R"({"type":"custom","name":"shell","format":{"type":"text"}})"})
    all.push_back({.provider_json = own});
  return all;
}

Media media(std::string mime, decltype(Media::source) source, std::string detail = {}) {
  Media made;
  made.mime = std::move(mime);
  made.source = std::move(source);
  made.detail = std::move(detail);
  return made;
}
Blob blob(const char* bytes) { return Blob(std::string(bytes)); }

std::vector<Message> every_part() {
  Message question = user(
      "look", {media("image/png", blob("png"), "high"),
               media("image/jpeg", Url{"https://example.org/a.jpg"}, "auto"),
               media("image/png", FileId{"file-2"}, "low"), media("application/pdf", blob("pdf")),
               media("application/pdf", Url{"https://example.org/a.pdf"}),
               media("application/pdf", FileId{"file-1"})});
  question.parts[4].get<Media>()->name = "a.pdf";
  question.parts[0].cache = CacheHint::kShort;
  Message calls = assistant("Let me see.");
  calls.parts.push_back({.value = Text{"So:"}});
  calls.parts.push_back({.value = ToolCall{.id = "a", .name = "weather", .arguments = "{ }"}});
  calls.parts.push_back(
      {.value = ToolCall{.id = "b", .name = "shell", .arguments = "ls", .custom = true}});
  Message results = tool_result({.id = "a"}, "rain");
  ToolResult listing;
  listing.call_id = "b";
  listing.content = {{.value = Text{"x"}}, {.value = Text{"y"}}};
  results.parts.push_back({.value = std::move(listing)});
  Message shown{.role = Role::kTool};
  ToolResult picture;
  picture.call_id = "a";
  picture.content = {{.value = Text{"rain"}}, {.value = media("image/png", blob("png"))}};
  shown.parts.push_back({.value = std::move(picture)});
  Message again = assistant("");
  again.parts = {{.value = ToolCall{.id = "a", .name = "weather", .arguments = "{}"}}};
  Message refusal{.role = Role::kAssistant, .parts = {{.value = Refusal{"no"}}}};
  Message both{.role = Role::kAssistant,
               .parts = {{.value = Text{"well"}}, {.value = Refusal{"no"}}}};
  Message rules{.role = Role::kDeveloper, .parts = {{.value = Text{"a"}}, {.value = Text{"b"}}}};
  return {system("s"), rules, question, calls, results, again, shown, refusal, both};
}

// One item of each kind that an answer may hold, as the document has them.
constexpr const char* kItems[] = {
    R"({"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}],)"
    R"("encrypted_content":"b3BhcXVl","status":"completed"})",
    R"({"type":"reasoning","id":"rs_2","summary":[]})",
    R"({"type":"reasoning","id":"rs_3","summary":[],)"
    R"("content":[{"type":"reasoning_text","text":"so"}],"status":"completed"})",
    R"({"type":"message","id":"msg_1","status":"completed","role":"assistant",)"
    R"("phase":"commentary",)"
    R"("content":[{"type":"output_text","text":"See https://example.org","annotations":[)"
    R"({"type":"url_citation","start_index":4,"end_index":23,"url":"https://example.org",)"
    R"("title":"Example"},{"type":"file_citation","file_id":"file-1","index":3,"filename":"a.txt"})"
    R"(],"logprobs":[]},{"type":"refusal","refusal":"and no more"}]})",
    R"({"type":"function_call","id":"fc_1","call_id":"call_1","name":"weather",)"
    R"("arguments":"{\"city\" : \"Paris\"}","status":"completed"})",
    R"({"type":"custom_tool_call","id":"ctc_1","call_id":"call_2","name":"shell","input":"ls -l"})",
    R"({"type":"web_search_call","id":"ws_1","status":"completed",)"
    R"("action":{"type":"search","query":"weather"}})",
    R"({"type":"file_search_call","id":"fs_1","status":"completed","queries":["a"],)"
    R"("results":null})",
    R"({"type":"code_interpreter_call","id":"ci_1","status":"completed","container_id":"cntr_1",)"
    R"("code":"x = 1","outputs":[{"type":"logs","logs":"1"}]})",
    R"({"type":"image_generation_call","id":"ig_1","status":"completed","result":"iVBORw0KGgo="})",
    R"({"type":"mcp_list_tools","id":"mcpl_1","server_label":"s","tools":[]})",
    R"({"type":"mcp_approval_request","id":"mcpr_1","server_label":"s","name":"t",)"
    R"("arguments":"{}"})",
    R"({"type":"mcp_call","id":"mcp_1","server_label":"s","name":"t","arguments":"{}",)"
    R"("output":"x"})",
    R"({"type":"local_shell_call","id":"lsh_1","call_id":"call_3","status":"completed",)"
    R"("action":{"type":"exec","command":["ls"],"env":{}}})",
    R"({"type":"computer_call","id":"cu_1","call_id":"call_4","status":"completed",)"
    R"("pending_safety_checks":[],"action":{"type":"screenshot"}})",
    R"({"type":"compaction","id":"cmp_1","encrypted_content":"Y29tcGFjdA=="})",
};

// An answer of all of them, and what is said next.
void items_sent_back() {
  std::string output;
  for (const char* item : kItems) output += (output.empty() ? "" : ",") + std::string(item);
  const Response answer = read_responses(
      R"({"id":"resp_1","object":"response","created_at":1700000000,"model":"gpt-5",)"
      R"("status":"completed","output":[)" +
      output + R"(],"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}})");
  TextRequest next{.messages = {user("hi"), answer.message()}};
  for (const ToolCall& call : answer.tool_calls())
    next.messages.push_back(tool_result(call, "rain"));
  next.messages.push_back(user("and?"));
  put_responses("items", next);
  next.store = false;
  put_responses("items_stateless", next);
}

void forms() {
  TextRequest r = ask();
  r.output.form = Output::Form::kJsonObject;
  put_responses("json_object", r);
  r.output.form = Output::Form::kJsonSchema;
  r.output.schema = R"({"type":"object","properties":{"z":{"type":"string"}}})";
  put_responses("json_schema", r);
  r.output.strict = false;
  r.output.name = "my_answer";
  put_responses("json_schema_loose", r);
}

void choices() {
  using Mode = ToolChoice::Mode;
  for (const Mode mode : {Mode::kAuto, Mode::kNone, Mode::kRequired, Mode::kNamed})
    for (const char* name : {"weather", "shell"}) {
      TextRequest r = ask();
      r.tools = tools();
      r.tool_choice = {.mode = mode, .name = name};
      r.parallel_tools = mode == Mode::kNone;
      put_responses("tool_choice_" + std::to_string(static_cast<int>(mode)) + name, r);
    }
}

void settings() {
  const std::vector<std::pair<const char*, std::function<void(TextRequest&)>>> each = {
      {"max_tokens", [](TextRequest& r) { r.max_tokens = 100; }},
      {"logprobs", [](TextRequest& r) { r.logprobs = Logprobs{}; }},
      {"top_logprobs", [](TextRequest& r) { r.logprobs = Logprobs{.top = 20}; }},
      {"temperature", [](TextRequest& r) { r.temperature = 0.7; }},
      {"top_p", [](TextRequest& r) { r.top_p = 0.5; }},
      {"seed", [](TextRequest& r) { r.seed = 7; }},
      {"presence", [](TextRequest& r) { r.sampling.presence_penalty = -2; }},
      {"local_sampling", [](TextRequest& r) { r.sampling.top_k = 5; }},
      {"bias", [](TextRequest& r) { r.logit_bias = {{1, -100}}; }},
      {"summary", [](TextRequest& r) { r.reasoning.summary = "detailed"; }},
      {"previous", [](TextRequest& r) { r.previous_response_id = "resp_1"; }},
      {"stored", [](TextRequest& r) { r.store = true; }},
      {"not_stored", [](TextRequest& r) { r.store = false; }},
      {"user", [](TextRequest& r) { r.user = "u1"; }},
      {"cache_key", [](TextRequest& r) { r.cache_key = "k"; }},
      {"cache_retention", [](TextRequest& r) { r.cache_retention = "24h"; }},
      {"service_tier", [](TextRequest& r) { r.service_tier = "flex"; }},
      {"metadata", [](TextRequest& r) { r.metadata = {{"a", "1"}, {"b", "2"}}; }},
      {"extra",
       [](TextRequest& r) {
         r.extra["openai"] = R"({"max_tool_calls":3,"include":["web_search_call.action.sources"]})";
       }},
  };
  TextRequest all = ask();
  for (const auto& [name, set] : each) {
    TextRequest r = ask();
    set(r);
    set(all);
    put_responses(name, r);
  }
  TextRequest hinted = ask();
  hinted.cache_explicit = true;
  hinted.messages[0].parts[0].cache = CacheHint::kLong;
  put_responses("cache_explicit", hinted);
  all.tools = tools();
  put_responses("all", all);
  put_responses("all_whole", all, Wire::kWhole);
  for (int effort = 1; effort <= 6; ++effort) {
    TextRequest r = ask();
    r.reasoning.effort = static_cast<ReasoningOptions::Effort>(effort);
    r.reasoning.summary = "auto";
    put_responses("effort_" + std::to_string(effort), r);
  }
}

}  // namespace

void responses_bodies() {
  put_responses("least", ask());
  put_responses("whole", ask(), Wire::kWhole);
  TextRequest parts{.messages = every_part()};
  parts.tools = tools();
  put_responses("parts", parts);
  items_sent_back();
  forms();
  choices();
  settings();
}

}  // namespace infer::contract
