// A model that a plugin has loaded, shared by all handles of the same name and configuration.
#ifndef INFER_SRC_PLUGIN_MODEL_H_
#define INFER_SRC_PLUGIN_MODEL_H_

#include <memory>
#include <string>

#include "infer/backend.h"
#include "infer/plugin.h"
#include "infer/registry.h"
#include "infer/result.h"
#include "src/plugin/exit.h"
#include "src/plugin/library.h"

namespace infer::plugin {

struct ModelSpec {
  std::string name{};    // what stands behind the scheme
  std::string path{};    // canonical; empty: no file
  std::string config{};  // JSON
};

class Model final : private ShutAtExit {
 public:
  Model(const Library& library, infer_model* handle)
      : ShutAtExit(kModel), library_(library), handle_(handle) {}
  ~Model();

  static Result<std::shared_ptr<Model>> load(const Library& library, const ModelSpec& spec,
                                             const Load& how);

  const infer_plugin& table() const noexcept { return *library_.table; }
  const Library& library() const noexcept { return library_; }
  infer_model* handle() const noexcept { return handle_; }
  // Of the model-info JSON (docs/formats/model-info.md).
  Result<ModelInfo> describe(const ModelSpec& spec) const;

 private:
  static Result<std::shared_ptr<Model>> load_now(const Library& library, const ModelSpec& spec,
                                                 const Load& how);
  void shut() override;
  const Library& library_;
  infer_model* handle_;
};

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_MODEL_H_
