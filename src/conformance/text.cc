#include "src/conformance/text.h"

#include <cstddef>
#include <cstdint>

namespace infer {
inline namespace v0 {
namespace {

constexpr int kMaxDepth = 128;

using Members = std::vector<std::pair<std::string_view, std::string_view>>;

// Walks JSON text; every function leaves at_ behind what it read, or says false.
class JsonWalk {
 public:
  explicit JsonWalk(std::string_view text) : text_(text) {}

  bool whole(Members* members) {
    space();
    if (!value(0, members)) return false;
    space();
    return at_ == text_.size();
  }

 private:
  bool eat(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool eat(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  void space() {
    while (eat(' ') || eat('\t') || eat('\n') || eat('\r')) {
    }
  }
  bool digits() {
    const std::size_t first = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return at_ > first;
  }
  bool number() {
    eat('-');
    if (!eat('0') && !digits()) return false;
    if (eat('.') && !digits()) return false;
    if (!eat('e') && !eat('E')) return true;
    if (!eat('+')) eat('-');
    return digits();
  }
  bool string() {
    if (!eat('"')) return false;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c == '\\' && !escape()) return false;
    }
    return false;
  }
  bool escape() {
    if (!eat('u')) {
      if (at_ >= text_.size()) return false;
      return std::string_view("\"\\/bfnrt").find(text_[at_++]) != std::string_view::npos;
    }
    const std::string_view hex = text_.substr(at_, 4);
    at_ += hex.size();
    return hex.size() == 4 &&
           hex.find_first_not_of("0123456789abcdefABCDEF") == std::string_view::npos;
  }
  bool value(int depth, Members* members) {
    if (at_ >= text_.size()) return false;
    const char c = text_[at_];
    if (c == '"') return string();
    if (c == '{' || c == '[') return depth < kMaxDepth && list(depth, members);
    return eat("true") || eat("false") || eat("null") || number();
  }
  bool list(int depth, Members* members) {
    const bool object = text_[at_++] == '{';
    const char close = object ? '}' : ']';
    space();
    if (eat(close)) return true;
    do {
      space();
      std::string_view key;
      if (object) {
        const std::size_t first = at_;
        if (!string()) return false;
        key = text_.substr(first + 1, at_ - first - 2);
        space();
        if (!eat(':')) return false;
        space();
      }
      const std::size_t first = at_;
      if (!value(depth + 1, nullptr)) return false;
      if (members && object) members->emplace_back(key, text_.substr(first, at_ - first));
      space();
    } while (eat(','));
    return eat(close);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// How many bytes the character at the front has; 0 where it is none.
std::size_t character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || text.size() < size) return 0;
  for (std::size_t i = 1; i < size; ++i)
    if ((byte(i) & 0xC0) != 0x80) return 0;
  const std::uint8_t second = byte(1);
  if (first == 0xE0 && second < 0xA0) return 0;  // a longer form than needed
  if (first == 0xED && second > 0x9F) return 0;  // a surrogate
  if (first == 0xF0 && second < 0x90) return 0;
  if (first == 0xF4 && second > 0x8F) return 0;  // beyond U+10FFFF
  return size;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t size = character(text);
    if (size == 0) return false;
    text.remove_prefix(size);
  }
  return true;
}

std::string printable(std::string_view text) {
  constexpr std::size_t kMax = 60;
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text.substr(0, kMax)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F) {
      out += c;
    } else {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out + (text.size() > kMax ? "...\"" : "\"");
}

std::string json_quoted(std::string_view text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      if (c == '"' || c == '\\') out += '\\';
      out += c;
    }
  }
  return out + '"';
}

bool is_json(std::string_view text) { return JsonWalk(text).whole(nullptr); }

bool json_members(std::string_view text, Members& members) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first != std::string_view::npos && text[first] == '{' && JsonWalk(text).whole(&members);
}

}  // namespace v0
}  // namespace infer
