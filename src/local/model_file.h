// One model file as list_models() tells it.
#ifndef INFER_SRC_LOCAL_MODEL_FILE_H_
#define INFER_SRC_LOCAL_MODEL_FILE_H_

#include <string>
#include <string_view>

#include "infer/registry.h"

namespace infer::local {

// Whether a file of this name may be a model: it has one of the endings.
bool is_model_name(std::string_view name);

// Reads the header of DIRECTORY/NAME and its card; without an id. `paints`: all files of this
// directory are of models that paint; else the architecture and the tensors tell.
struct SeenFile {
  ModelFile file{};
  std::string scheme{};
  std::vector<std::string> card_parts{};  // canonical; belong to this model
};
SeenFile look_at_model(const std::string& directory, const std::string& name, bool paints);

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_MODEL_FILE_H_
