// An ImageRequest as the body of POST /images/generations or /images/edits.
//
// Pictures to start from go as multipart/form-data, which every server with this API reads, as long
// as their bytes are at hand. An address or a file id has no place in a form: with one of those the
// request is JSON, which OpenAI reads for its newer models; bytes beside them become data: URLs.
#include <algorithm>
#include <array>
#include <utility>

#include "src/cloud/backend.h"
#include "src/cloud/media_limits.h"
#include "src/cloud/multipart.h"
#include "src/cloud/object_writer.h"
#include "src/cloud/openai/extra.h"
#include "src/cloud/openai/image_reader.h"
#include "src/cloud/openai/openai.h"
#include "src/cloud/pixels_as_files.h"
#include "src/core/base64.h"
#include "src/core/json.h"
#include "src/core/text_checks.h"

namespace infer::cloud {
namespace {

// The largest picture that OpenAI documents, 3840 x 2160, has 33 MB without any compression, and
// 44 MB of base64.
constexpr std::size_t kPictureBytes = std::size_t{64} << 20;
constexpr std::size_t kMostPictures = 16;  // of such a size in one answer

Error picture_error(Errc code, const std::string& field, const std::string& what) {
  return Error(code, field + ": " + what).with_detail("field", field);
}

std::optional<Error> check_picture(const Dialect& dialect, const Media& media,
                                   const std::string& field) {
  if (std::holds_alternative<Pixels>(media.source))
    return picture_error(Errc::kUnsupported, field, kNoPixels);
  const auto* blob = std::get_if<Blob>(&media.source);
  if (!blob) return std::nullopt;
  const std::string type = type_of_media(media);
  if (auto error = check_header_value(field + ".mime", type)) return error;
  constexpr std::array<std::string_view, 3> kTypes = {"image/png", "image/jpeg", "image/webp"};
  if (dialect.usual_formats && std::find(kTypes.begin(), kTypes.end(), type) == kTypes.end())
    return picture_error(Errc::kUnsupported, field,
                         "this provider starts from PNG, JPEG and WebP, not from " +
                             (type.empty() ? "an unknown type; set Media::mime" : type));
  if (dialect.max_edited_bytes != 0 && blob->size() >= dialect.max_edited_bytes)
    return picture_error(Errc::kTooLarge, field,
                         "this provider takes pictures of less than " +
                             std::to_string(dialect.max_edited_bytes) + " bytes, not of " +
                             std::to_string(blob->size()));
  return std::nullopt;
}

// OpenAI paints where a mask is transparent; one without transparency would paint nothing. Byte 25
// of a PNG says how its pixels are coded: 0 grey and 2 RGB have no alpha, but for a colour that
// counts as transparent, which no tool writes for a mask.
std::optional<Error> check_mask(const Dialect& dialect, const Media& mask) {
  if (auto error = check_picture(dialect, mask, "mask")) return error;
  const auto* blob = std::get_if<Blob>(&mask.source);
  if (!dialect.alpha_masks || !blob) return std::nullopt;
  const bool png = mime_of(blob->view()) == "image/png" && blob->size() > 25;
  const std::uint8_t coding = png ? blob->data()[25] : 0;
  if (png && coding != 0 && coding != 2) return std::nullopt;
  return picture_error(Errc::kUnsupported, "mask",
                       "this provider takes a PNG with an alpha channel, transparent where the "
                       "picture is to be painted anew");
}

std::optional<Error> refused_picture(const Dialect& dialect, const ImageRequest& r) {
  if (auto error = core::refuse_promises(r.diffusion)) return error;
  if (r.width.has_value() != r.height.has_value())
    return picture_error(Errc::kInvalidRequest, r.width ? "height" : "width",
                         "width and height are given together, or neither of them");
  constexpr std::array<std::string_view, 4> kFormats = {"", "png", "jpeg", "webp"};
  if (dialect.usual_formats &&
      std::find(kFormats.begin(), kFormats.end(), r.format) == kFormats.end())
    return picture_error(
        Errc::kUnsupported, "format",
        "this provider gives \"png\", \"jpeg\" and \"webp\", not \"" + r.format + "\"");
  if (r.mask && r.images.empty())
    return picture_error(Errc::kInvalidRequest, "mask",
                         "it says where to paint in a picture; put that into images");
  if (dialect.max_edited != 0 && r.images.size() > dialect.max_edited)
    return picture_error(Errc::kUnsupported, "images",
                         "this provider starts from at most " + std::to_string(dialect.max_edited) +
                             " pictures, not " + std::to_string(r.images.size()));
  for (std::size_t i = 0; i < r.images.size(); ++i)
    if (auto error = check_picture(dialect, r.images[i], "images[" + std::to_string(i) + "]"))
      return error;
  return r.mask ? check_mask(dialect, *r.mask) : std::nullopt;
}

// ---- settings

void warn_of_picture_settings(const ImageRequest& r, std::vector<Warning>& warnings) {
  const auto warn = [&](bool is_set, core::Setting setting) {
    if (is_set) warnings.push_back(core::unsupported_warning(setting, "the images API"));
  };
  warn(!r.negative_prompt.empty(), "negative_prompt");
  warn(r.seed.has_value(), "seed");
  warn(r.steps.has_value(), "steps");
  warn(r.guidance.has_value(), "guidance");
  warn(r.strength.has_value(), "strength");
  warn(!r.sample_method.empty(), "sample_method");
  warn(!r.scheduler.empty(), "scheduler");
  for (const core::Setting setting : core::quality_settings(r.diffusion)) warn(true, setting);
}

// How many pictures on the way are asked for.
std::uint32_t previews_of(const Dialect& dialect, const ImageRequest& r, bool stream,
                          std::vector<Warning>& warnings) {
  const auto adjusted = [&](const std::string& how) {
    warnings.push_back({.code = "adjusted_setting",
                        .message = "previews: " + how,
                        .extra = "{\"setting\":\"previews\"}"});
  };
  if (r.previews == 0) return 0;
  if (!stream) {
    adjusted("there are none in an answer that comes in one piece");
    return 0;
  }
  if (dialect.max_previews == 0 || r.previews <= dialect.max_previews) return r.previews;
  adjusted("this provider gives at most " + std::to_string(dialect.max_previews) + ", not " +
           std::to_string(r.previews));
  return dialect.max_previews;
}

void write_picture_settings(const ServerModel& model, const ImageRequest& r, RawObject& body) {
  const auto text_if = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) body.set_string(name, value);
  };
  text_if("model", model.name);
  body.set_string("prompt", r.prompt);
  if (r.n > 1) body.set("n", std::to_string(r.n));
  if (r.width) body.set_string("size", std::to_string(*r.width) + "x" + std::to_string(*r.height));
  text_if("quality", r.quality);
  text_if("background", r.background);
  text_if("output_format", r.format);
  if (r.compression) body.set("output_compression", std::to_string(*r.compression));
  if (model.dialect->asks_for_bytes) body.set_string("response_format", "b64_json");
  text_if("user", r.user);
}

