// What the providers take of pictures and documents, as data, so that a request which would be
// refused is refused here, before megabytes of it are sent. A figure that is not known is no limit.
#ifndef INFER_SRC_CLOUD_MEDIA_LIMITS_H_
#define INFER_SRC_CLOUD_MEDIA_LIMITS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "infer/error.h"
#include "infer/event.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer::cloud {

// Zero and empty: not known. Bytes are those of the files, not of their base64, unless it says so.
struct MediaLimits {
  std::string_view provider{};                // for messages
  std::span<const std::string_view> kinds{};  // of pictures: "image/png", ...
  std::size_t picture_bytes = 0;              // of each
  std::size_t pictures = 0;                   // in a request
  std::uint32_t side = 0;                     // pixels, of each
  std::size_t many = 0;                       // with more pictures than this ...
  std::uint32_t side_of_many = 0;             // ... pixels of each
  std::uint64_t pixels = 0;                   // of each
  std::size_t pdf_bytes = 0;                  // of each
  std::size_t media_bytes = 0;                // of all of a request
  std::size_t request_bytes = 0;              // of the request as it is sent
  std::size_t request_bytes_inline = 0;       // the same, where it holds the bytes of pictures
  bool openai_details = false;                // Media::detail is one of those that OpenAI lists
};

extern const MediaLimits kAnthropicMedia;
extern const MediaLimits kGroqMedia;
extern const MediaLimits kOpenAiMedia;
// Of servers of which nothing is known.
inline constexpr MediaLimits kNoMediaLimits{};

// The type of the file in small letters and without parameters; empty: unknown. Of pictures it is
// what their bytes say, if they say it: servers refuse what is not what it is called.
std::string type_of_media(const Media& media);
bool is_picture_type(std::string_view type);
// The same media, with the bytes of a data: address taken out of it. kInvalidRequest if it is none.
Result<Media> unpacked(const Media& media);

// The first thing that is over a limit: kTooLarge with the details "field"
// ("messages[0].parts[1]"), "limit" (its name above), "need" and "have"; kUnsupported for a kind of
// picture that is not taken.
std::optional<Error> check_media(const TextRequest& request, const MediaLimits& limits);
// The whole request, written: `bytes` is its size.
std::optional<Error> check_request_bytes(const TextRequest& request, std::size_t bytes,
                                         const MediaLimits& limits);

// Once for all media of a request: Media::detail shapes quality and is not sent.
void warn_of_detail(const Media& media, std::string_view who, std::vector<Warning>& warnings);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MEDIA_LIMITS_H_
