#include <utility>

#include "infer/structured.h"
#include "src/core/json.h"

namespace infer {
inline namespace v0 {

namespace {

enum State : std::uint8_t {
  kValue,         // a value
  kFirstElement,  // a value, or the end of the array
  kFirstName,     // a member's name, or the end of the object
  kName,
  kColon,
  kAfter,  // of a value: a comma, the end of what is open, or nothing more
  kInString,
  kInEscape,
  kInNumber,
  kInTrue,
  kInFalse,
  kInNull,
};

// Where in a number; from kZero on it may end, but for those in between.
enum NumberStep : std::uint8_t { kSign, kZero, kDigits, kPoint, kFraction, kE, kESign, kExponent };

// Where in an escape: after the backslash, then the four digits, then the two bytes that must come
// between the halves of a pair.
enum EscapeStep : std::uint8_t { kLetter, kHex1, kHex2, kHex3, kHex4, kSecondSlash, kSecondU };

bool is_space(unsigned char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }

int hex_digit(unsigned char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool may_end(std::uint8_t number_step) {
  return number_step == kZero || number_step == kDigits || number_step == kFraction ||
         number_step == kExponent;
}

std::string_view word_of(std::uint8_t state) {
  return state == kInTrue ? "true" : state == kInFalse ? "false" : "null";
}

}  // namespace

bool PartialJson::add(std::string_view piece) {
  if (!valid_) return false;
  bytes_ += piece;
  for (; at_ < bytes_.size(); ++at_)
    if (!take(static_cast<unsigned char>(bytes_[at_]))) return valid_ = false;
  return true;
}

bool PartialJson::take(unsigned char c) {
  switch (state_) {
    case kInString: return in_string(c);
    case kInEscape: return in_escape(c);
    case kInNumber: return in_number(c);
    case kInTrue:
    case kInFalse:
    case kInNull: {
      const std::string_view word = word_of(state_);
      if (c != static_cast<unsigned char>(word[step_])) return false;
      if (++step_ == word.size()) end_value(at_ + 1);
      return true;
    }
    default: break;
  }
  if (is_space(c)) {
    if (stack_.empty() && state_ == kAfter) keep_ = at_ + 1;
    return true;
  }
  switch (state_) {
    case kFirstElement:
      if (c == ']') return close(c);
      return begin_value(c);
    case kFirstName:
      if (c == '}') return close(c);
      [[fallthrough]];
    case kName:
      key_ = true;
      state_ = kInString;
      return c == '"';
    case kColon: state_ = kValue; return c == ':';
    case kAfter:
      if (stack_.empty()) return false;
      if (c != ',') return close(c);
      state_ = stack_.back() == '{' ? kName : kValue;
      return true;
    default: return begin_value(c);
  }
}

bool PartialJson::begin_value(unsigned char c) {
  step_ = 0;
  switch (c) {
    case '{':
    case '[':
      if (stack_.size() >= static_cast<std::size_t>(core::kMaxJsonDepth)) return false;
      stack_ += static_cast<char>(c);
      state_ = c == '{' ? kFirstName : kFirstElement;
      keep_ = at_ + 1;
      return true;
    case '"':
      key_ = false;
      state_ = kInString;
      keep_ = at_ + 1;
      return true;
    case 't': state_ = kInTrue; break;
    case 'f': state_ = kInFalse; break;
    case 'n': state_ = kInNull; break;
    default:
      if (c != '-' && !is_digit(c)) return false;
      state_ = kInNumber;
      step_ = c == '-' ? kSign : c == '0' ? kZero : kDigits;
      if (stack_.empty() && may_end(step_)) keep_ = at_ + 1;
      return true;
  }
  step_ = 1;
  return true;
}

void PartialJson::end_value(std::size_t size) {
  keep_ = size;
  state_ = kAfter;
}

bool PartialJson::close(unsigned char c) {
  if (static_cast<char>(c) != (stack_.back() == '{' ? '}' : ']')) return false;
  stack_.pop_back();
  end_value(at_ + 1);
  return true;
}

bool PartialJson::in_string(unsigned char c) {
  if (more_ > 0) {  // the table of RFC 3629, section 4: only the second byte has narrower bounds
    if (c < low_ || c > high_) return false;
    low_ = 0x80;
    high_ = 0xBF;
    if (--more_ > 0) return true;
  } else if (c == '"') {
    if (key_)
      state_ = kColon;
    else
      end_value(at_ + 1);
    return true;
  } else if (c == '\\') {
    state_ = kInEscape;
    step_ = kLetter;
    unit_ = 0;
    return true;
  } else if (c >= 0x80) {
    if (c < 0xC2 || c > 0xF4) return false;
    more_ = c < 0xE0 ? 1 : c < 0xF0 ? 2 : 3;
    low_ = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
    high_ = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
    return true;
  } else if (c < 0x20) {
    return false;
  }
  if (!key_) keep_ = at_ + 1;
  return true;
}

bool PartialJson::in_escape(unsigned char c) {
  const bool second = (unit_ >> 16) != 0;  // the first half of the pair waits there
  switch (step_) {
    case kLetter:
      if (c == 'u') {
        step_ = kHex1;
        return true;
      }
      if (std::string_view("\"\\/bfnrt").find(static_cast<char>(c)) == std::string_view::npos)
        return false;
      break;
    case kSecondSlash: step_ = kSecondU; return c == '\\';
    case kSecondU: step_ = kHex1; return c == 'u';
    default: {
      const int digit = hex_digit(c);
      if (digit < 0) return false;
      const std::uint32_t unit = ((unit_ & 0xFFFF) << 4) | static_cast<std::uint32_t>(digit);
      unit_ = (unit_ & 0xFFFF0000u) | unit;
      if (step_ != kHex4) {
        ++step_;
        return true;
      }
      const bool is_low = unit >= 0xDC00 && unit <= 0xDFFF;
      if (is_low != second) return false;
      if (unit >= 0xD800 && unit <= 0xDBFF) {
        unit_ = unit << 16;
        step_ = kSecondSlash;
        return true;
      }
    }
  }
  state_ = kInString;
  if (!key_) keep_ = at_ + 1;
  return true;
}

bool PartialJson::in_number(unsigned char c) {
  const bool digit = is_digit(c);
  const bool has_e = c == 'e' || c == 'E';
  std::uint8_t next = 0xFF;
  switch (step_) {
    case kSign: next = c == '0' ? kZero : digit ? kDigits : 0xFF; break;
    case kZero: next = c == '.' ? kPoint : has_e ? kE : 0xFF; break;
    case kDigits: next = digit ? kDigits : c == '.' ? kPoint : has_e ? kE : 0xFF; break;
    case kPoint: next = digit ? kFraction : 0xFF; break;
    case kFraction: next = digit ? kFraction : has_e ? kE : 0xFF; break;
    case kE: next = digit ? kExponent : c == '+' || c == '-' ? kESign : 0xFF; break;
    default: next = digit ? kExponent : 0xFF; break;
  }
  if (next != 0xFF) {
    step_ = next;
    if (stack_.empty() && may_end(step_)) keep_ = at_ + 1;
    return true;
  }
  if (!may_end(step_)) return false;
  end_value(at_);
  return take(c);
}

std::string PartialJson::text() const {
  if (keep_ == 0) return "null";
  std::string out;
  out.reserve(keep_ + stack_.size() + 1);
  out.append(bytes_, 0, keep_);
  if (!key_ && (state_ == kInString || state_ == kInEscape)) out += '"';
  for (auto open = stack_.rbegin(); open != stack_.rend(); ++open) out += *open == '{' ? '}' : ']';
  return out;
}

bool PartialJson::complete() const noexcept { return valid_ && stack_.empty() && state_ == kAfter; }

}  // namespace v0
}  // namespace infer
