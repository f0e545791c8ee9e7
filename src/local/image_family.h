// What a file of a model that paints is, told by the names and shapes of its tensors: of which
// family, which parts are in it, or which part of another model it is. Used by the diffusion plugin
// too, so that discovery and engine never disagree. The marks are those by which
// stable-diffusion.cpp tells its models apart (src/model.cpp and src/name_conversion.cpp there).
#ifndef INFER_SRC_LOCAL_IMAGE_FAMILY_H_
#define INFER_SRC_LOCAL_IMAGE_FAMILY_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace infer::local {

struct ImageFile {
  std::string family{};  // of the denoiser that is in it: "Flux", "SD 1.x"; empty: none known
  // A file of one part alone: its name in ImageParts, "lora", or "diffusion_model" for a denoiser
  // without a prefix in its tensors' names. Empty: a checkpoint, or nothing known.
  std::string part{};
  bool denoiser = false;
  bool vae = false;          // or a small one
  bool vae_encoder = false;  // and the half of it that reads pictures
  bool text_encoder = false;
  // Nothing of the above: not a file of a model that paints.
  bool known() const { return denoiser || !part.empty(); }
};

// Is shown each tensor once, in any order. Thread rule: one thread at a time.
class ImageFileReader {
 public:
  // `shape`: innermost dimension first, as GGUF has it.
  void tensor(std::string_view name, const std::vector<std::int64_t>& shape);
  ImageFile result() const;

 private:
  std::string family() const;
  std::string unet_family() const;
  std::string part() const;

  std::uint64_t marks_ = 0;
  std::int64_t token_width_ = 0;     // of CLIP's table of tokens
  std::int64_t input_channels_ = 0;  // of a UNet's first convolution
  std::int64_t input_width_ = 0;     // of a transformer's first layer
};

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_IMAGE_FAMILY_H_
