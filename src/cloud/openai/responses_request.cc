// A TextRequest as the body of POST /responses. Written by hand and in the order of the request,
// since schemas, tool arguments and items must go out with the bytes they have. Source: OpenAI's
// OpenAPI document 2.3.0, CreateResponse.
#include <algorithm>
#include <array>
#include <utility>

#include "src/cloud/media_limits.h"
#include "src/cloud/object_writer.h"
#include "src/cloud/openai/extra.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/openai/request_fields.h"
#include "src/cloud/openai/responses_input.h"
#include "src/cloud/openai/responses_reader.h"
#include "src/cloud/raw_json.h"
#include "src/core/json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

std::optional<Error> refused_by_responses(const Dialect& dialect, const TextRequest& r) {
  using namespace core;  // NOLINT(google-build-using-namespace): the flags of one expression
  if (!r.stop.empty())
    return unsupported_field("stop",
                             "Responses take no stop sequences; set ApiConfig::text_api to "
                             "TextApi::kChat, or leave it out");
  if (r.n > 1)
    return unsupported_field("n",
                             "Responses give one answer; set ApiConfig::text_api to "
                             "TextApi::kChat, or ask several times");
  if (auto error = refuse_promises(r, kHonoursTools | kHonoursOutput | kHonoursMaxTokens |
                                          kHonoursLogprobs | kHonoursMedia | kHonoursTruncation |
                                          kHonoursPrevious | kHonoursStore))
    return error;
  if (r.output.form == Output::Form::kGrammar)
    return unsupported_field("output.grammar", "this provider takes no grammar; use a JSON schema");
  if (r.output.form == Output::Form::kJsonSchema && raw_members(r.output.schema).empty())
    return unsupported_field("output.schema",
                             "this provider takes an object with members as a schema");
  if (dialect.max_top_logprobs != 0 && r.logprobs && r.logprobs->top > dialect.max_top_logprobs)
    return unsupported_field(
        "logprobs.top", "this provider gives at most " + std::to_string(dialect.max_top_logprobs) +
                            " alternatives, not " + std::to_string(r.logprobs->top));
  return std::nullopt;
}

// Left out, "strict" would be true: a schema that is not made for it would be refused.
std::string responses_tools(const Dialect& dialect, const TextRequest& r,
                            std::vector<Warning>& warnings) {
  std::vector<std::string> tools;
  for (const Tool& tool : r.tools) {
    if (!tool.provider_json.empty()) {
      tools.push_back(tool.provider_json);
      continue;
    }
    ObjectWriter out;
    out.text("type", "function");
    // It is strict here unless the opposite is said.
    const auto strict = write_function(tool, dialect, out, warnings);
    out.flag("strict", strict.value_or(false));
    tools.push_back(out.str());
  }
  return array_of(tools);
}

// {"type":"function","name":...}; of the provider's own tools those that have a name are chosen by
// it, an MCP server by its label, all others by their type.
std::string named_choice(const TextRequest& r) {
  const std::string& name = r.tool_choice.name;
  for (const Tool& tool : r.tools) {
    if (tool.provider_json.empty()) continue;
    const auto json = core::parse_json(tool.provider_json);
    if (!json) continue;
    const std::string type = core::string_or(*json, "type");
    ObjectWriter choice;
    choice.text("type", type);
    if (core::string_or(*json, "name") == name) {
      choice.text("name", name);
      return choice.str();
    }
    if (core::string_or(*json, "server_label") == name) {
      choice.text("server_label", name);
      return choice.str();
    }
    if (type == name) return choice.str();
  }
  ObjectWriter choice;
  choice.text("type", "function");
  choice.text("name", name);
  return choice.str();
}

bool asks_for_reasoning(const ReasoningOptions& reasoning) {
  using Effort = ReasoningOptions::Effort;
  return (reasoning.effort != Effort::kUnset && reasoning.effort != Effort::kNone) ||
         !reasoning.summary.empty();
}

void write_reasoning(const Dialect& dialect, const ReasoningOptions& options, ObjectWriter& body,
                     std::vector<Warning>& warnings) {
  ObjectWriter reasoning;
  if (options.effort != ReasoningOptions::Effort::kUnset)
    reasoning.text("effort", effort_word(dialect, options.effort, warnings));
  reasoning.text_if("summary", options.summary);
  if (reasoning.has("effort") || reasoning.has("summary")) body.raw("reasoning", reasoning.str());
}

