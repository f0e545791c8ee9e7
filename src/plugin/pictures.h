// Pictures on their way across the border: engines take pixels and give pixels, callers have files.
#ifndef INFER_SRC_PLUGIN_PICTURES_H_
#define INFER_SRC_PLUGIN_PICTURES_H_

#include <cstdint>
#include <optional>

#include "infer/event.h"
#include "infer/image.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer::plugin {

// The request with every picture of it decoded: images, control and references as RGB, the mask as
// grey. This is where the time goes that decoding takes, once per request. The errors of
// decode_image() (infer/image.h), naming which picture it is: "images[0]: ...". Without INFER_IMAGE
// files stay what they are, and it is up to the plugin to refuse them.
Result<ImageRequest> with_pixels(const ImageRequest& request);

// Brings an engine's pictures into the format that a request asks for.
class PictureFormat {
 public:
  // kUnsupported for a format that is not written, or if none is.
  static Result<PictureFormat> of(const ImageRequest& request);

  // What the request sets in vain, to be said once.
  const std::optional<Warning>& warning() const noexcept { return warning_; }
  // False: pictures go out as the engine gives them.
  bool converts() const noexcept { return format_.has_value(); }
  // A file of the format; one that already is stays as it is.
  Result<Media> encoded(Media picture) const;

 private:
  std::optional<ImageFormat> format_{};
  std::optional<std::uint32_t> quality_{};
  std::optional<Warning> warning_{};
};

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_PICTURES_H_
