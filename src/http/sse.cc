#include "src/http/sse.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "src/core/utf8.h"
#include "src/http/sse_scan.h"
#include "src/http/transport.h"

namespace infer::http {
namespace {

constexpr std::string_view kBom = "\xEF\xBB\xBF";
// Buffers that one event has made larger than this are not kept for the next.
constexpr std::size_t kKeptCapacity = std::size_t{64} * 1024;

// How many bytes at the start of `text`, which does not start with a valid character, one U+FFFD
// stands for: the beginning of a character as far as it is one (Unicode 3.9, U+FFFD substitution
// of maximal subparts), at least one byte.
std::size_t maximal_subpart(std::string_view text) noexcept {
  const auto in = [&](std::size_t i, unsigned low, unsigned high) {
    return i < text.size() && static_cast<std::uint8_t>(text[i]) >= low &&
           static_cast<std::uint8_t>(text[i]) <= high;
  };
  if (!in(0, 0xC2, 0xF4)) return 1;
  const bool second = in(0, 0xE0, 0xE0)   ? in(1, 0xA0, 0xBF)
                      : in(0, 0xED, 0xED) ? in(1, 0x80, 0x9F)
                      : in(0, 0xF0, 0xF0) ? in(1, 0x90, 0xBF)
                      : in(0, 0xF4, 0xF4) ? in(1, 0x80, 0x8F)
                                          : in(1, 0x80, 0xBF);
  if (!second || in(0, 0xC2, 0xDF)) return 1;
  return in(0, 0xF0, 0xF4) && in(2, 0x80, 0xBF) ? 3 : 2;
}

// Hands the text to `append` in pieces of valid UTF-8; false as soon as it says so.
template <class Append>
bool decode_utf8(std::string_view text, const Append& append) {
  for (;;) {
    const std::size_t bad = core::utf8_error(text);
    if (!append(text.substr(0, bad))) return false;
    if (bad == core::kValidUtf8) return true;
    if (!append("\xEF\xBF\xBD")) return false;
    text.remove_prefix(bad);
    text.remove_prefix(maximal_subpart(text));
  }
}

std::string decoded(std::string_view text) {
  std::string out;
  decode_utf8(text, [&](std::string_view piece) {
    out += piece;
    return true;
  });
  return out;
}

// If the line is the field `name`: its value. Without a colon the whole line is the name.
template <std::size_t n>
bool is_field(std::string_view line, const char (&name)[n], std::string_view& value) noexcept {
  constexpr std::size_t kLength = n - 1;
  if (line.size() < kLength || std::memcmp(line.data(), name, kLength) != 0) return false;
  value = line.substr(kLength);
  if (value.empty()) return true;
  if (value[0] != ':') return false;
  value.remove_prefix(value.size() > 1 && value[1] == ' ' ? 2 : 1);
  return true;
}

}  // namespace

// ---- bytes with padding

std::string_view SseDecoder::Padded::view(std::size_t from) const noexcept {
  return {bytes_.data() + from, size_ - from};
}

bool SseDecoder::Padded::append(std::string_view bytes, std::size_t limit) {
  if (size_ > limit || bytes.size() > limit - size_) return false;
  const std::size_t need = size_ + bytes.size() + kPadding;
  if (need > bytes_.capacity()) {
    // Doubled; but the last time straight to what the limit allows, so that the old and the new
    // memory together stay below one and a half times the limit.
    std::size_t want = std::max(need, 2 * bytes_.capacity());
    if (want > limit / 2) want = std::max(need, limit + kPadding);
    bytes_.reserve(want);
  }
  bytes_.resize(size_);
  bytes_.append(bytes);
  size_ = bytes_.size();
  bytes_.append(kPadding, '\0');
  return true;
}

void SseDecoder::Padded::clear() noexcept {
  size_ = 0;
  if (bytes_.capacity() > kKeptCapacity) std::string().swap(bytes_);
}

// ---- lines

void SseDecoder::feed(std::string_view bytes) {
  at_ = bytes.data();
  end_ = at_ + bytes.size();
}

SseDecoder::Step SseDecoder::next() {
  if (failed_) return Step::kTooLarge;
  if (given_) forget();
  if (bom_ < kBom.size()) skip_bom();
  while (at_ != end_) {
    if (after_cr_) {
      after_cr_ = false;
      if (*at_ == '\n') {
        ++at_;
        continue;
      }
    }
    if (*at_ == '\n' && line_.size() == 0) {
      ++at_;
      if (dispatch()) return Step::kEvent;
      continue;
    }
    if (std::exchange(fresh_, false)) {
      begin_ = line_.size() == 0 ? at_ : nullptr;
      if (begin_ && skip_frame()) continue;
    }
    const LineEnd stop = find_line_end(at_, end_);
    Line line{{at_, static_cast<std::size_t>(stop.at - at_)}, stop.ascii};
    const bool whole = stop.at != end_;
    line.carried = !whole || line_.size() != 0;
    if (line.carried ? !carry(line.bytes, line.ascii) : line.bytes.size() > limit_)
      return too_large();
    at_ = stop.at;
    if (!whole) break;
    after_cr_ = *at_++ == '\r';
    if (line.carried) line = {line_.view(), line_ascii_, true};
    if (line.bytes.empty()) {
      if (dispatch()) return Step::kEvent;
    } else if (!field(line)) {
      return too_large();
    }
    if (line.carried) {
      line_.clear();
      line_ascii_ = true;
    }
  }
  return more();
}

void SseDecoder::skip_bom() {
  while (bom_ < kBom.size() && at_ != end_) {
    if (*at_ == kBom[bom_]) {
      ++bom_;
      ++at_;
      continue;
    }
    // It is none: what was taken for one begins the first line. The limit is looked at later.
    if (bom_ != 0) {
      line_.append(kBom.substr(0, bom_), kBom.size());
      line_ascii_ = false;
    }
    bom_ = static_cast<std::uint8_t>(kBom.size());
  }
}

// The same bytes again, then data that is simple and whole. False, and nothing is done, for all
// else.
bool SseDecoder::skip_frame() {
  const auto left = static_cast<std::size_t>(end_ - at_);
  if (frame_size_ == 0 || left <= frame_size_ || std::memcmp(at_, frame_.data(), frame_size_) != 0)
    return false;
  const char* const data = at_ + frame_size_;
  if (*data == ' ' && frame_[frame_size_ - 1] == ':') return false;  // a space that is dropped
  const LineEnd stop = find_line_end(data, end_);
  const std::string_view value(data, static_cast<std::size_t>(stop.at - data));
  if (stop.at == end_ || frame_size_ + value.size() > limit_) return false;
  if (!stop.ascii && core::utf8_error(value) != core::kValidUtf8) return false;
  if (frame_type_size_ != 0) fed_type_ = {at_ + frame_type_at_, frame_type_size_};
  fed_data_ = value;
  data_ = Where::kFed;
  begin_ = nullptr;
  at_ = stop.at;
  after_cr_ = *at_++ == '\r';
  return true;
}

// Of an event that lies whole in the fed bytes, in which no line did anything besides.
void SseDecoder::learn_frame() {
  if (data_ != Where::kFed || type_kept_ || fed_data_.empty()) return;
  const auto size = static_cast<std::size_t>(fed_data_.data() - begin_);
  if (size > kMaxFrame || (!fed_type_.empty() && fed_type_.data() > fed_data_.data())) return;
  std::memcpy(frame_.data(), begin_, size);
  frame_size_ = size;
  frame_type_size_ = fed_type_.size();
  frame_type_at_ = fed_type_.empty() ? 0 : static_cast<std::size_t>(fed_type_.data() - begin_);
}

bool SseDecoder::carry(std::string_view bytes, bool ascii) {
  line_ascii_ = line_ascii_ && ascii;
  return line_.append(bytes, limit_);
}

// ---- fields. False: the event is too large.

bool SseDecoder::field(const Line& line) {
  std::string_view value;
  switch (line.bytes[0]) {
    case 'd':
      if (is_field(line.bytes, "data", value)) return data_field(line, value);
      break;
    case 'e':
      if (is_field(line.bytes, "event", value)) type_field(line, value);
      break;
    case 'i':
      begin_ = nullptr;
      if (is_field(line.bytes, "id", value) && value.find('\0') == std::string_view::npos)
        id_ = line.ascii ? std::string(value) : decoded(value);
      break;
    case 'r':
      begin_ = nullptr;
      if (is_field(line.bytes, "retry", value)) retry_field(value);
      break;
    default: break;  // a comment, or a field that nobody knows
  }
  return true;
}

bool SseDecoder::data_field(const Line& line, std::string_view value) {
  const bool valid = line.ascii || core::utf8_error(value) == core::kValidUtf8;
  if (data_ != Where::kNowhere || !valid) return add_data(value, valid);
  if (line.carried) {
    // The line's own memory becomes the data: large data is not copied again.
    kept_from_ = static_cast<std::size_t>(value.data() - line.bytes.data());
    std::swap(kept_data_, line_);
    data_ = Where::kKept;
  } else {
    fed_data_ = value;
    data_ = Where::kFed;
  }
  return true;
}

bool SseDecoder::add_data(std::string_view value, bool valid) {
  if (data_ == Where::kNowhere) {
    kept_from_ = 0;
    data_ = Where::kKept;
  } else {
    if (!keep_data() || !kept_data_.append("\n", limit_ + kept_from_)) return false;
  }
  if (valid) return kept_data_.append(value, limit_ + kept_from_);
  return append_decoded(value);
}

bool SseDecoder::append_decoded(std::string_view value) {
  return decode_utf8(
      value, [&](std::string_view piece) { return kept_data_.append(piece, limit_ + kept_from_); });
}

bool SseDecoder::keep_data() {
  if (data_ != Where::kFed) return true;
  data_ = Where::kKept;
  kept_from_ = 0;
  return kept_data_.append(fed_data_, limit_);
}

void SseDecoder::type_field(const Line& line, std::string_view value) {
  const bool valid = line.ascii || core::utf8_error(value) == core::kValidUtf8;
  type_kept_ = line.carried || !valid;
  if (type_kept_)
    kept_type_ = decoded(value);
  else
    fed_type_ = value;
}

// A number too large for the type is as good as for ever.
void SseDecoder::retry_field(std::string_view value) {
  if (value.empty()) return;
  constexpr std::uint64_t kMost = static_cast<std::uint64_t>(-1);
  std::uint64_t number = 0;
  for (const char c : value) {
    if (c < '0' || c > '9') return;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    number = number > (kMost - digit) / 10 ? kMost : 10 * number + digit;
  }
  retry_ = number;
}

// ---- events

// False: there is no data, which makes it none.
bool SseDecoder::dispatch() {
  given_ = data_ != Where::kNowhere;
  if (begin_) learn_frame();
  if (!given_) {
    forget();
    return false;
  }
  event_.data = data_ == Where::kFed ? fed_data_ : kept_data_.view(kept_from_);
  event_.type = type_kept_ ? std::string_view(kept_type_) : fed_type_;
  event_.id = id_;
  ++count_;
  return true;
}

void SseDecoder::forget() {
  event_ = {};
  given_ = false;
  fresh_ = true;
  if (data_ == Where::kKept) kept_data_.clear();
  data_ = Where::kNowhere;
  type_kept_ = false;
  fed_type_ = {};
}

// The fed bytes go: what is needed of them is kept.
SseDecoder::Step SseDecoder::more() {
  begin_ = nullptr;
  if (!keep_data()) return too_large();
  fed_data_ = {};
  if (!type_kept_ && !fed_type_.empty()) {
    kept_type_ = fed_type_;
    type_kept_ = true;
  }
  fed_type_ = {};
  return Step::kMore;
}

SseDecoder::Step SseDecoder::too_large() {
  forget();
  line_.clear();
  failed_ = true;
  return Step::kTooLarge;
}

std::string_view SseDecoder::pending_data() const noexcept {
  if (data_ != Where::kKept || given_ || line_.size() != 0) return {};
  return kept_data_.view(kept_from_);
}

}  // namespace infer::http
