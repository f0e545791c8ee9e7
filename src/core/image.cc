// Names of formats, and what stands in for src/image where it is not built.
#include "infer/image.h"

#include <algorithm>
#include <array>

namespace infer {
inline namespace v0 {
namespace {

struct FormatName {
  std::string_view name{};
  ImageFormat format{};
};
constexpr std::array<FormatName, 4> kFormatNames = {{{"png", ImageFormat::kPng},
                                                     {"jpeg", ImageFormat::kJpeg},
                                                     {"webp", ImageFormat::kWebp},
                                                     {"jpg", ImageFormat::kJpeg}}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_in_any_case(std::string_view a, std::string_view lower_b) {
  return a.size() == lower_b.size() && std::equal(a.begin(), a.end(), lower_b.begin(),
                                                  [](char x, char y) { return lower(x) == y; });
}

}  // namespace

std::string_view to_string(ImageFormat format) noexcept {
  for (const FormatName& one : kFormatNames)
    if (one.format == format) return one.name;
  return "unknown";
}

std::string_view mime_of(ImageFormat format) noexcept {
  switch (format) {
    case ImageFormat::kPng: return "image/png";
    case ImageFormat::kJpeg: return "image/jpeg";
    case ImageFormat::kWebp: return "image/webp";
  }
  return {};
}

std::optional<ImageFormat> image_format(std::string_view name_or_path) noexcept {
  const std::string_view file = name_or_path.substr(name_or_path.rfind('/') + 1);
  const std::size_t dot = file.rfind('.');
  // ".png" is a hidden file without an ending.
  const bool is_path = file.size() != name_or_path.size() || dot != std::string_view::npos;
  if (is_path && (dot == std::string_view::npos || dot == 0)) return std::nullopt;
  const std::string_view name = is_path ? file.substr(dot + 1) : file;
  for (const FormatName& one : kFormatNames)
    if (same_in_any_case(name, one.name)) return one.format;
  return std::nullopt;
}

#if !defined(INFER_IMAGE)

namespace {

Error not_built(const char* what) {
  return Error(Errc::kUnsupported,
               std::string(what) +
                   ": this library was built without picture files (INFER_IMAGE); "
                   "pictures are bare pixels here");
}

}  // namespace

Result<Pixels> decode_image(std::string_view, const DecodeOptions&) {
  return not_built("decode_image");
}
Result<Pixels> decode_image(const Media&, const DecodeOptions&) {
  return not_built("decode_image");
}
Result<Media> encode_image(const Pixels&, const EncodeOptions&) {
  return not_built("encode_image");
}
Result<void> save_image(const std::string&, const Media&) { return not_built("save_image"); }
Result<void> save_image(const std::string&, const Media&, const EncodeOptions&) {
  return not_built("save_image");
}
Result<std::vector<std::pair<std::string, std::string>>> image_text(std::string_view) {
  return not_built("image_text");
}

#endif

}  // namespace v0
}  // namespace infer
