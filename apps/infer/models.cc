#include <string>

#include "apps/infer/commands.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"

namespace infer::cli {
namespace {

std::string searched() {
  std::string list;
  for (const std::string& directory : model_directories())
    list += (list.empty() ? "" : ", ") + directory;
  return list.empty() ? "no model directory" : list;
}

}  // namespace

std::string find_model_file(const std::string& id) {
  for (const ModelFile& model : list_models())
    if (model.id == id) return model.path;
  return {};
}

int show_models(bool json) {
  const auto models = list_models();
  if (json) {
    core::Json list = core::Json::array();
    for (const ModelFile& model : models) list.push_back(to_json(model));
    return print_json(core::Json{{"models", list}});
  }
  if (models.empty())
    complain("no model found in " + searched() + "; set MODELS_PATH to a directory of GGUF files");
  return print(models_table(models));
}

}  // namespace infer::cli
