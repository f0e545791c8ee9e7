// Whatever the bytes are, decoding gives pixels that hold together, or an error with words; pixels
// written without loss are read the same; text put into a PNG is found in it.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "infer/image.h"

namespace {

void demand(bool right, const char* what) {
  if (right) return;
  std::fprintf(stderr, "image_fuzz: %s\n", what);
  std::abort();
}

void write_and_read(const infer::Pixels& pixels, infer::ImageFormat format) {
  infer::EncodeOptions options;
  options.format = format;
  options.lossless = format == infer::ImageFormat::kWebp;
  if (format == infer::ImageFormat::kPng) options.compression = 1;
  const auto file = infer::encode_image(pixels, options);
  demand(file.has_value(), "pixels cannot be written");
  infer::DecodeOptions same;
  same.channels = pixels.channels;
  const auto back = infer::decode_image(*file, same);
  demand(back && *back == pixels, "what was written is read as something else");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  infer::DecodeOptions small;
  small.max_side = 512;
  small.max_pixels = 1u << 14;
  const auto pixels = infer::decode_image(bytes, small);
  if (pixels) {
    demand(pixels->width != 0 && pixels->height != 0 &&
               pixels->stride == pixels->width * pixels->channels &&
               pixels->data.size() == std::size_t{pixels->stride} * pixels->height,
           "the pixels do not hold together");
    write_and_read(*pixels, infer::ImageFormat::kPng);
    write_and_read(*pixels, infer::ImageFormat::kWebp);
    for (const std::uint32_t channels : {1u, 3u, 4u}) {
      infer::DecodeOptions other = small;
      other.channels = channels;
      const auto again = infer::decode_image(bytes, other);
      demand(again && again->channels == channels, "other channels are an error");
    }
  } else {
    demand(!pixels.error().message().empty(), "an error without words");
  }
  if (const auto text = infer::image_text(bytes)) {
    std::size_t sum = 0;
    for (const auto& [keyword, value] : *text) sum += value.size();
    demand(sum <= std::size_t{4} << 20, "more text than there may be");
  }
  return 0;
}
