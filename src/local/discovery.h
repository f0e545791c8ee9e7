// Local model files: from a name to a path.
#ifndef INFER_SRC_LOCAL_DISCOVERY_H_
#define INFER_SRC_LOCAL_DISCOVERY_H_

#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer::local {

// What stands behind a local scheme, as a file. With a '/' it is a path, and kNotFound if there is
// no such file. Without, it is looked up in model_directories(scheme), as it stands and with the
// endings of model files that the scheme's engine reads (".gguf"; for "diffusion" ".safetensors"
// and ".ckpt" after it); empty if there is none: then it may be a name that only the engine knows.
// Empty for no name. `scheme`: without a flavour.
Result<std::string> find_model(std::string_view scheme, std::string_view rest);

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_DISCOVERY_H_