// Encrypted reasoning comes without being asked for, says the document (ReasoningItem); servers
// behind it may need to be asked, but models that do not reason refuse the question. So it is asked
// where the request shows that its model reasons. After the caller's own members: what he wants to
// have included comes besides.
void write_include(const TextRequest& r, bool reasoning, ObjectWriter& body) {
  std::vector<std::string> include;
  if (reasoning || asks_for_reasoning(r.reasoning))
    include.push_back("\"reasoning.encrypted_content\"");
  if (r.logprobs) include.push_back("\"message.output_text.logprobs\"");
  if (const std::string* wanted = body.object().find("include"))
    for (const std::string_view one : raw_elements(*wanted))
      if (std::find(include.begin(), include.end(), one) == include.end())
        include.emplace_back(one);
  if (!include.empty()) body.raw("include", array_of(include));
}

void write_truncation(const TextRequest& r, ObjectWriter& body, std::vector<Warning>& warnings) {
  if (r.truncation != Truncation::kDropOldest) return;
  body.text("truncation", "auto");
  warnings.push_back(adjusted_setting(
      "truncation", "is done by the provider, which does not say whether it has dropped a turn"));
}

void warn_of_responses_settings(const ServerModel& model, const TextRequest& r,
                                std::vector<Warning>& warnings) {
  constexpr std::array<std::string_view, 3> kSent = {"temperature", "top_p", "reasoning.effort"};
  for (const core::Setting setting : core::quality_settings(r))
    if (std::find(kSent.begin(), kSent.end(), setting) == kSent.end())
      warnings.push_back(
          core::unsupported_warning(setting, "the Responses API of " + model.provider));
}

}  // namespace

Result<Outgoing> write_openai_responses(const ServerModel& model, const TextRequest& r,
                                        const Call& call) {
  const Dialect& dialect = *model.dialect;
  if (auto error = refused_by_responses(dialect, r)) return std::move(*error);
  if (auto error = check_media(r, *dialect.media)) return std::move(*error);
  Outgoing out;
  out.path = "/responses";
  out.stream = call.wire != infer::Wire::kWhole;
  auto input = write_responses_input(model, r, out.warnings);
  if (!input) return std::move(input.error());

  ObjectWriter body;
  body.text_if("model", model.name);
  body.raw("input", std::move(input->items));
  body.text_if("previous_response_id", r.previous_response_id);
  if (r.store) body.flag("store", *r.store);
  // Without tools their settings are refused.
  if (!r.tools.empty())
    write_tool_use(r, responses_tools(dialect, r, out.warnings), named_choice(r), body);
  const auto format = output_format(r.output, dialect);
  if (!format) return format.error();
  if (!format->empty()) body.raw("text", "{\"format\":" + format->text() + "}");
  if (r.max_tokens) body.integer("max_output_tokens", *r.max_tokens);
  if (r.logprobs && r.logprobs->top > 0) body.integer("top_logprobs", r.logprobs->top);
  body.number("temperature", r.temperature);
  body.number("top_p", r.top_p);
  write_reasoning(dialect, r.reasoning, body, out.warnings);
  write_truncation(r, body, out.warnings);
  warn_of_responses_settings(model, r, out.warnings);
  write_labels(dialect, r, body);
  if (out.stream) {
    body.flag("stream", true);
    if (dialect.obfuscation_off) body.raw("stream_options", R"({"include_obfuscation":false})");
  }
  // The caller's own members, last. What the reader must know of has fields of its own. A group of
  // settings keeps what the request says beside what is added: text.verbosity beside text.format.
  RawObject groups;
  for (const char* name : {"text", "reasoning"})
    if (const std::string* own = body.object().find(name)) groups.set(name, *own);
  if (auto error = merge_extra(r.extra, model.provider,
                               {{"stream", "Call::wire"}, {"input", "TextRequest::messages"}},
                               body.object()))
    return std::move(*error);
  for (const auto& [name, own] : groups.members()) {
    RawObject group(own);
    group.update(RawObject(*body.object().find(name)));
    body.raw(name, group.text());
  }
  write_include(r, input->reasoning, body);
  out.body = body.str();
  if (auto error = check_request_bytes(r, out.body.size(), *dialect.media))
    return std::move(*error);
  std::optional<std::vector<std::string>> custom_tools;
  if (!r.tools.empty()) custom_tools = custom_tools_of(r);
  out.reader = std::make_unique<ResponsesReader>(model, std::move(custom_tools));
  return out;
}

}  // namespace infer::cloud
