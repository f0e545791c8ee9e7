// A picture while it is worked on: rows one after the other, without gaps.
#ifndef INFER_SRC_IMAGE_BITMAP_H_
#define INFER_SRC_IMAGE_BITMAP_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "infer/message.h"

namespace infer::pictures {

struct Bitmap {
  std::unique_ptr<std::uint8_t[]> data{};
  std::uint32_t width = 0;
  std::uint32_t height = 0;
  std::uint32_t channels = 0;

  std::size_t row() const noexcept { return std::size_t{width} * channels; }
  std::size_t size() const noexcept { return row() * height; }
};

// Its bytes are whatever they are, so that memory which a damaged file never fills is never
// touched. Throws std::bad_alloc.
Bitmap make_bitmap(std::uint32_t width, std::uint32_t height, std::uint32_t channels);

Pixels to_pixels(Bitmap bitmap);

// As an Exif part says that it is to be shown: 1 to 8; any other number turns nothing.
Bitmap turned(Bitmap bitmap, std::uint32_t orientation);

// Pixels with other channels: 1, 3 or 4. What is transparent is put on `background` where the alpha
// channel goes; grey is the luma of ITU-R BT.601.
Bitmap with_channels(const Pixels& from, std::uint32_t channels, std::uint8_t background);

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_BITMAP_H_