// A null takes a member away: of a server that refuses what is sent to others.
std::optional<Error> write_picture_extra(const ServerModel& model, const ImageRequest& r,
                                         RawObject& body) {
  auto error = merge_extra(r.extra, model.provider,
                           {{"stream", "Call::wire"},
                            {"n", "ImageRequest::n"},
                            {"partial_images", "ImageRequest::previews"}},
                           body);
  const RawObject all = body;
  for (const auto& [name, json] : all.members())
    if (json == "null") body.erase(name);
  return error;
}

// ---- the two forms

bool all_bytes(const ImageRequest& r) {
  const auto is_blob = [](const Media& media) {
    return std::holds_alternative<Blob>(media.source);
  };
  return std::all_of(r.images.begin(), r.images.end(), is_blob) && (!r.mask || is_blob(*r.mask));
}

std::string picture_reference(const Media& media) {
  RawObject reference;
  if (auto* file = std::get_if<FileId>(&media.source))
    reference.set_string("file_id", file->id);
  else if (auto* url = std::get_if<Url>(&media.source))
    reference.set_string("image_url", url->url);
  else if (auto* blob = std::get_if<Blob>(&media.source))
    reference.set_string(
        "image_url", "data:" + type_of_media(media) + ";base64," + core::to_base64(blob->view()));
  return reference.text();
}

