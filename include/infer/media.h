// infer/media.h - pictures and documents as parts of a message.
//
//   auto photo = infer::media_from_file("photos/cat.jpg");
//   if (!photo) { std::cerr << photo.error() << '\n'; return 1; }
//   auto reply = model->stream({.messages = {infer::user("What is this?", {*photo})}});
//
// Thread rule: functions of their arguments.
#ifndef INFER_MEDIA_H_
#define INFER_MEDIA_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "infer/message.h"
#include "infer/result.h"

namespace infer {
inline namespace v0 {

// The file's bytes, its type told by its beginning, its name without the directories. Regular files
// only: nothing waits for a pipe, and a device has no end. At most `max_bytes` are read, default 64
// MiB. Errors, all naming the path: kNotFound, kForbidden, kIo; kTooLarge over `max_bytes` (details
// "need" and "have"); kInvalidRequest for an empty file; kUnsupported if what it begins with is
// none of mime_of()'s kinds - of another kind, make the Media yourself and set its mime.
INFER_API Result<Media> media_from_file(const std::string& path,
                                        std::size_t max_bytes = std::size_t{64} << 20);
// Bytes that are there already; as above. They are shared, not copied.
INFER_API Result<Media> media_from_bytes(Blob bytes, std::string name = {});
// An address of the web, http or https, which is passed on and never fetched here; or a data: URL,
// whose bytes are taken out. kInvalidRequest, with the detail "field", for anything else. `mime`
// where the address does not tell by its ending what is there: "application/pdf" for a document;
// empty: the ending's, else a picture. Of a data: URL it is what the bytes say, then `mime`, then
// what the address says.
INFER_API Result<Media> media_from_url(std::string url, std::string mime = {});

// What bytes are, told by how they begin: image/png, image/jpeg, image/gif, image/webp, image/bmp,
// image/tiff, image/heic, image/avif, application/pdf, audio/wav, audio/mpeg, audio/ogg,
// audio/flac; empty: none of these.
INFER_API std::string_view mime_of(std::string_view bytes) noexcept;

// Pixels.
struct PictureSize {
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  bool operator==(const PictureSize&) const = default;
};
// Of a PNG, JPEG, GIF, WebP or BMP file, read from its header and before any rotation that an Exif
// part asks for; nothing if the header is damaged, or of another kind. Never reads outside of
// `bytes`, whatever they are: the beginning of a file is enough if its header is in it.
INFER_API std::optional<PictureSize> picture_size(std::string_view bytes) noexcept;

}  // namespace v0
}  // namespace infer

#endif  // INFER_MEDIA_H_
