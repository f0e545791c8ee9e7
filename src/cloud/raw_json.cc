#include "src/cloud/raw_json.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "src/core/json.h"

namespace infer::cloud {
namespace {

// The characters at which a walk over JSON has to think.
constexpr std::array<bool, 256> kSpecial = [] {
  std::array<bool, 256> special{};
  for (const char c : std::string_view("\"{}[],: \t\n\r"))
    special[static_cast<unsigned char>(c)] = true;
  return special;
}();

bool is_json_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

// Walks over JSON text, value by value.
class RawCursor {
 public:
  explicit RawCursor(std::string_view text) : text_(text) {}

  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  // The value that begins here; empty at the end of the text.
  std::string_view value() {
    space();
    const std::size_t begin = at_;
    int depth = 0;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (!kSpecial[static_cast<unsigned char>(c)]) {
        ++at_;  // of a number, a literal or what stands between values
        continue;
      }
      if (c == '"') {
        string();
      } else if (c == '{' || c == '[') {
        ++depth;
        ++at_;
      } else if (c == '}' || c == ']') {
        if (depth == 0) break;
        --depth;
        ++at_;
      } else if (depth == 0 && (c == ',' || c == ':' || is_json_space(c))) {
        break;
      } else {
        ++at_;
        continue;
      }
      if (depth == 0) break;
    }
    return text_.substr(begin, at_ - begin);
  }

 private:
  void space() {
    while (at_ < text_.size() && is_json_space(text_[at_])) ++at_;
  }
  void string() {
    const std::size_t begin = at_ + 1;
    for (at_ = begin;; ++at_) {
      at_ = std::min(text_.find('"', at_), text_.size());
      if (at_ == text_.size()) return;
      std::size_t slashes = at_;
      while (slashes > begin && text_[slashes - 1] == '\\') --slashes;
      if ((at_ - slashes) % 2 == 0) break;  // the quote is not escaped
    }
    ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

std::string key_of(std::string_view quoted) {
  if (quoted.size() < 2) return {};
  const std::string_view inner = quoted.substr(1, quoted.size() - 2);
  if (inner.find('\\') == std::string_view::npos) return std::string(inner);
  const auto json = core::parse_json(quoted);
  return json && json->is_string() ? json->get<std::string>() : std::string(inner);
}

}  // namespace

std::vector<RawMember> raw_members(std::string_view object) {
  std::vector<RawMember> members;
  RawCursor cursor(object);
  if (!cursor.take('{')) return members;
  while (!cursor.take('}')) {
    RawMember member;
    member.key = key_of(cursor.value());
    if (!cursor.take(':')) break;
    member.value = cursor.value();
    if (member.value.empty()) break;
    members.push_back(std::move(member));
    cursor.take(',');
  }
  return members;
}

std::optional<std::string_view> raw_member(std::string_view object, std::string_view key) {
  std::optional<std::string_view> found;
  for (const RawMember& member : raw_members(object))
    if (member.key == key) found = member.value;
  return found;
}

std::vector<std::string_view> raw_elements(std::string_view array) {
  std::vector<std::string_view> elements;
  RawCursor cursor(array);
  if (!cursor.take('[')) return elements;
  while (!cursor.take(']')) {
    const std::string_view element = cursor.value();
    if (element.empty()) break;
    elements.push_back(element);
    cursor.take(',');
  }
  return elements;
}

namespace {

// Whether one of eight bytes is a control character, a quote or a backslash.
bool eight_need_escapes(const char* at) {
  constexpr std::uint64_t kOnes = 0x0101010101010101u;
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  std::uint64_t eight;
  std::memcpy(&eight, at, sizeof eight);
  const auto has_below = [](std::uint64_t x, std::uint64_t limit) {
    return (x - kOnes * limit) & ~x & kHighs;
  };
  return (has_below(eight, 0x20) | has_below(eight ^ (kOnes * '"'), 1) |
          has_below(eight ^ (kOnes * '\\'), 1)) != 0;
}

}  // namespace

void append_json_string(std::string& to, std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  to += '"';
  std::size_t plain = 0;  // what has no need of escapes is taken in one go
  for (std::size_t i = 0; i < text.size(); ++i) {
    while (text.size() - i >= 8 && !eight_need_escapes(text.data() + i)) i += 8;
    if (i == text.size()) break;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    to += text.substr(plain, i - plain);
    plain = i + 1;
    switch (c) {
      case '"': to += "\\\""; break;
      case '\\': to += "\\\\"; break;
      case '\n': to += "\\n"; break;
      case '\r': to += "\\r"; break;
      case '\t': to += "\\t"; break;
      default:
        to += "\\u00";
        to += kHex[c >> 4];
        to += kHex[c & 15];
    }
  }
  to += text.substr(plain);
  to += '"';
}

}  // namespace infer::cloud
