#include "src/cloud/anthropic/settings.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/raw_json.h"
#include "src/cloud/schema.h"
#include "src/core/json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

using Effort = ReasoningOptions::Effort;
using Mode = ToolChoice::Mode;

// Sources: the reference of the Messages API, for thinking and for temperature.
constexpr std::int64_t kMinBudget = 1024;
constexpr double kMaxTemperature = 1.0;
// What an answer is given besides its thinking, where max_tokens is not set.
constexpr std::int64_t kRoomForAnswer = 8192;

Warning changed(std::string_view setting, const std::string& what) {
  std::string extra = "{\"setting\":";
  append_json_string(extra, setting);
  return {"unsupported_setting", std::string(setting) + ": " + what, extra + '}'};
}

std::string number(double value) { return core::dump_json(core::Json(value)); }

std::string tool_json(const Tool& tool, std::vector<Warning>& warnings) {
  if (!tool.provider_json.empty()) return tool.provider_json;
  RawObject json;
  json.set_string("name", tool.name);
  if (!tool.description.empty()) json.set_string("description", tool.description);
  ToolSchema schema = tool_schema(tool, &kAnthropicSchema, warnings);
  json.set("input_schema", std::move(schema.schema));
  if (schema.strict) json.set("strict", *schema.strict ? "true" : "false");
  return json.text();
}

void put_tools(const TextRequest& request, RawObject& body, std::vector<Warning>& warnings) {
  if (request.tools.empty()) return;
  std::string tools = "[";
  for (const Tool& tool : request.tools) {
    if (tools.size() > 1) tools += ',';
    tools += tool_json(tool, warnings);
  }
  body.set("tools", tools + ']');

  const ToolChoice& choice = request.tool_choice;
  const bool one_at_a_time = request.parallel_tools && !*request.parallel_tools;
  if (choice.mode == Mode::kAuto && !one_at_a_time) return;
  RawObject json;
  json.set_string("type", choice.mode == Mode::kNone       ? "none"
                          : choice.mode == Mode::kRequired ? "any"
                          : choice.mode == Mode::kNamed    ? "tool"
                                                           : "auto");
  if (choice.mode == Mode::kNamed) json.set_string("name", choice.name);
  if (choice.mode != Mode::kNone && one_at_a_time) json.set("disable_parallel_tool_use", "true");
  body.set("tool_choice", json.text());
}

std::optional<Error> put_format(const Output& output, RawObject& config) {
  if (output.form == Output::Form::kText) return std::nullopt;
  const auto refuse = [](const char* what) {
    return Error(Errc::kUnsupported, std::string("output: ") + what)
        .with_provider(std::string(kAnthropic))
        .with_detail("field", "output");
  };
  if (output.form != Output::Form::kJsonSchema)
    return refuse("Anthropic takes a JSON schema only; there is no grammar and no free JSON mode");
  const auto schema = core::parse_json(output.schema);
  if (!schema || !schema->is_object()) return refuse("the schema must be a JSON object");
  RawObject format;
  format.set_string("type", "json_schema");
  auto fitted = output_schema(output, &kAnthropicSchema);
  if (!fitted) return std::move(fitted.error()).with_provider(std::string(kAnthropic));
  format.set("schema", std::move(*fitted));
  config.set("format", format.text());
  return std::nullopt;
}

std::string_view effort_name(Effort effort) {
  switch (effort) {
    case Effort::kMinimal:
    case Effort::kLow: return "low";
    case Effort::kMedium: return "medium";
    case Effort::kHigh: return "high";
    case Effort::kMax: return "max";
    case Effort::kUnset:
    case Effort::kNone: break;
  }
  return {};
}

void put_effort(Effort effort, RawObject& config, std::vector<Warning>& warnings) {
  const std::string_view name = effort_name(effort);
  if (name.empty()) return;
  if (effort == Effort::kMinimal)
    warnings.push_back(changed("reasoning.effort", "minimal is not known here; low is sent"));
  config.set_string("effort", name);
}

