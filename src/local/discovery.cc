#include "src/local/discovery.h"

#include <map>
#include <utility>

#include "infer/registry.h"
#include "src/local/gguf.h"
#include "src/local/split_name.h"
#include "src/port/file.h"
#include "src/port/paths.h"

namespace infer {
namespace local {

Result<std::string> find_model(std::string_view rest) {
  if (rest.empty()) return std::string();
  const std::string name(rest);
  if (name.find('/') != std::string::npos) {
    switch (port::file_kind(name)) {
      case port::FileKind::kNone: return Error(Errc::kNotFound, "no file " + name);
      case port::FileKind::kDirectory:
        return Error(Errc::kInvalidRequest, name + " is a directory; name the model file in it");
      case port::FileKind::kOther:  // opening a pipe would wait for its writer
        return Error(Errc::kInvalidRequest, name + " is not a regular file");
      case port::FileKind::kFile: break;
    }
    auto real = port::canonical(name);
    if (!real) return Error(Errc::kNotFound, "no file " + name);
    return std::move(*real);
  }
  for (const std::string& directory : model_directories()) {
    for (const char* ending : {"", ".gguf"}) {
      const std::string path = directory + "/" + name + ending;
      if (port::file_kind(path) != port::FileKind::kFile) continue;
      if (auto real = port::canonical(path)) return std::move(*real);
    }
  }
  return std::string();
}

namespace {

constexpr std::string_view kGguf = ".gguf";

// Adds the sizes of the further pieces, and says which one is missing.
void add_pieces(const std::string& directory, const std::string& name, ModelFile& model) {
  const SplitName first = split_name(name).value_or(SplitName{});
  for (int n = 2; n <= first.count; ++n) {
    const std::string piece = first.piece(n);
    const auto file = port::File::open(directory + "/" + piece);
    if (!file) {
      if (model.problem.empty()) model.problem = "its piece " + piece + " is missing";
      return;
    }
    model.size_bytes += file->size();
    const auto header = read_gguf(*file);
    if (header) model.parameters += header->parameters;
  }
}

ModelFile describe(const std::string& directory, const std::string& name) {
  ModelFile out;
  out.id = "llama:" + name.substr(0, name.size() - kGguf.size());
  out.path = directory + "/" + name;
  auto file = port::File::open(out.path);
  if (!file) {
    out.problem = file.error().message();
    return out;
  }
  out.size_bytes = file->size();
  auto header = read_gguf(*file);
  if (!header) {
    out.problem = header.error().message();
    return out;
  }
  out.family = header->architecture;
  out.quantization = header->quantization;
  out.parameters = header->parameters;
  out.context = header->context;
  add_pieces(directory, name, out);
  return out;
}

}  // namespace
}  // namespace local

inline namespace v0 {

std::vector<std::string> model_directories() {
  std::vector<std::string> list = port::path_list("MODELS_PATH");
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
  for (const std::string& directory : model_directories()) {
    for (const std::string& name : port::list_directory(directory)) {
      if (name.size() <= local::kGguf.size() || !name.ends_with(local::kGguf)) continue;
      if (port::file_kind(directory + "/" + name) != port::FileKind::kFile) continue;
      if (const auto piece = local::split_name(name); piece && piece->number > 1) continue;
      ModelFile file = local::describe(directory, name);
      by_id.emplace(file.id, std::move(file));
    }
  }
  std::vector<ModelFile> out;
  for (auto& [id, file] : by_id) out.push_back(std::move(file));
  return out;
}

}  // namespace v0
}  // namespace infer
