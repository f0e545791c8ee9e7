// infer/registry.h - from a name to a model.
//
// A name is scheme:rest, split at the first colon: "llama:tiny-chat", "llama:/models/qwen3.gguf",
// "echo:500". The scheme picks the backend; the rest is the backend's business.
//
//   auto model = infer::text("llama:/models/qwen3.gguf", infer::LocalConfig{.context = 4096});
//
// A scheme is either built in or a plugin: a shared object infer-SCHEME.so in one of
// plugin_directories(). A local model's rest is a path if it holds a '/', else a name that is
// looked up in model_directories(). Loading equal names with equal configuration gives one loaded
// model, shared while any handle lives.
//
// The library reads no file by itself and looks at no environment variable but INFER_PLUGIN_PATH
// and MODELS_PATH. It never looks in the working directory.
//
// Models of plugins do not survive a fork: in the child they, their replies and further loads fail
// with kEngine. Load after the fork, or exec.
//
// Thread rule: a Registry may be used from several threads once it is filled.
#ifndef INFER_REGISTRY_H_
#define INFER_REGISTRY_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "infer/model.h"
#include "infer/result.h"
#include "infer/stop.h"

namespace infer {
inline namespace v0 {

// How to load a model into this process. Unset: the engine's default, given by each field. A field
// out of range is kInvalidRequest, naming it and what is allowed.
struct LocalConfig {
  std::optional<std::int64_t> context{};     // tokens a sequence may hold; default: the model's own
                                             // training length, at most 4096
  std::optional<std::int32_t> batch{};       // prompt tokens read in one step; default 512
  std::optional<std::int32_t> threads{};     // default 1
  std::optional<std::int32_t> parallel{};    // replies that run at once, others wait; default 4
  std::optional<std::int32_t> gpu_layers{};  // layers put on a GPU; default 0
  std::optional<bool> mmap{};                // map the file instead of reading it; default true
};

// Configuration of a plugin in its own words: a JSON object. Default: empty.
struct PluginConfig {
  std::string json{};
};

using Config = std::variant<std::monostate, LocalConfig, PluginConfig>;

// How to behave while a model loads, which can take minutes.
struct Load {
  StopToken stop{};                        // stops the load: kCancelled
  std::function<void(double)> progress{};  // 0..1, never falling, on the loading thread
};

// A model file that discovery found; read from its header alone.
struct ModelFile {
  std::string id{};  // what to pass to text(): "llama:tiny-chat"
  std::string path{};
  std::string family{};  // "llama", "qwen3", ...
  std::string quantization{};
  std::int64_t parameters = 0;
  std::int64_t size_bytes = 0;
  std::int64_t context = 0;  // training length in tokens; 0 unknown
  std::string problem{};     // not empty: why it cannot be loaded
};

// A plugin that was found, whether or not it can be loaded.
struct PluginFile {
  std::string scheme{};
  std::string path{};
  std::string version{};  // the engine's
  std::string licence{};  // SPDX
  std::string problem{};  // not empty: why it is refused
};

class INFER_API Registry {
 public:
  // Makes a backend for what stands behind the scheme's colon.
  using Factory = std::function<Result<std::shared_ptr<const Backend>>(
      std::string_view rest, const Config& config, const Load& load)>;

  // An empty registry: no scheme at all.
  Registry() = default;
  // With plugins: schemes that add() did not name are looked for as plugins.
  static Registry with_plugins();
  // The one behind the free functions below: plugins and, as they come, the cloud providers. Filled
  // on first use, immutable afterwards.
  static const Registry& builtin();

  // kInvalidRequest if the scheme is taken or not made of lower-case letters, digits, '-', '+', or
  // the factory is empty.
  Result<void> add(std::string scheme, Factory factory);
  std::vector<std::string> schemes() const;

  Result<TextModel> text(std::string_view id, const Config& config = {},
                         const Load& load = {}) const;
  Result<ImageModel> image(std::string_view id, const Config& config = {},
                           const Load& load = {}) const;
  Result<EmbeddingModel> embedding(std::string_view id, const Config& config = {},
                                   const Load& load = {}) const;
  Result<std::shared_ptr<const Backend>> open(std::string_view id, const Config& config = {},
                                              const Load& load = {}) const;

 private:
  std::map<std::string, Factory, std::less<>> factories_;
  bool plugins_ = false;
};

// Of Registry::builtin().
INFER_API Result<TextModel> text(std::string_view id, const Config& config = {},
                                 const Load& load = {});
INFER_API Result<ImageModel> image(std::string_view id, const Config& config = {},
                                   const Load& load = {});
INFER_API Result<EmbeddingModel> embedding(std::string_view id, const Config& config = {},
                                           const Load& load = {});

// Where plugins are looked for, in order: INFER_PLUGIN_PATH (absolute, separated by ':'), then the
// plugin directory of this library's installation or build tree.
INFER_API std::vector<std::string> plugin_directories();
INFER_API std::vector<PluginFile> list_plugins();

// Where local models are looked for, in order: MODELS_PATH (separated by ':'), then the models
// shipped with this library.
INFER_API std::vector<std::string> model_directories();
// Every model file there, headers read, sorted by id. A file that cannot be read says why.
INFER_API std::vector<ModelFile> list_models();

// What engines have to say, for people who look for a fault. Without a function nothing is said.
// `level`: 0 debug, 1 info, 2 warning, 3 error, 4 the process is about to
// abort. Called from any thread; must not throw.
using LogFn = void (*)(void* context, int level, std::string_view line);
INFER_API void set_log(LogFn fn, void* context) noexcept;

// This library's version, "0.1.0".
INFER_API const char* version() noexcept;

}  // namespace v0
}  // namespace infer

#endif  // INFER_REGISTRY_H_
