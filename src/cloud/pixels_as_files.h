// Raw pixels in a request become PNG files: no provider takes anything else.
#ifndef INFER_SRC_CLOUD_PIXELS_AS_FILES_H_
#define INFER_SRC_CLOUD_PIXELS_AS_FILES_H_

#include <memory>

#include "infer/request.h"
#include "infer/result.h"

namespace infer::cloud {

// What a wire says that is given pixels all the same.
inline constexpr const char* kNoPixels =
    "raw pixels cannot be sent, and this library was built without INFER_IMAGE; encode them as PNG "
    "or JPEG";

// Once per request, before a wire sees it, so that limits are held against the files that are sent.
// The very same request where it holds no pixels, and without INFER_IMAGE: then the wires refuse
// them. The errors of encode_image(), naming the picture.
Result<std::shared_ptr<const Request>> pixels_as_files(std::shared_ptr<const Request> request);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_PIXELS_AS_FILES_H_
