// The config of a load: LocalConfig as JSON. docs/design/llama-engine.md holds the same table for
// users, include/infer/registry.h says what each setting means.
#ifndef INFER_ENGINES_LLAMA_CONFIG_H_
#define INFER_ENGINES_LLAMA_CONFIG_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace infer::llama {

// A LoRA adapter: its file, and how strongly it is applied.
struct AdapterConfig {
  std::string path;
  float scale = 1;
};

struct Config {
  // Tokens of prompt and answer together, per reply. 0: the model's training context, at most
  // kDefaultContext.
  uint32_t context = 0;
  uint32_t batch = 512;        // most tokens of one step
  uint32_t micro_batch = 512;  // most of them that are computed at once; at most batch
  // Threads of one step, and of one that reads a prompt. More than there are idle cores makes
  // everything slower.
  uint32_t threads = 1;
  uint32_t batch_threads = 1;
  uint32_t parallel = 4;  // replies that run at once; more wait

  int32_t gpu_layers = -1;  // -1: all; without effect in a build without a GPU backend
  std::optional<std::vector<std::string>> devices;  // unset: all; empty: none
  int32_t main_gpu = 0;                             // for split_mode none: which of the devices
  llama_split_mode split_mode = LLAMA_SPLIT_MODE_LAYER;
  std::vector<float> tensor_split;  // proportions, one a device; empty: by free memory

  bool mmap = true;
  bool mlock = false;
  ggml_numa_strategy numa = GGML_NUMA_STRATEGY_DISABLED;

  llama_flash_attn_type flash_attention = LLAMA_FLASH_ATTN_TYPE_AUTO;
  ggml_type cache_type_k = GGML_TYPE_F16;
  ggml_type cache_type_v = GGML_TYPE_F16;
  std::vector<AdapterConfig> adapters;
  float rope_frequency_base = 0;                                     // 0: the model's
  float rope_frequency_scale = 0;                                    // 0: the model's
  enum llama_pooling_type pooling = LLAMA_POOLING_TYPE_UNSPECIFIED;  // of embeddings
  std::string chat_template;                                         // empty: the model's
  bool prefix_cache = true;  // keep what was computed for a prompt for others that begin alike

  static constexpr uint32_t kDefaultContext = 4096;
};

// Every setting is checked here, as far as that is possible without the model. Throws Refusal,
// naming the field and what is allowed.
Config parse_config(std::string_view json);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CONFIG_H_
