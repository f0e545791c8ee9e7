// The config of a load: LocalConfig as JSON. docs/design/llama-engine.md holds the same table for
// users.
#ifndef INFER_ENGINES_LLAMA_CONFIG_H_
#define INFER_ENGINES_LLAMA_CONFIG_H_

#include <cstdint>
#include <string_view>

namespace infer::llama {

struct Config {
  // Tokens of prompt and answer together, per reply. 0: the model's training context, at most
  // kDefaultContext.
  uint32_t context = 0;
  uint32_t batch = 512;    // most tokens of one step
  uint32_t threads = 1;    // of one step; more than there are idle cores makes everything slower
  uint32_t parallel = 4;   // replies that run at once; more wait
  int32_t gpu_layers = 0;  // -1: all; without effect in a build without a GPU backend
  bool mmap = true;

  static constexpr uint32_t kDefaultContext = 4096;
};

// Throws Refusal, naming the field and what is allowed.
Config parse_config(std::string_view json);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CONFIG_H_
