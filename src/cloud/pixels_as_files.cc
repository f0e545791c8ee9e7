#include "src/cloud/pixels_as_files.h"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "infer/image.h"

namespace infer::cloud {

#if defined(INFER_IMAGE)

namespace {

// Calls fn(media, where) for every media of a request, until it says false. Of constant and of
// changing requests.
template <class List, class Fn>
bool each_media_of(List& list, const std::string& where, Fn& fn) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string at = where + "[" + std::to_string(i) + "]";
    if constexpr (std::is_same_v<typename List::value_type, Media>) {
      if (!fn(list[i], at)) return false;
    } else {
      if (auto* media = list[i].template get<Media>(); media && !fn(*media, at)) return false;
      auto* result = list[i].template get<ToolResult>();
      if (result && !each_media_of(result->content, at + ".content", fn)) return false;
    }
  }
  return true;
}

template <class Messages, class Fn>
bool each_media_said(Messages& messages, Fn& fn) {
  for (std::size_t i = 0; i < messages.size(); ++i)
    if (!each_media_of(messages[i].parts, "messages[" + std::to_string(i) + "].parts", fn))
      return false;
  return true;
}

template <class AnyRequest, class Fn>
bool each_media_asked(AnyRequest& request, Fn fn) {
  if (auto* text = std::get_if<TextRequest>(&request)) return each_media_said(text->messages, fn);
  if (auto* count = std::get_if<CountRequest>(&request))
    return each_media_said(count->request.messages, fn);
  auto* image = std::get_if<ImageRequest>(&request);
  return !image ||
         (each_media_of(image->images, "images", fn) && (!image->mask || fn(*image->mask, "mask")));
}

bool has_pixels(const Request& request) {
  return !each_media_asked(request, [](const Media& media, const std::string&) {
    return !std::holds_alternative<Pixels>(media.source);
  });
}

}  // namespace

Result<std::shared_ptr<const Request>> pixels_as_files(std::shared_ptr<const Request> request) {
  if (!has_pixels(*request)) return request;
  auto copy = std::make_shared<Request>(*request);  // the bytes of pictures are shared
  std::optional<Error> wrong;
  each_media_asked(*copy, [&](Media& media, const std::string& where) {
    const auto* pixels = std::get_if<Pixels>(&media.source);
    if (!pixels) return true;
    auto file = encode_image(*pixels);
    if (!file) {
      wrong = Error(file.error().code(), where + ": " + file.error().message())
                  .with_detail("field", where);
      return false;
    }
    media.mime = std::move(file->mime);
    media.source = std::move(file->source);
    return true;
  });
  if (wrong) return std::move(*wrong);
  return std::shared_ptr<const Request>(std::move(copy));
}

#else

Result<std::shared_ptr<const Request>> pixels_as_files(std::shared_ptr<const Request> request) {
  return request;
}

#endif

}  // namespace infer::cloud
