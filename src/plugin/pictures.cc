#include "src/plugin/pictures.h"

#include <limits>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "infer/media.h"

namespace infer::plugin {

namespace {

Error of_picture(const std::string& where, const Error& error) {
  Error named = Error(error.code(), where + ": " + error.message()).with_detail("field", where);
  for (const auto& [key, value] : error.details())
    if (key != "field") named = std::move(named).with_detail(key, value);
  return named;
}

Warning no_effect(const char* why) {
  return {.code = "unsupported_setting",
          .message = std::string("compression has no effect: ") + why,
          .extra = R"({"setting":"compression"})"};
}

#if defined(INFER_IMAGE)

Result<void> to_pixels(Media& picture, const std::string& where, std::uint32_t channels) {
  DecodeOptions options;
  options.channels = channels;
  auto pixels = decode_image(picture, options);
  if (!pixels) return of_picture(where, pixels.error());
  picture.mime.clear();
  picture.source = std::move(*pixels);
  return {};
}

Result<void> all_to_pixels(std::vector<Media>& pictures, const std::string& where) {
  for (std::size_t i = 0; i < pictures.size(); ++i)
    if (auto done = to_pixels(pictures[i], where + "[" + std::to_string(i) + "]", 3); !done)
      return done.error();
  return {};
}

#endif

}  // namespace

#if defined(INFER_IMAGE)

Result<ImageRequest> with_pixels(const ImageRequest& request) {
  ImageRequest out = request;
  if (auto done = all_to_pixels(out.images, "images"); !done) return done.error();
  if (out.mask)
    if (auto done = to_pixels(*out.mask, "mask", 1); !done) return done.error();
  if (out.diffusion.control)
    if (auto done = to_pixels(*out.diffusion.control, "diffusion.control", 3); !done)
      return done.error();
  if (auto done = all_to_pixels(out.diffusion.references, "diffusion.references"); !done)
    return done.error();
  return out;
}

Result<PictureFormat> PictureFormat::of(const ImageRequest& request) {
  PictureFormat out;
  if (request.format.empty()) {
    if (request.compression) out.warning_ = no_effect("no format is asked for");
    return out;
  }
  const auto format = image_format(request.format);
  if (!format || to_string(*format) != request.format)
    return Error(Errc::kUnsupported,
                 "format: pictures of this model are written as \"png\", "
                 "\"jpeg\" or \"webp\", not as \"" +
                     request.format + "\"")
        .with_detail("field", "format");
  out.format_ = format;
  if (format != ImageFormat::kPng)
    out.quality_ = request.compression;
  else if (request.compression)
    out.warning_ = no_effect("a PNG loses nothing");
  return out;
}

Result<Media> PictureFormat::encoded(Media picture) const {
  const ImageFormat format = *format_;
  if (const auto* file = std::get_if<Blob>(&picture.source);
      file && infer::mime_of(file->view()) == infer::mime_of(format))
    return picture;
  DecodeOptions decode;
  // What is painted has been checked, whatever its size; a JPEG has no place for transparency.
  decode.max_side = std::numeric_limits<std::uint32_t>::max();
  decode.max_pixels = std::numeric_limits<std::uint64_t>::max();
  if (const auto* pixels = std::get_if<Pixels>(&picture.source);
      format == ImageFormat::kJpeg && !(pixels && pixels->channels == 1))
    decode.channels = 3;
  auto pixels = decode_image(picture, decode);
  if (!pixels) return of_picture("format", pixels.error());
  EncodeOptions encode;
  encode.format = format;
  encode.quality = quality_;
  auto file = encode_image(*pixels, encode);
  if (!file) return of_picture("format", file.error());
  file->name = std::move(picture.name);
  return file;
}

#else

Result<ImageRequest> with_pixels(const ImageRequest& request) { return request; }

Result<PictureFormat> PictureFormat::of(const ImageRequest& request) {
  PictureFormat out;
  if (!request.format.empty())
    return of_picture("format",
                      Error(Errc::kUnsupported,
                            "this library was built without INFER_IMAGE, so that pictures are bare "
                            "pixels; leave format empty"));
  if (request.compression) out.warning_ = no_effect("no format is asked for");
  return out;
}

Result<Media> PictureFormat::encoded(Media picture) const { return picture; }

#endif

}  // namespace infer::plugin
