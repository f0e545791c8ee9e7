// save_image(): whatever a picture is, as a file of one format.
#include <new>
#include <utility>
#include <variant>

#include "infer/image.h"
#include "infer/media.h"
#include "src/image/codec.h"
#include "src/image/encoding.h"
#include "src/image/png_text.h"
#include "src/port/write_file.h"

namespace infer {
namespace pictures {
namespace {

// The bytes of the file: shared where they are there already.
Result<Blob> file_of(const Media& media, const EncodeOptions& options) {
  if (auto error = wrong_options(options)) return *std::move(error);
  const auto* file = std::get_if<Blob>(&media.source);
  if (file && mime_of(file->view()) == infer::mime_of(options.format)) {
    if (options.text.empty()) return *file;
    auto png = with_text(file->view(), options.text);
    if (!png) return png.error();
    return Blob(std::move(*png));
  }
  const auto* bare = std::get_if<Pixels>(&media.source);
  const auto pixels = bare ? Result<Pixels>(*bare) : decode_image(media);
  if (!pixels) return pixels.error();
  const auto encoded = encode_image(*pixels, options);
  if (!encoded) return encoded.error();
  return std::get<Blob>(encoded->source);
}

Result<void> save(const std::string& path, const Media& media, const EncodeOptions& options) {
  const auto file = file_of(media, options);
  if (!file) return file.error();
  return port::write_file(path, file->view());
}

}  // namespace
}  // namespace pictures

inline namespace v0 {

Result<void> save_image(const std::string& path, const Media& media) {
  const auto format = image_format(path);
  if (!format)
    return Error(Errc::kInvalidRequest,
                 "path: '" + path +
                     "' does not say by its ending which format is meant: .png, "
                     ".jpg, .jpeg or .webp")
        .with_detail("field", "path");
  EncodeOptions options;
  options.format = *format;
  return save_image(path, media, options);
}

Result<void> save_image(const std::string& path, const Media& media,
                        const EncodeOptions& options) try {
  return pictures::save(path, media, options);
} catch (const std::bad_alloc&) {
  return pictures::no_memory(options.format);
}

}  // namespace v0
}  // namespace infer
