#include "src/cloud/anthropic/raw_view.h"

#include <charconv>

#include "src/cloud/delta_template.h"

namespace infer::cloud {

std::string_view RawView::find(std::string_view name) const noexcept {
  for (auto member = members_.rbegin(); member != members_.rend(); ++member)
    if (member->key == name) return member->value;
  return {};
}

std::string_view RawView::value(std::string_view name) const noexcept {
  const std::string_view json = find(name);
  return json == "null" ? std::string_view() : json;
}

std::optional<std::string> RawView::text(std::string_view name) const {
  const std::string_view json = find(name);
  if (!is_raw_string(json)) return std::nullopt;
  std::string text;
  append_unescaped(text, raw_inside(json));
  return text;
}

std::optional<std::int64_t> RawView::integer(std::string_view name) const {
  const std::string_view json = find(name);
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), number);
  if (error != std::errc() || end != json.data() + json.size()) return std::nullopt;
  return number;
}

std::string RawView::text_or(std::string_view name, std::string_view fallback) const {
  auto found = text(name);
  return found ? std::move(*found) : std::string(fallback);
}

}  // namespace infer::cloud
