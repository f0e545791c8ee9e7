// How large a picture is, out of the header of its file. Sources: the PNG specification (IHDR),
// ITU-T T.81 Annex B (JPEG's markers), GIF89a (logical screen descriptor), RFC 9649 (WebP),
// Microsoft's BITMAPCOREHEADER and BITMAPINFOHEADER.
#include "infer/media.h"
#include "src/core/header_bytes.h"

namespace infer {
inline namespace v0 {
namespace {

using core::HeaderBytes;
using MaybeSize = std::optional<PictureSize>;

MaybeSize size_if(std::uint32_t width, std::uint32_t height) {
  if (width == 0 || height == 0) return std::nullopt;
  return PictureSize{width, height};
}

MaybeSize png_size(const HeaderBytes& in) {
  constexpr std::uint32_t kMost = 0x7fffffff;
  if (!in.has(24) || !in.says(12, "IHDR")) return std::nullopt;
  const std::uint32_t width = in.big(16, 4), height = in.big(20, 4);
  if (width > kMost || height > kMost) return std::nullopt;
  return size_if(width, height);
}

bool is_start_of_frame(std::uint32_t marker) {  // not DHT, JPG and DAC, which stand among them
  return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

// From marker to marker by their lengths, so that a thumbnail inside of one is passed over.
MaybeSize jpeg_size(const HeaderBytes& in) {
  std::size_t at = 2;
  while (in.has(at + 2)) {
    if (in.at(at) != 0xff) return std::nullopt;
    const std::uint32_t marker = in.at(at + 1);
    if (marker == 0xff) {  // bytes that fill up
      ++at;
      continue;
    }
    at += 2;
    const bool stands_alone = marker == 0x01 || (marker >= 0xd0 && marker <= 0xd7);
    if (stands_alone) continue;
    // The scan, the end or another beginning: no frame came before them.
    if (marker >= 0xd8 && marker <= 0xda) return std::nullopt;
    const std::uint32_t length = in.big(at, 2);
    if (length < 2) return std::nullopt;
    if (is_start_of_frame(marker))
      return in.has(at + 7) && length >= 7 ? size_if(in.big(at + 5, 2), in.big(at + 3, 2))
                                           : std::nullopt;
    at += length;
  }
  return std::nullopt;
}

MaybeSize gif_size(const HeaderBytes& in) {
  return in.has(10) ? size_if(in.little(6, 2), in.little(8, 2)) : std::nullopt;
}

MaybeSize webp_size(const HeaderBytes& in) {
  constexpr std::uint32_t k14Bits = 0x3fff;
  if (in.says(12, "VP8 ") && in.has(30) && in.says(23, "\x9d\x01\x2a"))
    return size_if(in.little(26, 2) & k14Bits, in.little(28, 2) & k14Bits);
  if (in.says(12, "VP8L") && in.has(25) && in.at(20) == 0x2f) {
    const std::uint32_t bits = in.little(21, 4);
    return size_if((bits & k14Bits) + 1, (bits >> 14 & k14Bits) + 1);
  }
  if (in.says(12, "VP8X") && in.has(30)) return size_if(in.little(24, 3) + 1, in.little(27, 3) + 1);
  return std::nullopt;
}

// The height of a picture whose first row is the top one is negative.
MaybeSize bmp_size(const HeaderBytes& in) {
  constexpr std::uint32_t kSign = 0x80000000;
  const std::uint32_t header = in.little(14, 4);
  if (header == 12) return in.has(22) ? size_if(in.little(18, 2), in.little(20, 2)) : std::nullopt;
  if (header < 16 || !in.has(26)) return std::nullopt;
  const std::uint32_t width = in.little(18, 4), height = in.little(22, 4);
  if ((width & kSign) != 0 || height == kSign) return std::nullopt;
  return size_if(width, (height & kSign) != 0 ? 0u - height : height);
}

}  // namespace

std::optional<PictureSize> picture_size(std::string_view bytes) noexcept {
  const std::string_view mime = mime_of(bytes);
  const HeaderBytes in(bytes);
  if (mime == "image/png") return png_size(in);
  if (mime == "image/jpeg") return jpeg_size(in);
  if (mime == "image/gif") return gif_size(in);
  if (mime == "image/webp") return webp_size(in);
  if (mime == "image/bmp") return bmp_size(in);
  return std::nullopt;
}

}  // namespace v0
}  // namespace infer
