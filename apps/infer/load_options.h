// How a local model is loaded, as the command line has it.
#ifndef INFER_APPS_LOAD_OPTIONS_H_
#define INFER_APPS_LOAD_OPTIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "infer/registry.h"

namespace infer::cli {

struct LoadOptions {
  LocalConfig local{};                         // what options fill in directly
  std::vector<std::string> adapters{};         // "PATH" or "PATH=SCALE"
  std::optional<std::string> devices{};        // names with commas between them; "none"
  std::optional<std::string> chat_template{};  // a file
  std::optional<std::string> config{};         // JSON, instead of all these
  bool any = false;                            // one of them was given, but `config`
  bool verbose = false;                        // show what the engine logs
};

// Reads the files. kInvalidRequest where both ways are used, kNotFound where a file is missing.
Result<Config> config_of(const LoadOptions& options);

// The id of a model as a user writes it: a path to a GGUF file is one of llama's.
std::string model_id(const std::string& name);

}  // namespace infer::cli

#endif  // INFER_APPS_LOAD_OPTIONS_H_
