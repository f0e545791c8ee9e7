// infer image: words in, pictures out.
#ifndef INFER_APPS_IMAGE_H_
#define INFER_APPS_IMAGE_H_

#include <optional>
#include <string>
#include <vector>

#include "apps/infer/answer_options.h"
#include "apps/infer/load_options.h"
#include "infer/request.h"

namespace infer::cli {

struct ImageOptions {
  std::string model{};
  std::optional<std::string> prompt{};  // "-": stdin
  std::string output{};                 // a file; "-": stdout
  std::string size{};                   // "1024x1536"; empty: the model's
  std::vector<std::string> edits{};     // pictures to start from, as read_media() takes them
  std::string mask{};
  ImageRequest request{};  // what options fill in directly
  bool save_previews = false;
  bool force = false;
  LoadOptions load{};
  Times times{};
  bool json = false;
};

// The exit code.
int image(const ImageOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_IMAGE_H_
