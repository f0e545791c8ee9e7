#include "src/http/transport.h"

namespace infer::http {

namespace {
constexpr char lower_ascii(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}
}  // namespace

bool same_name(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (lower_ascii(a[i]) != lower_ascii(b[i])) return false;
  return true;
}

std::string lower_name(std::string_view name) {
  std::string lower(name);
  for (char& c : lower) c = lower_ascii(c);
  return lower;
}

const std::string* HttpHead::find(std::string_view name) const noexcept {
  for (const Header& header : headers)
    if (same_name(header.name, name)) return &header.value;
  return nullptr;
}

}  // namespace infer::http
