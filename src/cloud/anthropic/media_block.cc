#include "src/cloud/anthropic/media_block.h"

#include <string_view>
#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/media_limits.h"
#include "src/cloud/pixels_as_files.h"
#include "src/cloud/raw_json.h"
#include "src/core/base64.h"
#include "src/core/utf8.h"

namespace infer::cloud {
namespace {

enum class FileKind : std::uint8_t { kUnknown, kImage, kPdf, kText };

FileKind kind_of_mime(std::string_view mime) {
  if (mime.substr(0, 6) == "image/") return FileKind::kImage;
  if (mime == "application/pdf") return FileKind::kPdf;
  if (mime.substr(0, 5) == "text/") return FileKind::kText;
  return FileKind::kUnknown;
}

Error media_error(Errc code, const std::string& field, std::string_view what) {
  return Error(code, field + ": " + std::string(what))
      .with_provider(std::string(kAnthropic))
      .with_detail("field", field);
}

// The source as JSON; `mime` is given in full here.
Result<std::string> source_of(const Blob& bytes, const std::string& mime, FileKind kind,
                              const std::string& field) {
  std::string json;
  if (kind == FileKind::kText) {
    if (core::utf8_error(bytes.view()) != core::kValidUtf8)
      return media_error(Errc::kInvalidRequest, field, "a text document must be UTF-8");
    json = R"({"type":"text","media_type":"text/plain","data":)";
    append_json_string(json, bytes.view());
    return json + '}';
  }
  json = R"({"type":"base64","media_type":)";
  append_json_string(json, mime);
  json += R"(,"data":")";
  core::append_base64(json, bytes.view());
  return json + "\"}";
}

std::string source_of(std::string_view type, std::string_view member, std::string_view value) {
  RawObject source;
  source.set_string("type", type);
  source.set_string(member, value);
  return source.text();
}

}  // namespace

Result<RawObject> anthropic_media_block(const Media& given, const std::string& field) {
  const auto unpacked_media = unpacked(given);  // this wire has no data: addresses
  if (!unpacked_media)
    return media_error(unpacked_media.error().code(), field, unpacked_media.error().message());
  const Media& media = *unpacked_media;
  const Blob* const blob = std::get_if<Blob>(&media.source);
  const Url* const url = std::get_if<Url>(&media.source);
  if (std::get_if<Pixels>(&media.source)) return media_error(Errc::kUnsupported, field, kNoPixels);
  std::string mime = type_of_media(media);
  if (mime.empty() && url) mime = "image/*";
  const FileKind kind = kind_of_mime(mime);
  if (mime.empty())
    return media_error(Errc::kInvalidRequest, field, "what kind of file is it? Set its mime");
  if (kind == FileKind::kUnknown)
    return media_error(Errc::kUnsupported, field,
                       mime + " is not taken; pictures, PDF and plain text are");
  if (kind == FileKind::kText && url)
    return media_error(Errc::kUnsupported, field,
                       "only pictures and PDF are taken by address; send the text itself");

  RawObject block;
  block.set_string("type", kind == FileKind::kImage ? "image" : "document");
  if (url) {
    block.set("source", source_of("url", "url", url->url));
  } else if (const FileId* file = std::get_if<FileId>(&media.source)) {
    block.set("source", source_of("file", "file_id", file->id));
  } else {
    auto source = source_of(*blob, mime, kind, field);
    if (!source) return std::move(source.error());
    block.set("source", std::move(*source));
  }
  if (kind != FileKind::kImage && !media.name.empty()) block.set_string("title", media.name);
  return block;
}

}  // namespace infer::cloud
