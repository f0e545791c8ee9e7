#include "src/core/utf8.h"

#include <cstdint>
#include <cstring>

namespace infer::core {
namespace {

// The length of the valid character at the start of `text`, or 0.
std::size_t character(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<std::uint8_t>(text[i]) : std::uint8_t{0};
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const std::uint8_t lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    if (lead == 0xE0 && byte(1) < 0xA0) return 0;  // overlong
    if (lead == 0xED && byte(1) > 0x9F) return 0;  // surrogate
    return tail(1) && tail(2) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    if (lead == 0xF0 && byte(1) < 0x90) return 0;  // overlong
    if (lead == 0xF4 && byte(1) > 0x8F) return 0;  // beyond U+10FFFF
    return tail(1) && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

std::size_t utf8_error(std::string_view text) noexcept {
  constexpr std::uint64_t kHighs = 0x8080808080808080u;
  std::size_t i = 0;
  while (i < text.size()) {
    if (static_cast<std::uint8_t>(text[i]) < 0x80) {  // mostly ASCII: many bytes at a time
      std::uint64_t words[4];
      while (text.size() - i >= sizeof words) {
        std::memcpy(words, text.data() + i, sizeof words);
        if (((words[0] | words[1] | words[2] | words[3]) & kHighs) != 0) break;
        i += sizeof words;
      }
      while (text.size() - i >= sizeof words[0]) {
        std::memcpy(words, text.data() + i, sizeof words[0]);
        if ((words[0] & kHighs) != 0) break;
        i += sizeof words[0];
      }
      while (i < text.size() && static_cast<std::uint8_t>(text[i]) < 0x80) ++i;
      continue;
    }
    const std::size_t n = character(text.substr(i));
    if (n == 0) return i;
    i += n;
  }
  return kValidUtf8;
}

std::string utf8_repaired(std::string_view text) {
  std::string out;
  for (;;) {
    const std::size_t bad = utf8_error(text);
    out += text.substr(0, bad);
    if (bad == kValidUtf8) return out;
    out += "\xEF\xBF\xBD";
    text.remove_prefix(bad + 1);
  }
}

}  // namespace infer::core
