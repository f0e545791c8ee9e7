// The files of a model, looked at before the engine loads them: a file that is missing, damaged or
// in the wrong place is named, where the engine would only say that a tensor is not there.
// Thread rule: functions of their arguments.
#ifndef INFER_ENGINES_DIFFUSION_PARTS_H_
#define INFER_ENGINES_DIFFUSION_PARTS_H_

#include <cstdint>
#include <string>

#include "config.h"

namespace infer::diffusion {

struct ModelFiles {
  std::string path;             // of the model
  bool denoiser_alone = false;  // and not a checkpoint with everything in it
  std::string family;           // as its tensors say; empty: only its text encoder tells
  std::int64_t parameters = 0;  // numbers in this file; 0: not known
  bool vae_encoder = false;     // one of the files can turn pictures into latent ones
};

// Throws Refusal: INFER_E_NOT_FOUND, INFER_E_MODEL_INVALID naming the file, the part, and what to
// do, INFER_E_FORBIDDEN for a pickle that the config does not allow.
ModelFiles look_at(const std::string& path, const Config& config);

// The first half of it: the file is there and holds a model that paints.
void check_model_file(const std::string& path, const Config& config);

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_PARTS_H_
