// infer image: words in, pictures out.
#ifndef INFER_APPS_IMAGE_H_
#define INFER_APPS_IMAGE_H_

#include "apps/infer/image_request.h"

namespace CLI {
class App;
}

namespace infer::cli {

void add_image_options(CLI::App& command, ImageOptions& options);

// The exit code.
int image(const ImageOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_IMAGE_H_
