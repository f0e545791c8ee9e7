#include "src/cloud/modal/json_pointer.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <string_view>

namespace infer::cloud {
namespace {

// An index has no sign and no leading zeros (section 4).
std::optional<std::size_t> index_of(std::string_view token) {
  if (token.empty() || (token.size() > 1 && token.front() == '0')) return std::nullopt;
  std::size_t index = 0;
  const char* const end = token.data() + token.size();
  const auto [at, error] = std::from_chars(token.data(), end, index);
  if (error != std::errc() || at != end) return std::nullopt;
  return index;
}

// "~1" is '/', "~0" is '~', and a '~' is nothing else.
std::optional<std::string> unescaped(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    const char next = ++i < token.size() ? token[i] : ' ';
    if (next != '0' && next != '1') return std::nullopt;
    out += next == '0' ? '~' : '/';
  }
  return out;
}

}  // namespace

Result<JsonPointer> JsonPointer::parse(const std::string& text) {
  JsonPointer made;
  made.text_ = text;
  if (text.empty()) return made;
  if (text.front() != '/')
    return Error(Errc::kInvalidRequest, "'" + text +
                                            "' is no JSON Pointer: it begins with '/', as in "
                                            "/output/0/text; empty is the whole answer");
  std::string_view rest = std::string_view(text).substr(1);
  for (bool more = true; more;) {
    const std::size_t slash = rest.find('/');
    auto token = unescaped(rest.substr(0, slash));
    if (!token)
      return Error(Errc::kInvalidRequest,
                   "'" + text + "' is no JSON Pointer: a '~' is written ~0, a '/' in a name ~1");
    made.tokens_.push_back(std::move(*token));
    more = slash != rest.npos;
    rest.remove_prefix(more ? slash + 1 : rest.size());
  }
  return made;
}

const core::Json* JsonPointer::find(const core::Json& document) const {
  const core::Json* at = &document;
  for (const std::string& token : tokens_) {
    if (at->is_array()) {
      const auto index = index_of(token);
      if (!index || *index >= at->size()) return nullptr;
      at = &(*at)[*index];
    } else {
      at = core::find(*at, token);
      if (!at) return nullptr;
    }
  }
  return at;
}

}  // namespace infer::cloud
