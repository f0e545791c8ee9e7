#include "src/cloud/media_limits.h"

#include <algorithm>
#include <utility>

#include "infer/media.h"
#include "src/http/transport.h"

namespace infer::cloud {
namespace {

constexpr std::size_t kMiB = std::size_t{1} << 20;
constexpr std::string_view kWebPictures[] = {"image/png", "image/jpeg", "image/gif", "image/webp"};

}  // namespace

// Sources: Anthropic's guide "Vision" - kinds, 5 MB a picture, 8000 pixels a side, 2000 where there
// are more than 20 pictures, 600 pictures (100 for some models, which the server knows better) -
// and its table of request sizes: 32 MB.
constinit const MediaLimits kAnthropicMedia{
    .provider = "Anthropic",
    .kinds = kWebPictures,
    .picture_bytes = 5 * kMiB,
    .pictures = 600,
    .side = 8000,
    .many = 20,
    .side_of_many = 2000,
    .request_bytes = 32 * kMiB,
};
// Source: Groq's guide "Images and Vision" - 4 MB for a request with pictures in base64, 33177600
// pixels, 5 pictures. The 20 MB for pictures by address are the server's to see.
constinit const MediaLimits kGroqMedia{
    .provider = "Groq",
    .pictures = 5,
    .pixels = 33177600,
    .request_bytes_inline = 4 * kMiB,
};
// Sources: OpenAI's guides "Images and vision" - kinds, 20 MB a picture, 500 pictures, 50 MB in a
// request - and "PDF files": 50 MB a file, and 50 MB for all of a request. Its OpenAPI document
// allows 73400320 characters of base64 a file, so these are megabytes of files.
constinit const MediaLimits kOpenAiMedia{
    .provider = "OpenAI",
    .kinds = kWebPictures,
    .picture_bytes = 20 * kMiB,
    .pictures = 500,
    .pdf_bytes = 50 * kMiB,
    .media_bytes = 50 * kMiB,
    .openai_details = true,
};

namespace {

bool is_data_url(std::string_view url) { return http::lower_name(url.substr(0, 5)) == "data:"; }

std::size_t base64_bytes(std::size_t bytes) { return (bytes + 2) / 3 * 4; }

Error too_large(const std::string& field, std::string_view limit, std::uint64_t need,
                std::uint64_t have, const std::string& what) {
  return Error(Errc::kTooLarge, field + ": " + what)
      .with_detail("field", field)
      .with_detail("limit", std::string(limit))
      .with_detail("need", std::to_string(need))
      .with_detail("have", std::to_string(have));
}

// Goes through the media of a request, those in tools' results too.
class MediaCheck {
 public:
  explicit MediaCheck(const MediaLimits& limits) : limits_(limits) {}

  std::optional<Error> check(const TextRequest& request) {
    each(request, [&](const Media& media, const std::string&) {
      pictures_ += is_picture_type(type_of_media(media)) || by_address(media) ? 1u : 0u;
    });
    if (limits_.pictures > 0 && pictures_ > limits_.pictures)
      return too_large("messages", "pictures", pictures_, limits_.pictures,
                       std::to_string(pictures_) + " pictures are more than the " +
                           std::to_string(limits_.pictures) + " that " + who() +
                           " takes in a request");
    each(request, [&](const Media& media, const std::string& field) { one(media, field); });
    return std::move(wrong_);
  }

  // Whether pictures are sent as bytes.
  bool has_inline_pictures(const TextRequest& request) {
    bool any = false;
    each(request, [&](const Media& media, const std::string&) {
      const Url* const url = std::get_if<Url>(&media.source);
      any = any || (is_picture_type(type_of_media(media)) && std::get_if<Blob>(&media.source)) ||
            (url && is_data_url(url->url));
    });
    return any;
  }

 private:
  template <class Fn>
  void each(const std::vector<Part>& parts, const std::string& where, Fn fn) {
    for (std::size_t i = 0; i < parts.size() && !wrong_; ++i) {
      const std::string field = where + "[" + std::to_string(i) + "]";
      if (const auto* media = parts[i].get<Media>()) fn(*media, field);
      if (const auto* result = parts[i].get<ToolResult>())
        for (std::size_t j = 0; j < result->content.size() && !wrong_; ++j)
          if (const auto* media = result->content[j].get<Media>())
            fn(*media, field + ".content[" + std::to_string(j) + "]");
    }
  }
  template <class Fn>
  void each(const TextRequest& request, Fn fn) {
    for (std::size_t i = 0; i < request.messages.size(); ++i)
      each(request.messages[i].parts, "messages[" + std::to_string(i) + "].parts", fn);
  }

  std::string who() const {
    return std::string(limits_.provider.empty() ? "this provider" : limits_.provider);
  }
  // Of which nothing else is said: an address without a type is taken for a picture's.
  static bool by_address(const Media& media) {
    return std::get_if<Url>(&media.source) && type_of_media(media).empty();
  }

