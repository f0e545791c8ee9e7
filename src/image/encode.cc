// encode_image(): what is asked, checked, and its codec.
#include <new>
#include <utility>

#include "infer/image.h"
#include "src/image/codec.h"
#include "src/image/encoding.h"
#include "src/image/png_text.h"

namespace infer {

namespace pictures {
namespace {

constexpr std::uint32_t kQuality = 90;
constexpr std::uint32_t kCompression = 6;

Error wrong_field(const char* field, const std::string& why) {
  return Error(Errc::kInvalidRequest, std::string(field) + ": " + why).with_detail("field", field);
}

// The most pixels a side that a format can say.
std::uint32_t most_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng: return 0x7fffffff;
    case ImageFormat::kJpeg: return 65500;  // libjpeg's JPEG_MAX_DIMENSION
    case ImageFormat::kWebp: return 16383;
  }
  return 0;
}

std::optional<Error> does_not_fit(const Pixels& pixels, ImageFormat format) {
  if (pixels.channels == 4 && format == ImageFormat::kJpeg)
    return wrong_field("channels",
                       "a JPEG has no alpha channel; decode_image() with 3 channels "
                       "puts the picture on a background");
  const std::uint32_t most = most_of(format);
  for (const auto& [field, side] : {std::pair("width", pixels.width), {"height", pixels.height}})
    if (side > most)
      return wrong_field(field, std::to_string(side) + " pixels; a " + std::string(shown(format)) +
                                    " has at most " + std::to_string(most) + " a side");
  return std::nullopt;
}

Result<std::string> encode(const Pixels& pixels, const EncodeOptions& options) {
  switch (options.format) {
    case ImageFormat::kPng: {
      auto png = encode_png(pixels, options.compression.value_or(kCompression));
      return png && !options.text.empty() ? with_text(*png, options.text) : std::move(png);
    }
    case ImageFormat::kJpeg: return encode_jpeg(pixels, options.quality.value_or(kQuality));
    case ImageFormat::kWebp:
      return encode_webp(pixels, options.quality.value_or(kQuality), options.lossless);
  }
  return wrong_field("format", "is none of kPng, kJpeg and kWebp");
}

Result<Media> encode_checked(const Pixels& pixels, const EncodeOptions& options) {
  if (auto error = wrong_options(options)) return *std::move(error);
  if (auto error = wrong_pixels(pixels)) return *std::move(error);
  if (auto error = does_not_fit(pixels, options.format)) return *std::move(error);
  auto bytes = encode(pixels, options);
  if (!bytes) return bytes.error();
  Media media;
  media.mime = infer::mime_of(options.format);
  media.source = Blob(std::move(*bytes));
  return media;
}

}  // namespace

std::optional<Error> wrong_pixels(const Pixels& pixels) {
  if (pixels.channels != 1 && pixels.channels != 3 && pixels.channels != 4)
    return wrong_field(
        "channels", std::to_string(pixels.channels) + " is none of 1 (grey), 3 (RGB) and 4 (RGBA)");
  if (pixels.width == 0 || pixels.height == 0)
    return wrong_field(pixels.width == 0 ? "width" : "height", "the picture has no pixels");
  const std::uint64_t row = std::uint64_t{pixels.width} * pixels.channels;
  if (pixels.stride < row)
    return wrong_field("stride",
                       std::to_string(pixels.stride) + " bytes; a row has " + std::to_string(row));
  const std::uint64_t need = std::uint64_t{pixels.stride} * pixels.height;
  if (pixels.data.size() < need)
    return wrong_field("data", std::to_string(pixels.data.size()) + " bytes; height x stride is " +
                                   std::to_string(need));
  return std::nullopt;
}

std::optional<Error> wrong_options(const EncodeOptions& options) {
  const bool png = options.format == ImageFormat::kPng;
  if (options.quality && png)
    return wrong_field("quality", "a PNG loses nothing; `compression` makes it smaller");
  if (options.quality && options.lossless)
    return wrong_field("quality", "says nothing of what is lossless");
  if (options.quality && *options.quality > 100)
    return wrong_field("quality", std::to_string(*options.quality) + " is not within 0 to 100");
  if (options.lossless && options.format != ImageFormat::kWebp)
    return wrong_field("lossless", "is WebP's choice alone");
  if (options.compression && !png) return wrong_field("compression", "is for a PNG");
  if (options.compression && *options.compression > 9)
    return wrong_field("compression",
                       std::to_string(*options.compression) + " is not within 0 to 9");
  if (!options.text.empty() && !png) return wrong_field("text", "is written into a PNG only");
  return wrong_text(options.text);
}

}  // namespace pictures

inline namespace v0 {

Result<Media> encode_image(const Pixels& pixels, const EncodeOptions& options) try {
  return pictures::encode_checked(pixels, options);
} catch (const std::bad_alloc&) {
  return pictures::no_memory(options.format);
}

}  // namespace v0
}  // namespace infer
