#include "src/cloud/delta_template.h"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "src/core/utf8.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace infer::cloud {
namespace {

constexpr std::size_t kNoLength = std::string_view::npos;

bool is_plain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

// How many bytes at the start of `text` are printable ASCII other than '"' and '\'. That many bytes
// behind it, `readable`, may be looked at.
std::size_t plain_run(std::string_view text, std::size_t readable) noexcept {
  std::size_t i = 0;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), low = _mm_set1_epi8(0x20);
  for (; i < text.size() && text.size() + readable - i >= 16; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text.data() + i));
    // Signed: bytes over 0x7F are below 0x20 as well.
    const __m128i stop =
        _mm_or_si128(_mm_cmplt_epi8(bytes, low),
                     _mm_or_si128(_mm_cmpeq_epi8(bytes, quote), _mm_cmpeq_epi8(bytes, slash)));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(stop));
    if (mask != 0)
      return std::min(i + static_cast<std::size_t>(std::countr_zero(mask)), text.size());
  }
#endif
  while (i < text.size() && is_plain(static_cast<unsigned char>(text[i]))) ++i;
  return i;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hexadecimal digits at the start of `text`, or -1.
int hex_unit(std::string_view text) {
  if (text.size() < 4) return -1;
  int unit = 0;
  for (std::size_t i = 0; i < 4; ++i) {
    const int digit = hex_digit(text[i]);
    if (digit < 0) return -1;
    unit = unit * 16 + digit;
  }
  return unit;
}

// The length of the escape at the start of `text`, 0 if it is none.
std::size_t escape_length(std::string_view text) {
  if (text.size() < 2) return 0;
  switch (text[1]) {
    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't': return 2;
    case 'u': return hex_unit(text.substr(2)) < 0 ? 0 : 6;
    default: return 0;
  }
}

// The length of the run of bytes over 0x7F, if it is valid UTF-8; else 0.
std::size_t wide_run(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size() && static_cast<unsigned char>(text[i]) >= 0x80) ++i;
  return core::utf8_error(text.substr(0, i)) == core::kValidUtf8 ? i : 0;
}

void append_utf8(std::string& to, std::uint32_t point) {
  const auto put = [&](std::uint32_t byte) { to += static_cast<char>(byte); };
  if (point < 0x80) return put(point);
  if (point < 0x800) {
    put(0xC0 | point >> 6);
    return put(0x80 | (point & 0x3F));
  }
  if (point < 0x10000) {
    put(0xE0 | point >> 12);
  } else {
    put(0xF0 | point >> 18);
    put(0x80 | (point >> 12 & 0x3F));
  }
  put(0x80 | (point >> 6 & 0x3F));
  put(0x80 | (point & 0x3F));
}

bool is_high(std::uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low(std::uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

// Appends the character of the \u escape at the start of `text`; gives the length of what it used,
// which is two escapes for a pair of surrogates.
std::size_t append_unit(std::string& to, std::string_view text) {
  const auto unit = static_cast<std::uint32_t>(hex_unit(text.substr(2)));
  if (is_high(unit) && text.size() >= 12 && text[6] == '\\' && text[7] == 'u') {
    const auto next = static_cast<std::uint32_t>(hex_unit(text.substr(8)));
    if (is_low(next)) {
      append_utf8(to, 0x10000 + ((unit - 0xD800) << 10) + (next - 0xDC00));
      return 12;
    }
  }
  append_utf8(to, is_high(unit) || is_low(unit) ? 0xFFFD : unit);
  return 6;
}

char escaped_character(char c) {
  switch (c) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    default: return c;
  }
}

}  // namespace

std::size_t json_string_length(std::string_view text, std::size_t readable) noexcept {
  std::size_t i = 0;
  for (;;) {
    i += plain_run(text.substr(i), readable);
    if (i >= text.size()) return kNoLength;
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"') return i;
    const std::size_t step = c == '\\'   ? escape_length(text.substr(i))
                             : c >= 0x80 ? wide_run(text.substr(i))
                                         : 0;
    if (step == 0) return kNoLength;
    i += step;
  }
}

void append_unescaped(std::string& to, std::string_view inside) {
  while (!inside.empty()) {
    const std::size_t plain = std::min(inside.find('\\'), inside.size());
    to += inside.substr(0, plain);
    inside.remove_prefix(plain);
    if (inside.size() < 2) return;
    std::size_t used = 2;
    if (inside[1] == 'u')
      used = append_unit(to, inside);
    else
      to += escaped_character(inside[1]);
    inside.remove_prefix(std::min(used, inside.size()));
  }
}

bool DeltaTemplate::learn(std::string_view event, std::initializer_list<std::string_view> strings) {
  count_ = 0;
  if (strings.size() == 0 || strings.size() > kMaxDeltaHoles) return false;
  const std::string_view* const given = strings.begin();
  for (std::size_t i = 0; i < strings.size(); ++i) order_[i] = i;
  std::sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(strings.size()),
            [&](std::size_t a, std::size_t b) { return given[a].data() < given[b].data(); });
  bytes_.clear();
  std::size_t from = 0;
  for (std::size_t i = 0; i < strings.size(); ++i) {
    const std::string_view hole = given[order_[i]];
    if (hole.data() <= event.data() || hole.data() + hole.size() >= event.data() + event.size())
      return false;
    const auto at = static_cast<std::size_t>(hole.data() - event.data());
    if (at <= from || event[at - 1] != '"' || event[at + hole.size()] != '"') return false;
    bytes_ += event.substr(from, at - from);
    ends_[i] = bytes_.size();
    from = at + hole.size();
  }
  bytes_ += event.substr(from);
  ends_[strings.size()] = bytes_.size();
  count_ = strings.size();
  return true;
}

bool DeltaTemplate::match(std::string_view event, DeltaHoles& holes,
                          std::size_t readable) const noexcept {
  if (count_ == 0 || event.size() < bytes_.size()) return false;
  std::size_t begin = 0;
  for (std::size_t i = 0; i < count_; ++i) {
    const std::size_t size = ends_[i] - begin;
    if (event.size() < size || std::memcmp(event.data(), bytes_.data() + begin, size) != 0)
      return false;
    event.remove_prefix(size);
    begin = ends_[i];
    const std::size_t length = json_string_length(event, readable);
    if (length == kNoLength) return false;
    holes[order_[i]] = event.substr(0, length);
    event.remove_prefix(length);
  }
  const std::size_t size = ends_[count_] - begin;
  return event.size() == size && std::memcmp(event.data(), bytes_.data() + begin, size) == 0;
}

}  // namespace infer::cloud