  void one(const Media& media, const std::string& field) {
    auto whole = unpacked(media);
    if (!whole)
      return wrong(Error(whole.error().code(), field + "." + whole.error().message())
                       .with_detail("field", field));
    const std::string type = type_of_media(*whole);
    if (is_picture_type(type)) kind(type, field);
    const Blob* const blob = std::get_if<Blob>(&whole->source);
    if (!blob) return;
    const bool pdf = type == "application/pdf";
    if (pdf) bytes(blob->size(), field, "pdf_bytes", limits_.pdf_bytes, "a document");
    if (is_picture_type(type)) {
      bytes(blob->size(), field, "picture_bytes", limits_.picture_bytes, "a picture");
      pixels(blob->view(), field);
    }
    media_bytes_ += blob->size();
    sent_bytes_ += base64_bytes(blob->size());
    bytes(media_bytes_, field, "media_bytes", limits_.media_bytes, "all files of a request");
    bytes(sent_bytes_, field, "request_bytes", limits_.request_bytes, "a request, in base64");
    if (is_picture_type(type))
      bytes(sent_bytes_, field, "request_bytes_inline", limits_.request_bytes_inline,
            "a request with pictures in base64");
  }

  void kind(const std::string& type, const std::string& field) {
    if (limits_.kinds.empty()) return;
    if (std::find(limits_.kinds.begin(), limits_.kinds.end(), type) != limits_.kinds.end()) return;
    std::string taken;
    for (const std::string_view known : limits_.kinds)
      taken += (taken.empty() ? "" : ", ") + std::string(known);
    wrong(Error(Errc::kUnsupported,
                field + ": " + who() + " takes no " + type + "; convert it to one of " + taken)
              .with_detail("field", field));
  }

  void bytes(std::size_t size, const std::string& field, std::string_view limit, std::size_t most,
             std::string_view of_what) {
    if (most > 0 && size > most)
      wrong(too_large(field, limit, size, most,
                      std::to_string(size) + " bytes are more than the " + std::to_string(most) +
                          " that " + who() + " takes of " + std::string(of_what)));
  }

  void pixels(std::string_view file, const std::string& field) {
    const auto size = picture_size(file);
    if (!size) return;
    const bool many = limits_.many > 0 && pictures_ > limits_.many;
    const std::uint32_t side = many ? limits_.side_of_many : limits_.side;
    const std::uint32_t longest = std::max(size->width, size->height);
    const std::string is =
        std::to_string(size->width) + "x" + std::to_string(size->height) + " pixels are more than ";
    if (side > 0 && longest > side)
      wrong(too_large(field, many ? "side_of_many" : "side", longest, side,
                      is + std::to_string(side) + " a side, the most that " + who() + " takes" +
                          (many ? " of more than " + std::to_string(limits_.many) + " pictures"
                                : std::string()) +
                          "; make it smaller"));
    const std::uint64_t all = std::uint64_t{size->width} * size->height;
    if (limits_.pixels > 0 && all > limits_.pixels)
      wrong(too_large(field, "pixels", all, limits_.pixels,
                      is + "the " + std::to_string(limits_.pixels) + " that " + who() +
                          " takes; make it smaller"));
  }

  void wrong(Error error) {
    if (!wrong_) wrong_ = std::move(error);
  }

  const MediaLimits& limits_;
  std::optional<Error> wrong_{};
  std::size_t pictures_ = 0;
  std::size_t media_bytes_ = 0;
  std::size_t sent_bytes_ = 0;
};

}  // namespace

bool is_picture_type(std::string_view type) { return type.substr(0, 6) == "image/"; }

std::string type_of_media(const Media& media) {
  const std::string_view said = std::string_view(media.mime).substr(0, media.mime.find(';'));
  std::string type = http::lower_name(said);
  while (!type.empty() && type.back() == ' ') type.pop_back();
  if (type == "image/jpg") type = "image/jpeg";
  const Blob* const blob = std::get_if<Blob>(&media.source);
  if (!blob || !(type.empty() || is_picture_type(type))) return type;
  const std::string_view is = mime_of(blob->view());
  return type.empty() || is_picture_type(is) ? std::string(is) : type;
}

Result<Media> unpacked(const Media& media) {
  const Url* const url = std::get_if<Url>(&media.source);
  if (!url || !is_data_url(url->url)) return media;
  auto whole = media_from_url(url->url, media.mime);
  if (!whole) return std::move(whole.error());
  whole->name = media.name;
  whole->detail = media.detail;
  return whole;
}

std::optional<Error> check_media(const TextRequest& request, const MediaLimits& limits) {
  return MediaCheck(limits).check(request);
}

std::optional<Error> check_request_bytes(const TextRequest& request, std::size_t bytes,
                                         const MediaLimits& limits) {
  const auto over = [&](std::string_view limit, std::size_t most, const char* what) {
    return too_large("messages", limit, bytes, most,
                     "the request has " + std::to_string(bytes) + " bytes, more than the " +
                         std::to_string(most) + " that " + std::string(limits.provider) + " takes" +
                         what);
  };
  if (limits.request_bytes > 0 && bytes > limits.request_bytes)
    return over("request_bytes", limits.request_bytes, "");
  const std::size_t most = limits.request_bytes_inline;
  if (most > 0 && bytes > most && MediaCheck(limits).has_inline_pictures(request))
    return over("request_bytes_inline", most,
                " with pictures in it; send smaller ones, or their addresses");
  return std::nullopt;
}

void warn_of_detail(const Media& media, std::string_view who, std::vector<Warning>& warnings) {
  constexpr std::string_view kFacts = R"({"setting":"media.detail"})";
  if (media.detail.empty()) return;
  for (const Warning& said : warnings)
    if (said.extra == kFacts) return;
  warnings.push_back(
      {.code = "unsupported_setting",
       .message = "media.detail has no effect: " + std::string(who) + " does not have it",
       .extra = std::string(kFacts)});
}

}  // namespace infer::cloud
