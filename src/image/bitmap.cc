#include "src/image/bitmap.h"

#include <algorithm>
#include <limits>
#include <new>
#include <utility>

namespace infer::pictures {
namespace {

constexpr std::uint8_t kOpaque = 255;

// `value` seen through an alpha of `alpha` upon `below`, rounded.
std::uint8_t over(std::uint32_t value, std::uint32_t alpha, std::uint32_t below) {
  return static_cast<std::uint8_t>((value * alpha + below * (kOpaque - alpha) + 127) / 255);
}

std::uint8_t luma(const std::uint8_t* rgb) {
  return static_cast<std::uint8_t>((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 32768u) >>
                                   16);
}

void convert_pixel(const std::uint8_t* in, std::uint32_t from, std::uint8_t* out, std::uint32_t to,
                   std::uint8_t background) {
  std::uint8_t rgb[3] = {in[0], in[from == 1 ? 0 : 1], in[from == 1 ? 0 : 2]};
  if (from == 4 && to != 4)
    for (std::uint8_t& value : rgb) value = over(value, in[3], background);
  if (to == 1) {
    out[0] = from == 1 ? in[0] : luma(rgb);
    return;
  }
  std::copy_n(rgb, 3, out);
  if (to == 4) out[3] = from == 4 ? in[3] : kOpaque;
}

}  // namespace

Bitmap make_bitmap(std::uint32_t width, std::uint32_t height, std::uint32_t channels) {
  const std::uint64_t row = std::uint64_t{width} * channels;
  constexpr std::uint64_t kMost = std::numeric_limits<std::ptrdiff_t>::max();
  if (row != 0 && height > kMost / row) throw std::bad_alloc();
  Bitmap bitmap{nullptr, width, height, channels};
  bitmap.data.reset(new std::uint8_t[static_cast<std::size_t>(row) * height]);
  return bitmap;
}

Pixels to_pixels(Bitmap bitmap) {
  Pixels pixels;
  pixels.width = bitmap.width;
  pixels.height = bitmap.height;
  pixels.channels = bitmap.channels;
  pixels.stride = static_cast<std::uint32_t>(bitmap.row());
  const std::size_t size = bitmap.size();
  const std::shared_ptr<std::uint8_t[]> owner = std::move(bitmap.data);
  pixels.data = Blob::borrow(owner.get(), size, owner);
  return pixels;
}

Bitmap turned(Bitmap bitmap, std::uint32_t orientation) {
  if (orientation < 2 || orientation > 8 || bitmap.size() == 0) return bitmap;
  const bool on_its_side = orientation >= 5;
  Bitmap out = on_its_side ? make_bitmap(bitmap.height, bitmap.width, bitmap.channels)
                           : make_bitmap(bitmap.width, bitmap.height, bitmap.channels);
  // Where the new picture's first pixel is found in the old one, and how many bytes it is from
  // there to the next one to the right and to the next one below.
  const bool from_right =
      orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
  const bool from_below =
      orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
  const auto pixel = static_cast<std::ptrdiff_t>(bitmap.channels);
  const auto row = static_cast<std::ptrdiff_t>(bitmap.row());
  const std::ptrdiff_t along = from_right ? -pixel : pixel;
  const std::ptrdiff_t down = from_below ? -row : row;
  const std::uint8_t* first = bitmap.data.get();
  if (from_right) first += row - pixel;
  if (from_below) first += row * (static_cast<std::ptrdiff_t>(bitmap.height) - 1);
  const std::ptrdiff_t right = on_its_side ? down : along, below = on_its_side ? along : down;
  std::uint8_t* to = out.data.get();
  for (std::uint32_t y = 0; y < out.height; ++y)
    for (std::uint32_t x = 0; x < out.width; ++x, to += pixel)
      std::copy_n(first + y * below + x * right, pixel, to);
  return out;
}

Bitmap with_channels(const Pixels& from, std::uint32_t channels, std::uint8_t background) {
  Bitmap out = make_bitmap(from.width, from.height, channels);
  for (std::uint32_t y = 0; y < from.height; ++y) {
    const std::uint8_t* in = from.data.data() + std::size_t{y} * from.stride;
    std::uint8_t* to = out.data.get() + y * out.row();
    if (channels == from.channels) {
      std::copy_n(in, out.row(), to);
      continue;
    }
    for (std::uint32_t x = 0; x < from.width; ++x, in += from.channels, to += channels)
      convert_pixel(in, from.channels, to, channels, background);
  }
  return out;
}

}  // namespace infer::pictures
