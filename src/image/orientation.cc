// How a camera was held: the tag Orientation of Exif (CIPA DC-008), which is a TIFF file of its own
// in a part of the picture's file.
#include "src/core/header_bytes.h"
#include "src/image/codec.h"
#include "src/image/png_chunks.h"
#include "src/image/riff.h"

namespace infer::pictures {
namespace {

constexpr std::string_view kExifHead("Exif\0\0", 6);

std::string_view exif_of_png(std::string_view bytes) noexcept {
  PngChunks chunks(bytes);
  PngChunk chunk;
  while (chunks.next(chunk))
    if (chunk.type == "eXIf") return chunk.data;
  return {};
}

std::string_view exif_of_webp(std::string_view bytes) noexcept {
  RiffChunks chunks(bytes);
  RiffChunk chunk;
  while (chunks.next(chunk))
    if (chunk.type == "EXIF")
      return chunk.data.substr(0, kExifHead.size()) == kExifHead
                 ? chunk.data.substr(kExifHead.size())
                 : chunk.data;
  return {};
}

// Parts before the pixels have a length each.
std::string_view exif_of_jpeg(std::string_view bytes) noexcept {
  const core::HeaderBytes in(bytes);
  std::size_t at = 2;
  while (in.has(at + 4) && in.at(at) == 0xff) {
    const std::uint32_t marker = in.at(at + 1);
    if (marker == 0xff) {  // bytes that fill up
      ++at;
      continue;
    }
    if (marker == 0xda || marker == 0xd9) break;
    const std::uint32_t length = in.big(at + 2, 2);
    if (length < 2 || !in.has(at + 2 + length)) break;
    const std::string_view data = bytes.substr(at + 4, length - 2);
    if (marker == 0xe1 && data.substr(0, kExifHead.size()) == kExifHead)
      return data.substr(kExifHead.size());
    at += 2 + std::size_t{length};
  }
  return {};
}

std::uint32_t orientation_tag(std::string_view tiff) noexcept {
  constexpr std::uint32_t kOrientation = 0x0112, kShort = 3;
  const core::HeaderBytes in(tiff);
  const bool little = in.says(0, "II");
  if (!little && !in.says(0, "MM")) return 1;
  const auto number = [&](std::size_t at, std::size_t n) {
    return little ? in.little(at, n) : in.big(at, n);
  };
  const std::size_t directory = number(4, 4);
  const std::uint32_t entries = number(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + std::size_t{12} * i;
    if (!in.has(entry + 12)) break;
    if (number(entry, 2) != kOrientation || number(entry + 2, 2) != kShort) continue;
    const std::uint32_t value = number(entry + 8, 2);
    return value >= 1 && value <= 8 ? value : 1;
  }
  return 1;
}

}  // namespace

std::uint32_t orientation_of(std::string_view bytes, ImageFormat format) noexcept {
  switch (format) {
    case ImageFormat::kPng: return orientation_tag(exif_of_png(bytes));
    case ImageFormat::kJpeg: return orientation_tag(exif_of_jpeg(bytes));
    case ImageFormat::kWebp: return orientation_tag(exif_of_webp(bytes));
  }
  return 1;
}

}  // namespace infer::pictures