void write_references(const ImageRequest& r, RawObject& body) {
  std::vector<std::string> references;
  for (const Media& media : r.images) references.push_back(picture_reference(media));
  body.set("images", array_of(references));
  if (r.mask) body.set("mask", picture_reference(*r.mask));
}

void add_file(std::string_view field, std::string name, const Media& media, Multipart& form) {
  std::string type = type_of_media(media);
  if (type.empty()) type = "application/octet-stream";
  if (!media.name.empty())
    name = media.name;
  else if (type.substr(0, 6) == "image/")  // some servers go by the ending
    name += "." + type.substr(6);
  form.file(field, name, type, std::get<Blob>(media.source).view());
}

void write_form(const ImageRequest& r, const RawObject& body, Outgoing& out) {
  Multipart form;
  for (const auto& [name, json] : body.members()) {
    const auto value = core::parse_json(json);
    const auto* text = value ? value->get_ptr<const std::string*>() : nullptr;
    form.field(name, text ? *text : json);
  }
  const std::string_view field = r.images.size() == 1 ? "image" : "image[]";
  for (std::size_t i = 0; i < r.images.size(); ++i)
    add_file(field, "image" + std::to_string(i), r.images[i], form);
  if (r.mask) add_file("mask", "mask", *r.mask, form);
  const std::string boundary = form.boundary();
  out.content_type = Multipart::content_type(boundary);
  out.body = form.body(boundary);
}

}  // namespace

ApiLimits limits_of_pictures(const ImageRequest& r) {
  ApiLimits limits;
  limits.event_bytes = kPictureBytes;
  limits.body_bytes = kPictureBytes * std::min<std::size_t>(r.n, kMostPictures);
  limits.answer_bytes = limits.body_bytes;
  return limits;
}

Result<Outgoing> write_openai_image(const ServerModel& model, const ImageRequest& r,
                                    const Call& call) {
  const Dialect& dialect = *model.dialect;
  if (auto error = refused_picture(dialect, r)) return std::move(*error);
  Outgoing out;
  out.once = true;  // a picture costs, and a second one is another picture
  out.needs = limits_of_pictures(r);
  out.path = r.images.empty() ? "/images/generations" : "/images/edits";
  // Models before the GPT ones do not stream, so it is not asked for where nobody would notice.
  out.stream =
      call.wire == infer::Wire::kStream || (call.wire == infer::Wire::kAuto && r.previews > 0);
  PictureOrder order{.n = r.n, .format = r.format};
  order.previews = previews_of(dialect, r, out.stream, out.warnings);
  if (r.width) order.size = PictureSize{*r.width, *r.height};
  warn_of_picture_settings(r, out.warnings);

  RawObject body;
  write_picture_settings(model, r, body);
  if (out.stream) body.set("stream", "true");
  if (order.previews > 0) body.set("partial_images", std::to_string(order.previews));
  if (auto error = write_picture_extra(model, r, body)) return std::move(*error);
  if (!r.images.empty() && all_bytes(r)) {
    write_form(r, body, out);
  } else {
    if (!r.images.empty()) write_references(r, body);
    out.body = body.text();
  }
  out.reader = std::make_unique<ImageReader>(model, std::move(order));
  return out;
}

}  // namespace infer::cloud
