#include "src/local/discovery.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "infer/registry.h"
#include "src/local/model_file.h"
#include "src/local/split_name.h"
#include "src/port/paths.h"

namespace infer {
namespace local {
namespace {

constexpr std::string_view kPaints = "diffusion";

Result<std::string> find_path(const std::string& path) {
  switch (port::file_kind(path)) {
    case port::FileKind::kNone: return Error(Errc::kNotFound, "no file " + path);
    case port::FileKind::kDirectory:
      return Error(Errc::kInvalidRequest, path + " is a directory; name the model file in it");
    case port::FileKind::kOther:  // opening a pipe would wait for its writer
      return Error(Errc::kInvalidRequest, path + " is not a regular file");
    case port::FileKind::kFile: break;
  }
  auto real = port::canonical(path);
  if (!real) return Error(Errc::kNotFound, "no file " + path);
  return std::move(*real);
}

// Endings that a name may lack, in the order in which they are tried.
std::vector<const char*> endings_of(std::string_view scheme) {
  if (scheme == kPaints) return {"", ".gguf", ".safetensors", ".ckpt"};
  return {"", ".gguf"};
}

// What find_model() makes this file of: its name without an ending where no other file is meant
// by that.
std::string id_of(const SeenFile& seen, const std::string& directory, const std::string& name) {
  const std::string stem = name.substr(0, name.rfind('.'));
  for (const char* ending : endings_of(seen.scheme)) {
    if (port::file_kind(directory + "/" + stem + ending) != port::FileKind::kFile) continue;
    return seen.scheme + ":" + (stem + ending == name ? stem : name);
  }
  return seen.scheme + ":" + name;
}

// The models of one directory. Files that a card there names belong to its model.
std::vector<ModelFile> models_in(const std::string& directory, bool paints) {
  std::vector<ModelFile> out;
  std::set<std::string> of_cards;
  for (const std::string& name : port::list_directory(directory)) {
    if (!is_model_name(name)) continue;
    if (port::file_kind(directory + "/" + name) != port::FileKind::kFile) continue;
    if (const auto piece = split_name(name); piece && piece->number > 1) continue;
    SeenFile seen = look_at_model(directory, name, paints);
    seen.file.id = id_of(seen, directory, name);
    of_cards.insert(seen.card_parts.begin(), seen.card_parts.end());
    out.push_back(std::move(seen.file));
  }
  std::erase_if(out, [&](const ModelFile& file) {
    const auto real = port::canonical(file.path);
    return real && of_cards.count(*real) > 0;
  });
  return out;
}

}  // namespace

Result<std::string> find_model(std::string_view scheme, std::string_view rest) {
  if (rest.empty()) return std::string();
  const std::string name(rest);
  if (name.find('/') != std::string::npos) return find_path(name);
  for (const std::string& directory : model_directories(scheme.empty() ? "none" : scheme)) {
    for (const char* ending : endings_of(scheme)) {
      const std::string path = directory + "/" + name + ending;
      if (port::file_kind(path) != port::FileKind::kFile) continue;
      if (auto real = port::canonical(path)) return std::move(*real);
    }
  }
  return std::string();
}

}  // namespace local

inline namespace v0 {

std::vector<std::string> model_directories(std::string_view scheme) {
  std::vector<std::string> list;
  if (scheme.empty() || scheme == local::kPaints) list = port::path_list("DIFFUSION_MODELS_PATH");
  for (std::string& directory : port::path_list("MODELS_PATH"))
    list.push_back(std::move(directory));
  const std::string here = port::module_directory();
  if (!here.empty()) {
    // The library is in PREFIX/lib or PREFIX/lib/ARCH, a program that contains it in PREFIX/bin.
    for (const char* up : {"/../", "/../../"})
      list.push_back(here + up + INFER_REL_DATADIR "/" INFER_MODEL_SUBDIR);
  }
#if defined(INFER_INSTALL_DATADIR)
  list.push_back(INFER_INSTALL_DATADIR "/" INFER_MODEL_SUBDIR);
#endif
  return port::existing(list);
}

std::vector<ModelFile> list_models() {
  std::map<std::string, ModelFile> by_id;  // the first directory wins
  const auto add = [&](const std::string& directory, bool paints) {
    for (ModelFile& file : local::models_in(directory, paints))
      by_id.emplace(file.id, std::move(file));
  };
  // All in the first ones are models that paint, but where a directory is among the others too.
  const std::vector<std::string> mixed = model_directories("llama");
  for (const std::string& directory : model_directories())
    add(directory, std::find(mixed.begin(), mixed.end(), directory) == mixed.end());
  std::vector<ModelFile> out;
  for (auto& [id, file] : by_id) out.push_back(std::move(file));
  return out;
}

}  // namespace v0
}  // namespace infer
