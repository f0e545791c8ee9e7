#include "src/image/png_chunks.h"

#include <zlib.h>

#include <cstdint>

#include "src/core/header_bytes.h"

namespace infer::pictures {
namespace {

constexpr std::size_t kAround = 12;  // length, type and checksum

void append_big(std::string& out, std::uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(value >> shift & 0xff);
}

std::uint32_t checksum_of(std::string_view type_and_data) noexcept {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(type_and_data.data()), type_and_data.size()));
}

}  // namespace

bool PngChunks::next(PngChunk& out) noexcept {
  const core::HeaderBytes in(png_);
  if (at_end_ || at_ > png_.size() || png_.size() - at_ < kAround) return false;
  const std::size_t length = in.big(at_, 4);
  if (png_.size() - at_ - kAround < length) return false;
  out.whole = png_.substr(at_, kAround + length);
  out.type = out.whole.substr(4, 4);
  out.data = out.whole.substr(8, length);
  at_ += out.whole.size();
  at_end_ = out.type == "IEND";
  return true;
}

bool checksum_fits(const PngChunk& chunk) noexcept {
  return checksum_of(chunk.whole.substr(4, 4 + chunk.data.size())) ==
         core::HeaderBytes(chunk.whole).big(chunk.whole.size() - 4, 4);
}

void append_chunk(std::string& out, std::string_view type, std::string_view data) {
  append_big(out, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = out.size();
  out += type;
  out += data;
  append_big(out, checksum_of(std::string_view(out).substr(begin)));
}

}  // namespace infer::pictures
