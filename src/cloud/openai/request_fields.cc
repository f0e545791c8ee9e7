#include "src/cloud/openai/request_fields.h"

#include <algorithm>
#include <cstddef>

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