void put_thinking(const TextRequest& request, RawObject& body, std::vector<Warning>& warnings) {
  const char* const kSetting = "reasoning.budget_tokens";
  const auto& wanted = request.reasoning.budget_tokens;
  if (request.reasoning.effort == Effort::kNone || wanted == 0) {
    if (wanted.value_or(0) != 0)
      warnings.push_back(changed(kSetting, "the effort is none; it was ignored"));
    return body.set("thinking", R"({"type":"disabled"})");
  }
  if (!wanted) return;
  // A required tool is a promise, how much is thought is not: the wire does not take both.
  const Mode mode = request.tool_choice.mode;
  if (!request.tools.empty() && (mode == Mode::kRequired || mode == Mode::kNamed))
    return warnings.push_back(
        changed(kSetting, "Claude does not think where a tool is required; it was ignored"));
  const std::int64_t most =
      request.max_tokens ? *request.max_tokens - 1 : INT64_MAX - kRoomForAnswer;
  if (most < kMinBudget)
    return warnings.push_back(
        changed(kSetting, "thinking needs max_tokens over 1024; it was ignored"));
  const std::int64_t budget = std::clamp(*wanted, kMinBudget, most);
  if (budget != *wanted)
    warnings.push_back(changed(kSetting, "must be at least 1024 and below max_tokens; " +
                                             std::to_string(budget) + " is sent"));
  body.set("thinking", R"({"type":"enabled","budget_tokens":)" + std::to_string(budget) + '}');
}

// The budget that put_thinking has sent; 0: none.
std::int64_t budget_of(const RawObject& body) {
  const std::string* const thinking = body.find("thinking");
  if (!thinking) return 0;
  const auto json = core::parse_json(*thinking);
  return json ? core::int_at(*json, "budget_tokens").value_or(0) : 0;
}

void put_max_tokens(const TextRequest& request, RawObject& body) {
  const std::int64_t own = std::max(kDefaultMaxTokens, budget_of(body) + kRoomForAnswer);
  body.set("max_tokens", std::to_string(request.max_tokens.value_or(own)));
}

void put_temperature(const TextRequest& request, RawObject& body, std::vector<Warning>& warnings) {
  const bool thinks = budget_of(body) > 0;
  const auto dropped = [&](std::string_view setting) {
    warnings.push_back(changed(setting, "not taken together with thinking; it was ignored"));
  };
  if (request.temperature && thinks && *request.temperature != 1.0) {
    dropped("temperature");
  } else if (request.temperature && !thinks) {
    if (*request.temperature > kMaxTemperature)
      warnings.push_back(changed("temperature", "at most 1 here; 1 is sent"));
    body.set("temperature", number(std::min(*request.temperature, kMaxTemperature)));
  }
  if (const auto top_k = request.sampling.top_k; top_k && *top_k > 0) {
    if (thinks)
      dropped("sampling.top_k");
    else
      body.set("top_k", std::to_string(*top_k));
  }
  if (request.top_p) {
    if (thinks && *request.top_p < 0.95)  // source: the guide to extended thinking
      dropped("top_p");
    else
      body.set("top_p", number(*request.top_p));
  }
}

bool is_honoured(std::string_view setting) {
  constexpr std::string_view kHonoured[] = {"temperature", "top_p", "sampling.top_k",
                                            "reasoning.effort", "reasoning.budget_tokens"};
  return std::find(std::begin(kHonoured), std::end(kHonoured), setting) != std::end(kHonoured);
}

void put_labels(const TextRequest& request, RawObject& body) {
  const auto named = request.metadata.find("user_id");
  const std::string user = !request.user.empty()             ? request.user
                           : named != request.metadata.end() ? named->second
                                                             : std::string();
  if (!user.empty()) {
    RawObject metadata;
    metadata.set_string("user_id", user);
    body.set("metadata", metadata.text());
  }
  // Names of tiers are each provider's own; others mean nothing here.
  if (request.service_tier == "auto" || request.service_tier == "standard_only")
    body.set_string("service_tier", request.service_tier);
}

}  // namespace

std::optional<Error> put_anthropic_shape(const TextRequest& request, RawObject& body,
                                         std::vector<Warning>& warnings) {
  put_tools(request, body, warnings);
  RawObject config;
  if (auto error = put_format(request.output, config)) return error;
  put_effort(request.reasoning.effort, config, warnings);
  if (!config.empty()) body.set("output_config", config.text());
  put_thinking(request, body, warnings);
  return std::nullopt;
}

void put_anthropic_sampling(const TextRequest& request, RawObject& body,
                            std::vector<Warning>& warnings) {
  put_max_tokens(request, body);
  put_temperature(request, body, warnings);
  if (!request.stop.empty()) {
    std::string stop = "[";
    for (const std::string& text : request.stop) {
      if (stop.size() > 1) stop += ',';
      append_json_string(stop, text);
    }
    body.set("stop_sequences", stop + ']');
  }
  put_labels(request, body);
  for (const core::Setting setting : core::quality_settings(request))
    if (!is_honoured(setting)) warnings.push_back(core::unsupported_warning(setting, kAnthropic));
}

}  // namespace infer::cloud
