// What a loaded model can do: what requests are held against before the engine sees them.
#ifndef INFER_ENGINES_DIFFUSION_FACTS_H_
#define INFER_ENGINES_DIFFUSION_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "stable-diffusion.h"

namespace infer::diffusion {

// What a request means where it says nothing.
struct Defaults {
  uint32_t width = 512, height = 512;
  uint32_t steps = 20;
  float guidance = 7;
  std::optional<float> distilled_guidance, flow_shift;
  std::optional<int> clip_skip;
  sample_method_t sample_method = EULER_SAMPLE_METHOD;
  std::optional<scheduler_t> scheduler;  // unset: the sample method's
  std::string negative_prompt;
};

struct ModelFacts {
  std::string name;
  std::string family;          // the engine's name: "Flux", "SD 1.x", ...
  uint32_t size_multiple = 8;  // widths and heights are multiples of this
  bool dit = false;            // a transformer, not a UNet
  bool flow = false;           // matches flows: has a shift
  bool inpaints = false;       // made to fill a masked place
  bool edits = false;        // a UNet made to change the one picture that it is given as reference
  bool controls = false;     // made to follow a drawing, without a ControlNet
  bool photo_maker = false;  // a PhotoMaker is loaded, which needs references
  bool references = false;   // looks at pictures that it does not start from
  bool starts_from_pictures = false;  // the half of its VAE that reads pictures is loaded
  bool has_control = false;
  bool has_small_vae = false;  // decodes, or shows previews, with a small VAE
  std::string upscaler;        // its file; empty: none
  uint32_t upscale_factor = 1;
  bool flash_attention = false;
  uint64_t weight_bytes = 0;
  int64_t parameters = 0;     // numbers in the model's own file; 0: not known
  bool allow_pickle = false;  // of the config: adapters may be pickles
  Defaults defaults;
};

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_FACTS_H_
