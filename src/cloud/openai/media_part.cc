#include "src/cloud/openai/media_part.h"

#include <optional>
#include <string_view>
#include <utility>

#include "src/cloud/media_limits.h"
#include "src/cloud/object_writer.h"
#include "src/cloud/pixels_as_files.h"
#include "src/core/base64.h"

namespace infer::cloud {
namespace {

// What the shapes of both APIs are made of: the media without a data: address, and what it is.
struct MediaFacts {
  Media media{};
  std::string type{};  // as type_of_media()
  bool picture = false;

  const Blob* bytes() const { return std::get_if<Blob>(&media.source); }
  const Url* url() const { return std::get_if<Url>(&media.source); }
  const FileId* file() const { return std::get_if<FileId>(&media.source); }
};

Error media_part_error(Errc code, const std::string& where, const std::string& why) {
  return Error(code, where + ": " + why).with_detail("field", where);
}

Result<MediaFacts> facts_of(const Media& given, const std::string& where) {
  if (std::get_if<Pixels>(&given.source))
    return media_part_error(Errc::kUnsupported, where, kNoPixels);
  auto media = unpacked(given);
  if (!media) return media_part_error(media.error().code(), where, media.error().message());
  MediaFacts facts;
  facts.media = std::move(*media);
  facts.type = type_of_media(facts.media);
  facts.picture = is_picture_type(facts.type) || (facts.type.empty() && facts.url() != nullptr);
  if (facts.type.empty() && facts.bytes())
    return media_part_error(Errc::kUnsupported, where, "its type is unknown; set Media::mime");
  return facts;
}

// Sources: OpenAI's OpenAPI document, ChatCompletionRequestMessageContentPartImage, ImageDetail and
// FileInputDetail. Other servers know their own words.
std::optional<Error> check_detail(const Media& media, const Dialect& dialect, bool original,
                                  const std::string& where) {
  if (media.detail.empty() || !dialect.media->openai_details) return std::nullopt;
  for (const char* known : {"auto", "low", "high"})
    if (media.detail == known) return std::nullopt;
  if (original && media.detail == "original") return std::nullopt;
  return media_part_error(
      Errc::kInvalidRequest, where + ".detail",
      "must be \"auto\", \"low\"" +
          std::string(original ? ", \"high\" or \"original\"" : " or \"high\"") + ", not \"" +
          media.detail + "\"");
}

std::string data_url(const MediaFacts& facts) {
  std::string url = "data:" + facts.type + ";base64,";
  core::append_base64(url, facts.bytes()->view());
  return url;
}

std::string part_of(std::string_view type, const ObjectWriter& inner) {
  ObjectWriter out;
  out.text("type", type);
  out.raw(type, inner.str());
  return out.str();
}

std::string file_name(const Media& media) { return media.name.empty() ? "file.pdf" : media.name; }

Result<std::string> chat_picture(const Media& media, const MediaFacts& facts,
                                 const Dialect& dialect, const std::string& where) {
  if (facts.file())
    return media_part_error(
        Errc::kUnsupported, where,
        "chat completions take no pictures by file id; send the bytes, or use Responses");
  if (auto error = check_detail(media, dialect, false, where)) return std::move(*error);
  ObjectWriter image;
  image.text("url", facts.url() ? facts.url()->url : data_url(facts));
  image.text_if("detail", media.detail);
  return part_of("image_url", image);
}

// "wav" or "mp3"; empty: a kind that is not taken.
std::string_view sound_format(std::string_view type) {
  if (type == "audio/wav" || type == "audio/x-wav" || type == "audio/wave") return "wav";
  if (type == "audio/mpeg" || type == "audio/mp3") return "mp3";
  return {};
}

}  // namespace

Result<std::string> chat_media_part(const Media& media, const Dialect& dialect,
                                    const std::string& where, std::vector<Warning>& warnings) {
  const auto facts = facts_of(media, where);
  if (!facts) return facts.error();
  if (facts->picture) return chat_picture(media, *facts, dialect, where);
  warn_of_detail(media, "a file of the chat completions API", warnings);
  const auto unsupported = [&](const std::string& why) {
    return media_part_error(Errc::kUnsupported, where, why);
  };
  const std::string_view format = sound_format(facts->type);
  if (facts->url())
    return unsupported(
        "chat completions take only pictures by address; send the bytes, or use Responses");
  if (!format.empty()) {
    if (!dialect.sounds) return unsupported("sounds cannot be sent to this provider");
    if (facts->file()) return unsupported("sounds cannot be sent by file id; send the bytes");
    ObjectWriter audio;
    audio.text("data", core::to_base64(facts->bytes()->view()));
    audio.text("format", format);
    return part_of("input_audio", audio);
  }
  if (!facts->type.empty() && facts->type != "application/pdf")
    return unsupported("media of the type " + facts->type +
                       " cannot be sent; pictures, WAV, MP3 and PDF can");
  if (!dialect.files) return unsupported("documents cannot be sent to this provider");
  ObjectWriter file;
  if (facts->file()) {
    file.text("file_id", facts->file()->id);
  } else {
    file.text("filename", file_name(media));
    file.text("file_data", data_url(*facts));
  }
  return part_of("file", file);
}

Result<std::string> responses_media_part(const Media& media, const Dialect& dialect,
                                         const std::string& where) {
  const auto facts = facts_of(media, where);
  if (!facts) return facts.error();
  if (auto error = check_detail(media, dialect, facts->picture, where)) return std::move(*error);
  ObjectWriter out;
  out.text("type", facts->picture ? "input_image" : "input_file");
  if (facts->picture) {
    if (facts->file())
      out.text("file_id", facts->file()->id);
    else
      out.text("image_url", facts->url() ? facts->url()->url : data_url(*facts));
    out.text("detail", media.detail.empty() ? "auto" : media.detail);  // it must be there
    return out.str();
  }
  if (!facts->type.empty() && facts->type != "application/pdf")
    return media_part_error(Errc::kUnsupported, where,
                            "media of the type " + facts->type +
                                " cannot be sent over Responses; pictures and PDF can");
  if (facts->file()) {
    out.text("file_id", facts->file()->id);
  } else if (facts->url()) {
    out.text("file_url", facts->url()->url);
  } else {
    out.text("filename", file_name(media));
    out.text("file_data", data_url(*facts));
  }
  out.text_if("detail", media.detail);
  return out.str();
}

}  // namespace infer::cloud
