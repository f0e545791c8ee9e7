// A request to paint, checked: nothing in it can crash, hang or surprise the engine.
#ifndef INFER_ENGINES_DIFFUSION_REQUEST_H_
#define INFER_ENGINES_DIFFUSION_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "config.h"
#include "facts.h"
#include "infer/plugin.h"
#include "picture.h"

namespace infer::diffusion {

struct Warning {
  std::string code, message, extra;
};

struct PaintRequest {
  std::string prompt, negative_prompt;
  uint32_t n = 1;
  int64_t seed = 0;  // of the first picture
  uint32_t previews = 0;
  std::optional<Picture> init, mask, control;  // as large as what is painted first
  std::vector<Picture> references;
  std::vector<Adapter> adapters;  // the config's too
  bool upscale = false;
  std::vector<float> sigmas;
  std::vector<int> skip_layers;
  std::string upscaler;  // of the hires fix
  // The rest as the engine takes it; what is above is put into it by engine_params().
  sd_img_gen_params_t params = {};
  std::vector<Warning> warnings;

  // Steps that the engine will take for one picture before the hires fix, and in all.
  uint32_t first_steps() const;
  uint32_t steps_per_picture() const;
};

// Reads `how.request` and its blobs, fills in the model's defaults and holds all of it against what
// the model can do. Throws Refusal: INFER_E_INVALID_REQUEST with the field and what is allowed,
// INFER_E_UNSUPPORTED for what this model cannot do, INFER_E_NOT_FOUND for an adapter's file,
// INFER_E_TOO_LARGE for a size whose pictures would not fit, INFER_E_CONTEXT_OVERFLOW for a prompt
// that is longer than anything reads.
PaintRequest parse_request(const infer_open& how, const ModelFacts& facts,
                           const std::vector<Adapter>& adapters);

// What generate_image() takes for one of the pictures. It points into the request and `loras`.
sd_img_gen_params_t engine_params(PaintRequest& request, uint32_t picture,
                                  std::vector<sd_lora_t>& loras);

// Adapter files are there, whole, and by their tensors nothing else: throws Refusal naming `field`.
void check_adapters(const std::vector<Adapter>& adapters, const std::string& field,
                    bool allow_pickle);

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_REQUEST_H_
