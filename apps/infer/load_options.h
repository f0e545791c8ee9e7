// How a model is reached, as the command line has it: one that is loaded here or a provider's.
#ifndef INFER_APPS_LOAD_OPTIONS_H_
#define INFER_APPS_LOAD_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "apps/infer/cloud_options.h"
#include "infer/registry.h"

namespace infer::cli {

struct LoadOptions {
  LocalConfig local{};                         // what options fill in directly
  std::vector<std::string> adapters{};         // "PATH" or "PATH=SCALE"
  std::optional<std::string> devices{};        // names with commas between them; "none"
  std::optional<std::string> chat_template{};  // a file
  ImageParts parts{};                          // of a model that paints, as they were named
  std::vector<std::string> embeddings{};       // "WORD=FILE", of parts.embeddings
  std::optional<std::string> config{};         // JSON, instead of all these
  const char* given = nullptr;                 // the last of them that was given, but `config`
  CloudOptions cloud{};                        // for models of a provider
  bool verbose = false;                        // show what the engine logs, what is tried again
};

// For this model, by its id. Reads the files. kInvalidRequest where options are for another kind of
// model or contradict each other, kNotFound where a file is missing.
Result<Config> config_of(const LoadOptions& options, const std::string& id);

// What of options that were given for the model `first` may be used for `id`, to which a
// conversation goes on: an address and a key are one provider's own, and go to no other.
LoadOptions options_for(const std::string& id, const std::string& first, LoadOptions options);

// The id of a model as a user writes it: a path to a GGUF file is one of llama's.
std::string model_id(const std::string& name);
// Of a model that paints: a path to a .gguf, .safetensors or .ckpt file is one of diffusion's.
std::string image_model_id(const std::string& name);

// "PATH" or "PATH=SCALE"; a path may hold a '=' where no number follows it. Absolute in the result.
LoraAdapter adapter_of(const std::string& text);

}  // namespace infer::cli

#endif  // INFER_APPS_LOAD_OPTIONS_H_
