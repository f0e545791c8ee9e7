#include "src/cloud/openai/lenient_json.h"

#include "src/core/utf8.h"

namespace infer::cloud {
namespace {

// Escapes of surrogates without a partner, which no parser takes, as escapes of U+FFFD.
std::string with_whole_pairs(std::string text) {
  const auto unit_at = [&](std::size_t at) -> char {  // 'h' high, 'l' low, 0 neither
    if (text.size() < at + 6 || text[at] != '\\' || text[at + 1] != 'u') return 0;
    if (text[at + 2] != 'd' && text[at + 2] != 'D') return 0;
    const char c = text[at + 3];
    if (c == '8' || c == '9' || c == 'a' || c == 'A' || c == 'b' || c == 'B') return 'h';
    return (c >= 'c' && c <= 'f') || (c >= 'C' && c <= 'F') ? 'l' : char{0};
  };
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '\\') continue;
    const char unit = unit_at(i);
    if (unit == 'h' && unit_at(i + 6) == 'l') {
      i += 11;
    } else if (unit != 0) {
      text.replace(i, 6, "\\ufffd");
      i += 5;
    } else {
      ++i;  // of another escape, such as a backslash before a 'u'
    }
  }
  return text;
}

}  // namespace

std::string_view trimmed_json(std::string_view text) {
  const auto space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && space(text.front())) text.remove_prefix(1);
  while (!text.empty() && space(text.back())) text.remove_suffix(1);
  return text;
}

Result<core::Json> parse_lenient(std::string_view& text, std::string& repaired) {
  auto json = core::parse_json(text);
  if (json) return json;
  repaired = with_whole_pairs(core::utf8_repaired(text));
  if (repaired == text) return json;
  auto again = core::parse_json(repaired);
  if (!again) return json;
  text = repaired;
  return again;
}

bool says_nothing(const core::Json& value) {
  return value.is_null() || (value.is_boolean() && !value.get<bool>()) ||
         (value.is_string() && value.get_ref<const std::string&>().empty()) ||
         (value.is_structured() && value.empty());
}

}  // namespace infer::cloud
