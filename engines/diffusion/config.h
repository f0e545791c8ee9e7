// The config of a load: LocalConfig as JSON. docs/design/diffusion-engine.md holds the table for
// users, include/infer/registry.h says what each setting means.
#ifndef INFER_ENGINES_DIFFUSION_CONFIG_H_
#define INFER_ENGINES_DIFFUSION_CONFIG_H_

#include <cstdint>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "stable-diffusion.h"

namespace infer::diffusion {

struct Adapter {
  std::string path;
  float scale = 1;
};

// Paths of the parts; empty: not given.
struct Parts {
  std::string vae, taesd, clip_l, clip_g, t5xxl, llm, llm_vision, clip_vision, control_net,
      photo_maker, upscaler;
  std::map<std::string, std::string> embeddings;  // word -> file
};

// ImageDefaults: what is unset is chosen by the model's family.
struct GivenDefaults {
  std::optional<uint32_t> width, height, steps;
  std::optional<float> guidance, distilled_guidance, flow_shift;
  std::optional<int> clip_skip;
  std::optional<sample_method_t> sample_method;
  std::optional<scheduler_t> scheduler;
  std::string negative_prompt;
};

struct Config {
  Parts parts;
  GivenDefaults defaults;
  std::vector<Adapter> adapters;
  uint32_t threads = 1;
  std::optional<std::vector<std::string>> devices;  // unset: all; empty: the processor alone
  bool offload = false;
  bool text_encoder_on_cpu = false, vae_on_cpu = false, control_net_on_cpu = false;
  bool flash_attention = false;  // kAuto: off, it changes the picture
  std::optional<sd_type_t> weight_type;
  bool mmap = true;
  std::optional<bool> vae_encoder;  // unset: if the files have it
  std::optional<rng_type_t> rng;
  std::optional<prediction_t> prediction;
  bool allow_pickle = false;
};

// Every setting is checked here, as far as that is possible without the model; settings of
// LocalConfig that painting has no use for are refused like unknown ones. Throws Refusal, naming
// the field and what is allowed.
Config parse_config(std::string_view json);

// The "adapters" of a config or of a request. Throws Refusal.
constexpr std::size_t kMostAdapters = 64;
std::vector<Adapter> parse_adapters(const nlohmann::json& value, const std::string& field);

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_CONFIG_H_
