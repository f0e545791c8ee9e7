#include "src/cloud/anthropic/json_check.h"

#include "src/cloud/delta_template.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

// Every function leaves at_ behind what it has accepted, or at what it has not.
class JsonChecker {
 public:
  explicit JsonChecker(std::string_view text) : text_(text) {}

  std::size_t run() noexcept {
    if (!value(0)) return at_;
    space();
    return at_ == text_.size() ? kGoodJson : at_;
  }

 private:
  char peek() const noexcept { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) noexcept {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void space() noexcept {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\r' || text_[at_] == '\t'))
      ++at_;
  }

  bool value(int depth) noexcept {
    space();
    switch (peek()) {
      case '{': return depth < core::kMaxJsonDepth && object(depth + 1);
      case '[': return depth < core::kMaxJsonDepth && array(depth + 1);
      case '"': return string();
      case 't': return literal("true");
      case 'f': return literal("false");
      case 'n': return literal("null");
      default: return number();
    }
  }
  bool object(int depth) noexcept {
    ++at_;
    space();
    if (take('}')) return true;
    do {
      space();
      if (!string()) return false;
      space();
      if (!take(':') || !value(depth)) return false;
      space();
    } while (take(','));
    return take('}');
  }
  bool array(int depth) noexcept {
    ++at_;
    space();
    if (take(']')) return true;
    do {
      if (!value(depth)) return false;
      space();
    } while (take(','));
    return take(']');
  }
  bool string() noexcept {
    if (!take('"')) return false;
    const std::size_t size = json_string_length(text_.substr(at_));
    if (size == std::string_view::npos) return false;
    at_ += size + 1;
    return true;
  }
  bool literal(std::string_view word) noexcept {
    if (text_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool digits() noexcept {
    const std::size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    return at_ != begin;
  }
  bool number() noexcept {
    take('-');
    if (!take('0') && !digits()) return false;
    if (take('.') && !digits()) return false;
    if (!take('e') && !take('E')) return true;
    if (!take('+')) take('-');
    return digits();
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

}  // namespace

std::size_t json_error(std::string_view text) noexcept { return JsonChecker(text).run(); }

}  // namespace infer::cloud
