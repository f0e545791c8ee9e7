#include "picture.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "engines/common/abi.h"
#include "engines/common/json_fields.h"
#include "engines/common/refusal.h"

namespace infer::diffusion {
namespace {

using engine::invalid;

// A blob's fields, of which the caller may have fewer; checked.
infer_blob checked(const infer_blob& given, const std::string& field) {
  const infer_blob blob = engine::read_struct(&given);
  if (blob.type != INFER_U8) {
    engine::unsupported(field,
                        "is not pixels: this build reads no picture files; decode it and pass the "
                        "pixels");
  }
  if (blob.width == 0 || blob.height == 0 || blob.data == nullptr) invalid(field, "has no pixels");
  check_size(blob.width, blob.height, field);
  if (blob.channels < 1 || blob.channels > 4)
    invalid(field, "must have 1 (grey), 2, 3 (RGB) or 4 channels");
  const uint64_t row = uint64_t{blob.width} * blob.channels;
  const uint64_t stride = blob.stride == 0 ? row : blob.stride;
  if (stride < row || blob.bytes < stride * (blob.height - 1) + row)
    invalid(field, "has fewer bytes than its size says");
  return blob;
}

// Calls `put(r, g, b)` for each pixel, with what lies under it white.
template <class Put>
void each_pixel(const infer_blob& blob, Put put) {
  const std::size_t stride =
      blob.stride == 0 ? std::size_t{blob.width} * blob.channels : blob.stride;
  const bool grey = blob.channels <= 2, has_alpha = blob.channels == 2 || blob.channels == 4;
  for (uint32_t y = 0; y < blob.height; ++y) {
    const uint8_t* pixel = static_cast<const uint8_t*>(blob.data) + y * stride;
    for (uint32_t x = 0; x < blob.width; ++x, pixel += blob.channels) {
      const unsigned alpha = has_alpha ? pixel[blob.channels - 1] : 255;
      const auto on_white = [alpha](unsigned v) {
        return static_cast<uint8_t>((v * alpha + 255 * (255 - alpha) + 127) / 255);
      };
      put(on_white(pixel[0]), on_white(pixel[grey ? 0 : 1]), on_white(pixel[grey ? 0 : 2]));
    }
  }
}

// For each new place along one side: the first old place that it sees, and the weights from there.
struct Taps {
  std::size_t first = 0;
  std::vector<float> weights;
};

std::vector<Taps> taps_of(uint32_t from, uint32_t to) {
  std::vector<Taps> all(to);
  const double scale = static_cast<double>(from) / to, reach = std::max(scale, 1.0);
  for (uint32_t i = 0; i < to; ++i) {
    const double centre = (i + 0.5) * scale;
    const double low = std::max(0.0, std::floor(centre - reach));
    const double high = std::min<double>(from, std::ceil(centre + reach));
    all[i].first = static_cast<std::size_t>(low);
    double sum = 0;
    std::vector<double> weights;
    for (double at = low; at < high; ++at) {
      weights.push_back(std::max(0.0, 1 - std::fabs(at + 0.5 - centre) / reach));
      sum += weights.back();
    }
    for (const double weight : weights) all[i].weights.push_back(static_cast<float>(weight / sum));
  }
  return all;
}

}  // namespace

void check_size(uint64_t width, uint64_t height, const std::string& field) {
  if (width <= kMostSide && height <= kMostSide && width * height <= kMostPixels) return;
  throw engine::field_refusal(INFER_E_TOO_LARGE, field,
                              std::to_string(width) + " x " + std::to_string(height) +
                                  " is too large: a side is at most " + std::to_string(kMostSide) +
                                  " pixels, the whole at most " + std::to_string(kMostPixels));
}

Picture rgb_of(const infer_blob& given, const std::string& field) {
  const infer_blob blob = checked(given, field);
  Picture picture{blob.width, blob.height, 3, {}};
  picture.data.reserve(std::size_t{3} * blob.width * blob.height);
  each_pixel(blob, [&](uint8_t r, uint8_t g, uint8_t b) {
    picture.data.push_back(r);
    picture.data.push_back(g);
    picture.data.push_back(b);
  });
  return picture;
}

Picture mask_of(const infer_blob& given, const std::string& field) {
  const infer_blob blob = checked(given, field);
  Picture mask{blob.width, blob.height, 1, {}};
  mask.data.reserve(std::size_t{blob.width} * blob.height);
  each_pixel(blob, [&](unsigned r, unsigned g, unsigned b) {
    mask.data.push_back(r * 299 + g * 587 + b * 114 >= 128 * 1000 ? 255 : 0);
  });
  return mask;
}

Picture resized(const Picture& picture, uint32_t width, uint32_t height) {
  if (picture.width == width && picture.height == height) return picture;
  const std::size_t channels = picture.channels;
  const std::vector<Taps> across = taps_of(picture.width, width),
                          down = taps_of(picture.height, height);
  const std::size_t old_row = picture.width * channels, row = width * channels;
  Picture out{width, height, picture.channels, std::vector<uint8_t>(height * row)};
  std::vector<float> line(old_row);  // of the new height, the old width
  for (uint32_t y = 0; y < height; ++y) {
    std::fill(line.begin(), line.end(), 0.0f);
    for (std::size_t k = 0; k < down[y].weights.size(); ++k) {
      const uint8_t* from = &picture.data[(down[y].first + k) * old_row];
      for (std::size_t i = 0; i < old_row; ++i) line[i] += down[y].weights[k] * from[i];
    }
    for (std::size_t i = 0; i < row; ++i) {
      const Taps& taps = across[i / channels];
      float sum = 0.5f;
      for (std::size_t k = 0; k < taps.weights.size(); ++k)
        sum += taps.weights[k] * line[(taps.first + k) * channels + i % channels];
      out.data[y * row + i] = static_cast<uint8_t>(std::clamp(sum, 0.0f, 255.0f));
    }
  }
  return out;
}

Picture mask_resized(const Picture& mask, uint32_t width, uint32_t height) {
  if (mask.width == width && mask.height == height) return mask;
  Picture out{width, height, 1, std::vector<uint8_t>(std::size_t{width} * height)};
  const auto range = [](uint32_t i, uint32_t from, uint32_t to) {
    const uint64_t low = uint64_t{i} * from / to;
    const uint64_t high = (uint64_t{i + 1} * from + to - 1) / to;
    return std::pair<std::size_t, std::size_t>(low, high);
  };
  for (uint32_t y = 0; y < height; ++y) {
    const auto [top, bottom] = range(y, mask.height, height);
    for (uint32_t x = 0; x < width; ++x) {
      const auto [left, right] = range(x, mask.width, width);
      uint8_t any = 0;
      for (std::size_t v = top; v < bottom; ++v) {
        for (std::size_t u = left; u < right; ++u) any |= mask.data[v * mask.width + u];
      }
      out.data[std::size_t{y} * width + x] = any;
    }
  }
  return out;
}

void keep_unmasked(const Picture& under, const Picture& mask, Picture& painted) {
  for (std::size_t i = 0; i < mask.data.size(); ++i) {
    if (mask.data[i] != 0) continue;
    for (std::size_t c = 0; c < painted.channels; ++c)
      painted.data[i * painted.channels + c] = under.data[i * under.channels + c];
  }
}

}  // namespace infer::diffusion
