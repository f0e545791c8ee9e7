// Pixels of a request, as the engine takes them, and bringing them to a size. Thread rule:
// functions of their arguments.
#ifndef INFER_ENGINES_DIFFUSION_PICTURE_H_
#define INFER_ENGINES_DIFFUSION_PICTURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "infer/plugin.h"
#include "stable-diffusion.h"

namespace infer::diffusion {

// Pixels without gaps between the rows, the job's own.
struct Picture {
  uint32_t width = 0, height = 0, channels = 0;  // channels: 3; a mask has 1
  std::vector<uint8_t> data;
};

// The largest that are taken and given; what the engine counts in 32 bits stays far below.
constexpr uint32_t kMostSide = 16384, kMostPixels = 64u << 20;
// Throws Refusal INFER_E_TOO_LARGE, naming the field.
void check_size(uint64_t width, uint64_t height, const std::string& field);

// Colours; where the pixels have an alpha channel they lie on white. Throws Refusal, naming the
// field, for what is no picture.
Picture rgb_of(const infer_blob& blob, const std::string& field);
// 255 where the picture is bright, which is where it is to be painted anew, 0 elsewhere.
Picture mask_of(const infer_blob& blob, const std::string& field);

// Stretched to a size: each new pixel is the mean of the old ones that it covers, weighted by how
// near they are (a triangle), so that making smaller drops no lines.
Picture resized(const Picture& picture, uint32_t width, uint32_t height);
// The same for a mask, which stays black and white: a new pixel is white if any old one that it
// covers is.
Picture mask_resized(const Picture& mask, uint32_t width, uint32_t height);

// Puts the pixels of `under` where the mask is black. All three have the same size.
void keep_unmasked(const Picture& under, const Picture& mask, Picture& painted);

// The engine's view of it, alive as long as the picture.
inline sd_image_t view_of(const Picture& picture) {
  return sd_image_t{picture.width, picture.height, picture.channels,
                    const_cast<uint8_t*>(picture.data.data())};
}

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_PICTURE_H_
