// decode_image(): which kind of file it is, its limits, its codec, and what comes after.
#include <new>
#include <utility>
#include <variant>

#include "infer/image.h"
#include "infer/media.h"
#include "src/image/codec.h"

namespace infer {

namespace pictures {

std::optional<Error> over_limits(std::uint32_t width, std::uint32_t height,
                                 const DecodeOptions& options) {
  const std::string size = std::to_string(width) + " x " + std::to_string(height) + " pixels";
  const std::uint32_t side = width > height ? width : height;
  const auto too_large = [&](std::string_view limit, std::uint64_t need, std::uint64_t have) {
    return Error(Errc::kTooLarge, "the picture has " + size + "; " + std::string(limit) + " is " +
                                      std::to_string(have))
        .with_detail("limit", std::string(limit))
        .with_detail("need", std::to_string(need))
        .with_detail("have", std::to_string(have));
  };
  if (side > options.max_side) return too_large("max_side", side, options.max_side);
  const std::uint64_t pixels = std::uint64_t{width} * height;
  if (pixels > options.max_pixels) return too_large("max_pixels", pixels, options.max_pixels);
  return std::nullopt;
}

std::string_view shown(ImageFormat format) {
  switch (format) {
    case ImageFormat::kPng: return "PNG";
    case ImageFormat::kJpeg: return "JPEG";
    case ImageFormat::kWebp: return "WebP";
  }
  return "picture";
}

Error damaged(ImageFormat format, std::string_view why) {
  return Error(Errc::kInvalidRequest,
               "the " + std::string(shown(format)) + " is damaged: " + std::string(why));
}

Error cut_off(ImageFormat format) {
  return Error(Errc::kInvalidRequest,
               "the " + std::string(shown(format)) + " is cut off: its end is missing");
}

Error no_memory(ImageFormat format) {
  return Error(Errc::kOutOfMemory,
               "there is not enough memory for the " + std::string(shown(format)));
}

namespace {

std::optional<Error> wrong_channels(std::uint32_t channels) {
  if (channels == 0 || channels == 1 || channels == 3 || channels == 4) return std::nullopt;
  return Error(Errc::kInvalidRequest, "channels: " + std::to_string(channels) +
                                          " is none of 0 (as the file has it), 1 (grey), 3 (RGB) "
                                          "and 4 (RGBA)")
      .with_detail("field", "channels");
}

// Which of the three it is; else what it is instead.
Result<ImageFormat> format_of(std::string_view bytes) {
  constexpr std::size_t kShortest = 12;  // what WebP needs to be told
  const std::string_view mime = mime_of(bytes);
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp})
    if (mime == infer::mime_of(format)) return format;
  if (mime.empty() && bytes.size() < kShortest)
    return Error(Errc::kInvalidRequest,
                 bytes.empty()
                     ? "there are no bytes to decode"
                     : "the picture is cut off: it has " + std::to_string(bytes.size()) + " bytes");
  return Error(Errc::kUnsupported,
               (mime.empty() ? std::string("a file of a kind that is not known by its beginning")
                             : "a file of the kind " + std::string(mime)) +
                   " cannot be decoded; PNG, JPEG and WebP can");
}

Result<Bitmap> decode(std::string_view bytes, ImageFormat format, const DecodeOptions& options) {
  switch (format) {
    case ImageFormat::kPng: return decode_png(bytes, options);
    case ImageFormat::kJpeg: return decode_jpeg(bytes, options);
    case ImageFormat::kWebp: return decode_webp(bytes, options);
  }
  return damaged(format, "no codec");
}

Result<Pixels> decode_file(std::string_view bytes, const DecodeOptions& options) {
  if (auto error = wrong_channels(options.channels)) return *std::move(error);
  const auto format = format_of(bytes);
  if (!format) return format.error();
  // Out of the header, before any library is asked; each codec looks again at what it was told.
  if (const auto size = picture_size(bytes))
    if (auto error = over_limits(size->width, size->height, options)) return *std::move(error);
  auto bitmap = decode(bytes, *format, options);
  if (!bitmap) return bitmap.error();
  Pixels pixels = to_pixels(turned(*std::move(bitmap), orientation_of(bytes, *format)));
  if (options.channels == 0 || options.channels == pixels.channels) return pixels;
  return to_pixels(with_channels(pixels, options.channels, options.background));
}

Error out_of_memory() {
  return Error(Errc::kOutOfMemory, "there is not enough memory for the pixels of the picture");
}

Result<Pixels> convert(const Pixels& pixels, const DecodeOptions& options) {
  if (auto error = wrong_channels(options.channels)) return *std::move(error);
  if (auto error = wrong_pixels(pixels)) return *std::move(error);
  if (auto error = over_limits(pixels.width, pixels.height, options)) return *std::move(error);
  if (options.channels == 0 || options.channels == pixels.channels) return pixels;
  return to_pixels(with_channels(pixels, options.channels, options.background));
}

}  // namespace
}  // namespace pictures

inline namespace v0 {

Result<Pixels> decode_image(std::string_view bytes, const DecodeOptions& options) try {
  return pictures::decode_file(bytes, options);
} catch (const std::bad_alloc&) {
  return pictures::out_of_memory();
}

Result<Pixels> decode_image(const Media& media, const DecodeOptions& options) try {
  if (const auto* pixels = std::get_if<Pixels>(&media.source))
    return pictures::convert(*pixels, options);
  if (const auto* file = std::get_if<Blob>(&media.source))
    return pictures::decode_file(file->view(), options);
  return Error(Errc::kUnsupported,
               "a picture that is an address or a file id is not fetched; read it with "
               "media_from_file() or give its bytes");
} catch (const std::bad_alloc&) {
  return pictures::out_of_memory();
}

}  // namespace v0
}  // namespace infer
