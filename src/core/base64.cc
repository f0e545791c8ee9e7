#include "src/core/base64.h"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace infer::core {
namespace {

constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 64;

constexpr std::array<std::uint8_t, 256> kValues = [] {
  std::array<std::uint8_t, 256> values{};
  for (std::uint8_t& value : values) value = kNoDigit;
  for (std::uint8_t i = 0; i < 64; ++i) values[static_cast<unsigned char>(kDigits[i])] = i;
  return values;
}();

// Four characters, of which the last one or two may be padding.
std::optional<std::string> last_group(std::string_view text) {
  std::size_t digits = 4;
  while (digits > 2 && text[digits - 1] == '=') --digits;
  std::uint32_t group = 0;
  for (std::size_t j = 0; j < 4; ++j) {
    const std::uint8_t value = j < digits ? kValues[static_cast<unsigned char>(text[j])] : 0;
    if (value == kNoDigit) return std::nullopt;
    group = group << 6 | value;
  }
  const std::uint32_t rest = digits == 4 ? 0 : group & (digits == 3 ? 255u : 65535u);
  if (rest != 0) return std::nullopt;  // bits that belong to no byte
  std::string out;
  for (std::size_t j = 0; j + 1 < digits; ++j)
    out += static_cast<char>(group >> (16 - 8 * j) & 255u);
  return out;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t left = bytes.size() - i;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j)
      group = group << 8 | (j < left ? static_cast<unsigned char>(bytes[i + j]) : 0u);
    for (std::size_t j = 0; j < 4; ++j)
      out += j <= left ? kDigits[group >> (18 - 6 * j) & 63u] : '=';
  }
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  std::size_t at = 0;
  std::uint32_t foreign = 0;  // of all groups but the last: pictures are long
  const std::size_t last = text.empty() ? 0 : text.size() - 4;
  for (std::size_t i = 0; i < last; i += 4, at += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 4; ++j) {
      const std::uint32_t value = kValues[static_cast<unsigned char>(text[i + j])];
      foreign |= value;
      group = group << 6 | (value & 63u);
    }
    for (std::size_t j = 0; j < 3; ++j)
      out[at + j] = static_cast<char>(group >> (16 - 8 * j) & 255u);
  }
  if ((foreign & kNoDigit) != 0) return std::nullopt;
  if (text.empty()) return out;
  const auto end = last_group(text.substr(last));
  if (!end) return std::nullopt;
  out.replace(at, std::string::npos, *end);
  return out;
}

std::optional<std::string> from_lenient_base64(std::string_view text) {
  if (auto bytes = from_base64(text)) return bytes;
  std::string plain;
  plain.reserve(text.size() + 3);
  for (const char c : text) {
    if (c == '-' || c == '_')
      plain += c == '-' ? '+' : '/';
    else if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
      plain += c;
  }
  if (plain.size() % 4 != 1 && (plain.empty() || plain.back() != '='))
    plain.append((4 - plain.size() % 4) % 4, '=');
  return from_base64(plain);
}

bool append_floats(std::vector<float>& out, std::string_view base64) {
  const auto bytes = from_lenient_base64(base64);
  if (!bytes || bytes->size() % 4 != 0) return false;
  // resize() grows by factors, where reserve() would copy all rows for every row.
  std::size_t at = out.size();
  out.resize(at + bytes->size() / 4);
  for (std::size_t i = 0; i < bytes->size(); i += 4) {
    std::uint32_t bits = 0;
    for (std::size_t j = 4; j-- > 0;)
      bits = bits << 8 | static_cast<unsigned char>((*bytes)[i + j]);
    out[at++] = std::bit_cast<float>(bits);
  }
  return true;
}

}  // namespace infer::core
