// infer/image.h - pictures as files: reading and writing PNG, JPEG and WebP.
//
//   auto reply = infer::image("diffusion:tiny-shapes")->generate({.prompt = "a red circle"});
//   for (const infer::Part& part : reply->message().parts)
//     if (const auto* picture = part.get<infer::Media>()) infer::save_image("red.png", *picture);
//
// Local engines give bare Pixels, providers give files; save_image() takes either. Part of the
// library where it was built with INFER_IMAGE (libpng, libjpeg-turbo, libwebp), which is the
// default; without it all of these fail with kUnsupported.
//
// Thread rule: functions of their arguments, except save_image(), which writes a file.
#ifndef INFER_IMAGE_H_
#define INFER_IMAGE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/message.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer {
inline namespace v0 {

enum class ImageFormat : std::uint8_t { kPng, kJpeg, kWebp };
INFER_API std::string_view to_string(ImageFormat format) noexcept;  // "png", "jpeg", "webp"
INFER_API std::string_view mime_of(ImageFormat format) noexcept;    // "image/png", ...
// Of a name ("png", "jpg", "jpeg", "webp"), or of a path by its ending, in any case. Nothing for
// any other.
INFER_API std::optional<ImageFormat> image_format(std::string_view name_or_path) noexcept;

struct DecodeOptions {
  // Looked at in the header, before anything is decoded or allocated: kTooLarge, with the details
  // "need" and "have". The default of max_pixels is where Pillow begins to warn of bombs.
  std::uint32_t max_side = 16384;         // pixels
  std::uint64_t max_pixels = 89'478'485;  // width * height
  // What is wanted: 1 grey, 3 RGB, 4 RGBA; 0: as the file has it. Transparent places are put on
  // `background` where the alpha channel is dropped.
  std::uint32_t channels = 0;
  std::uint8_t background = 255;  // a shade of grey
};
// The first frame, turned as its Exif part says, 8 bits a channel (16 are rounded), palettes
// resolved; colour profiles are not applied. kUnsupported for any other kind of file, naming it;
// kInvalidRequest for one that is damaged, or cut off: half a picture is no picture.
INFER_API Result<Pixels> decode_image(std::string_view bytes, const DecodeOptions& options = {});
// Of a Blob; Pixels are checked and converted to the channels. An address or a file id is
// kUnsupported: nothing is fetched.
INFER_API Result<Pixels> decode_image(const Media& media, const DecodeOptions& options = {});

struct EncodeOptions {
  ImageFormat format = ImageFormat::kPng;
  // JPEG and WebP: 0 (small) to 100 (good); default 90. From 90 on every pixel of a JPEG keeps its
  // own colour (4:4:4), below four share one (4:2:0). kInvalidRequest for a PNG, which loses
  // nothing, and beside `lossless`.
  std::optional<std::uint32_t> quality{};
  bool lossless = false;  // WebP only; kInvalidRequest for the others
  // PNG only: 0 (fast) to 9 (small); default 6.
  std::optional<std::uint32_t> compression{};
  // PNG only: keyword and text, both UTF-8. A keyword has 1 to 79 printable characters of Latin-1,
  // and no space at an end or beside another; a text at most 1 MiB and no NUL. Written as tEXt
  // where the text is ASCII, else as iTXt.
  std::vector<std::pair<std::string, std::string>> text{};
};
// kInvalidRequest, with the detail "field", for pixels whose stride or data do not hold them,
// options that are not the format's, and sides of more than 65500 (JPEG) or 16383 (WebP) pixels. So
// is a JPEG of pixels with an alpha channel: decode_image() puts them on a background. Grey becomes
// RGB in a WebP, which knows none.
INFER_API Result<Media> encode_image(const Pixels& pixels, const EncodeOptions& options = {});

// To a file: written beside it, as NAME.PID.N.new, brought to the disk and renamed, so that there
// is never half a picture, and what was there before stays until the new one is whole. A link stays
// a link, its file is replaced; what is no plain file, such as a pipe, and what has its name in
// /dev or /proc, is written to as it is. Pixels are encoded; a Blob that is of the asked format
// already is written as it is, with `text` put into a PNG in the place of text with the same
// keywords; another one is decoded first. Without `options` the path's ending says the format:
// kInvalidRequest for one that is not known. kIo, naming the path, where it cannot be written.
INFER_API Result<void> save_image(const std::string& path, const Media& media);
INFER_API Result<void> save_image(const std::string& path, const Media& media,
                                  const EncodeOptions& options);

// The text chunks of a PNG, in their order: tEXt, zTXt, iTXt; keywords and texts as UTF-8.
// kTooLarge for more than 1 MiB of them, unpacked; kInvalidRequest for what is no whole PNG.
INFER_API Result<std::vector<std::pair<std::string, std::string>>> image_text(std::string_view png);

// What was asked, as other programs write it into a PNG under the keyword "parameters": the prompt,
// "Negative prompt: ...", then "Steps: 8, Sampler: euler, CFG scale: 1, Seed: 7, Size: 64x64,
// Model: tiny-shapes". `seed`: the one that was used. Unset fields are left out.
INFER_API std::string image_parameters(const ImageRequest& request, std::string_view model,
                                       std::optional<std::uint64_t> seed = {});

}  // namespace v0
}  // namespace infer

#endif  // INFER_IMAGE_H_
