#include "src/cloud/openai/request_fields.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace infer::cloud {

Error unsupported_field(const std::string& field, const std::string& why) {
  return Error(Errc::kUnsupported, field + ": " + why).with_detail("field", field);
}

Warning dropped_part(const std::string& where, const std::string& what) {
  return {.code = "dropped_part",
          .message = where + ": " + what,
          .extra = "{\"part\":" + json_string(where) + "}"};
}

Warning adjusted_setting(const std::string& setting, const std::string& how) {
  return {.code = "adjusted_setting",
          .message = setting + " " + how,
          .extra = "{\"setting\":" + json_string(setting) + "}"};
}

std::string with_cache_mark(std::string part) {
  part.pop_back();
  return part + R"(,"prompt_cache_breakpoint":{"mode":"explicit"}})";
}

std::optional<bool> write_function(const Tool& tool, const Dialect& dialect, ObjectWriter& out,
                                   std::vector<Warning>& warnings) {
  out.text("name", tool.name);
  out.text_if("description", tool.description);
  ToolSchema schema = tool_schema(tool, dialect.schema, warnings);
  out.raw("parameters", std::move(schema.schema));
  return schema.strict;
}

void write_tool_use(const TextRequest& request, std::string tools, std::string named,
                    ObjectWriter& body) {
  body.raw("tools", std::move(tools));
  switch (request.tool_choice.mode) {
    case ToolChoice::Mode::kAuto: break;
    case ToolChoice::Mode::kNone: body.text("tool_choice", "none"); break;
    case ToolChoice::Mode::kRequired: body.text("tool_choice", "required"); break;
    case ToolChoice::Mode::kNamed: body.raw("tool_choice", std::move(named)); break;
  }
  if (request.parallel_tools) body.flag("parallel_tool_calls", *request.parallel_tools);
}

Result<RawObject> output_format(const Output& output, const Dialect& dialect,
                                std::string_view under) {
  RawObject format;
  if (output.form == Output::Form::kJsonObject) format.set_string("type", "json_object");
  if (output.form != Output::Form::kJsonSchema) return format;
  auto fitted = output_schema(output, dialect.schema);
  if (!fitted) return std::move(fitted.error());
  RawObject form;
  form.set_string("name", output.name.empty() ? "answer" : output.name);
  form.set("schema", std::move(*fitted));
  form.set("strict", output.strict ? "true" : "false");
  format.set_string("type", "json_schema");
  if (under.empty())
    format.update(form);
  else
    format.set(under, form.text());
  return format;
}

std::string_view effort_word(const Dialect& dialect, ReasoningOptions::Effort effort,
                             std::vector<Warning>& warnings) {
  const auto at = static_cast<std::size_t>(effort);
  if (dialect.efforts[at] != kOwnDialect.efforts[at])
    warnings.push_back(adjusted_setting(
        "reasoning.effort", "is sent as \"" + std::string(dialect.efforts[at]) +
                                "\", the nearest to \"" + std::string(kOwnDialect.efforts[at]) +
                                "\" that is known there"));
  return dialect.efforts[at];
}

void write_labels(const Dialect& dialect, const TextRequest& request, ObjectWriter& body) {
  const auto& tiers = dialect.service_tiers;
  if (tiers[0].empty() ||
      std::find(tiers.begin(), tiers.end(), request.service_tier) != tiers.end())
    body.text_if("service_tier", request.service_tier);
  body.text_if(dialect.user, request.user);
  if (dialect.cache_control) {
    body.text_if("prompt_cache_retention", request.cache_retention);
    if (request.cache_explicit) body.raw("prompt_cache_options", "{\"mode\":\"explicit\"}");
  }
  if (!dialect.labels) return;
  body.text_if("prompt_cache_key", request.cache_key);
  if (request.metadata.empty()) return;
  ObjectWriter metadata;
  for (const auto& [key, value] : request.metadata) metadata.text(key, value);
  body.raw("metadata", metadata.str());
}

}  // namespace infer::cloud
