#include "src/cloud/openai/image_reader.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "src/cloud/openai/lenient_json.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/raw_json.h"
#include "src/cloud/raw_object.h"
#include "src/core/base64.h"
#include "src/core/json.h"

namespace infer::cloud {
namespace {

using core::Json;

bool picture_word(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// Not among them: members that have a place of their own.
RawObject picture_facts(std::string_view object, std::initializer_list<std::string_view> taken) {
  RawObject facts;
  for (const RawMember& member : raw_members(object))
    if (std::find(taken.begin(), taken.end(), member.key) == taken.end())
      facts.set(member.key, std::string(member.value));
  return facts;
}

std::string mime_of_format(std::string_view format) {
  return format.empty() ? std::string() : "image/" + std::string(format);
}

// Some servers give a data: URL where base64 alone is asked for.
std::string_view base64_of(std::string_view text) {
  if (text.substr(0, 5) != "data:") return text;
  const std::size_t comma = text.find(',');
  return comma == std::string_view::npos ? text : text.substr(comma + 1);
}

std::string size_name(const PictureSize& size) {
  return std::to_string(size.width) + "x" + std::to_string(size.height);
}

void differs(std::string_view setting, std::string_view asked, std::string_view got,
             EventQueue& out) {
  RawObject facts;
  facts.set_string("setting", setting);
  facts.set_string("asked", asked);
  facts.set_string("got", got);
  out.warning({.code = "adjusted_setting",
               .message = std::string(setting) + ": the server gave " + std::string(got) +
                          ", asked for was " + std::string(asked),
               .extra = facts.text()});
}

}  // namespace

ImageReader::ImageReader(const ServerModel& model, PictureOrder order)
    : model_(model), order_(std::move(order)) {}

void ImageReader::head(const http::HttpHead& head) { head_ = &head; }

std::optional<Error> ImageReader::event(std::string_view type, std::string_view data,
                                        EventQueue& out) {
  ++events_;
  if (done()) return std::nullopt;
  const std::string_view text = trimmed_json(data);
  if (text.empty()) return std::nullopt;
  if (text == "[DONE]") return too_few();
  if (type == "error") return server_error(text);
  return read(text, type, true, out);
}

std::optional<Error> ImageReader::whole(std::string_view body, EventQueue& out) {
  return read(trimmed_json(body), {}, false, out);
}

std::optional<Error> ImageReader::read(std::string_view data, std::string_view name, bool stream,
                                       EventQueue& out) {
  const auto bulk = BulkJson::parse(data);
  if (!bulk) return wrong(bulk.error().message(), data);
  const Json& json = bulk->json();
  if (!json.is_object()) return wrong("it is not a JSON object", data);
  const Entry entry{*bulk, json, bulk->text()};
  const Json* error = core::find(json, "error");
  const std::string type = core::string_or(json, "type", std::string(name));
  if ((error && !says_nothing(*error)) || type == "error") return server_error(entry.raw);
  if (core::find(json, "data")) return answer(entry, out);
  if (!stream) return wrong("it has no \"data\"", data);
  // "image_generation.partial_image", "image_edit.completed"; others may come.
  if (picture_word(type, ".partial_image")) return partial(entry, out);
  if (picture_word(type, ".completed")) return completed(entry, out);
  return std::nullopt;
}

std::optional<Error> ImageReader::answer(const Entry& body, EventQueue& out) {
  const Json& list = *core::find(body.json, "data");
  const std::string_view raw = raw_member(body.raw, "data").value_or("[]");
  if (!list.is_array()) return wrong("\"data\" is not a list", raw);
  start(body, out);
  if (order_.previews > 0)
    out.warning({.code = "adjusted_setting",
                 .message = "previews: the server gave its answer in one piece",
                 .extra = "{\"setting\":\"previews\"}"});
  const auto elements = raw_elements(raw);
  const std::string format = core::string_or(body.json, "output_format");
  for (std::size_t i = 0; i < list.size() && i < elements.size(); ++i) {
    const std::string where = "data[" + std::to_string(i) + "]";
    if (!list[i].is_object()) return wrong(where + " is not an object", elements[i]);
    if (auto error = add({body.document, list[i], elements[i]}, format, where, out)) return error;
  }
  if (auto error = too_few()) return error;
  note_usage(body, out);
  return std::nullopt;
}

std::optional<Error> ImageReader::partial(const Entry& event, EventQueue& out) {
  const std::string format = core::string_or(event.json, "output_format");
  auto media = picture(event, format, "it");
  if (!media) return std::move(media.error());
  start(event, out);
  const std::int64_t index = core::int_at(event.json, "partial_image_index").value_or(0);
  const auto step = static_cast<std::uint32_t>(std::clamp<std::int64_t>(index, 0, 1023) + 1);
  const std::uint32_t steps = std::max(order_.previews, step);
  out.progress("preview", step, steps);
  const RawObject facts = picture_facts(event.raw, {"type", "b64_json", "url"});
  out.preview(0, std::move(*media), facts.empty() ? std::string() : facts.text(), step, steps);
  return std::nullopt;
}

std::optional<Error> ImageReader::completed(const Entry& event, EventQueue& out) {
  start(event, out);
  if (auto error = add(event, core::string_or(event.json, "output_format"), "it", out))
    return error;
  note_usage(event, out);
  return std::nullopt;
}

std::optional<Error> ImageReader::add(const Entry& entry, std::string_view format,
                                      std::string_view where, EventQueue& out) {
  auto media = picture(entry, format, where);
  if (!media) return std::move(media.error());
  hold_against_order(*media, out);
  const RawObject facts = picture_facts(entry.raw, {"type", "b64_json", "url"});
  out.media(pictures_++, 0, std::move(*media), facts.empty() ? std::string() : facts.text());
  return std::nullopt;
}

Result<Media> ImageReader::picture(const Entry& entry, std::string_view format,
                                   std::string_view where) const {
  Media media;
  const std::string_view coded = entry.document.string(core::find(entry.json, "b64_json"));
  const std::string_view url = entry.document.string(core::find(entry.json, "url"));
  if (!coded.empty() || url.substr(0, 5) == "data:") {
    auto bytes = core::from_lenient_base64(base64_of(coded.empty() ? url : coded));
    if (!bytes || bytes->empty())
      return wrong(std::string(where) + " holds a picture that is not base64", entry.raw);
    media.mime = mime_of(*bytes);
    media.source = Blob(std::move(*bytes));
  } else if (!url.empty()) {
    media.source = Url{std::string(url)};
  } else {
    return wrong(std::string(where) + " has neither \"b64_json\" nor \"url\"", entry.raw);
  }
  // The bytes know best, then the server, then the request.
  if (media.mime.empty()) media.mime = mime_of_format(format);
  if (media.mime.empty()) media.mime = mime_of_format(order_.format);
  return media;
}

// The pictures are there and paid for: what differs from what was asked for is told, no more.
void ImageReader::hold_against_order(const Media& picture, EventQueue& out) const {
  const auto* blob = std::get_if<Blob>(&picture.source);
  if (!blob) return;
  const std::string_view kind = mime_of(blob->view());
  if (!order_.format.empty() && !kind.empty() && kind != mime_of_format(order_.format))
    differs("format", order_.format, kind, out);
  if (!order_.size) return;
  if (const auto size = picture_size(blob->view()); size && *size != *order_.size)
    differs("size", size_name(*order_.size), size_name(*size), out);
}

// How many pictures come is a promise, which a server that does not know "n" breaks.
std::optional<Error> ImageReader::too_few() const {
  if (pictures_ >= order_.n) return std::nullopt;
  return Error(Errc::kProtocol, "n: " + std::to_string(order_.n) + " pictures wanted, " +
                                    std::to_string(pictures_) + " came")
      .with_provider(model_.provider)
      .with_detail("field", "n");
}

// Of an answer in one piece its facts are known at the start; those of a stream are each picture's.
void ImageReader::start(const Entry& entry, EventQueue& out) {
  if (std::exchange(started_, true)) return;
  Meta meta;
  meta.issuer = model_.issuer;
  meta.model = core::string_or(entry.json, "model", model_.name);
  meta.response_id = core::string_or(entry.json, "id");
  if (const std::string* id = head_->find("x-request-id")) meta.request_id = *id;
  RawObject facts = picture_facts(entry.raw, {"data", "usage", "model", "id", "type", "b64_json",
                                              "url", "partial_image_index"});
  meta.rate_limits = typed_rate_limits(*head_, model_.dialect->windows);
  if (const std::string limits = rate_limits(*head_, "x-ratelimit-"); !limits.empty())
    facts.set("rate_limits", limits);
  if (!facts.empty()) meta.extra = facts.text();
  out.start(std::move(meta));
}

void ImageReader::note_usage(const Entry& entry, EventQueue& out) {
  const Json* usage = core::find(entry.json, "usage");
  if (!usage || !usage->is_object()) return;
  const auto figure = [&](std::string_view name, std::string_view other) {
    auto number = core::int_at(*usage, name);
    if (!number) number = core::int_at(*usage, other);
    return number && *number >= 0 ? number : std::nullopt;
  };
  Usage found;
  found.input = figure("input_tokens", "prompt_tokens");
  found.output = figure("output_tokens", "completion_tokens");
  if (!found.input && !found.output) return;
  found.raw = raw_member(entry.raw, "usage").value_or("");
  out.usage(std::move(found));
}

Error ImageReader::server_error(std::string_view body) const {
  return provider_error(model_.provider, *head_, body, openai_complaint(body));
}

Error ImageReader::wrong(std::string_view what, std::string_view bytes) const {
  return bad_answer(model_.provider, what, events_, bytes);
}

}  // namespace infer::cloud
