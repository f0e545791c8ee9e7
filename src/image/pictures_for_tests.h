// For tests: pixels, and files that are made without src/image.
#ifndef INFER_SRC_IMAGE_PICTURES_FOR_TESTS_H_
#define INFER_SRC_IMAGE_PICTURES_FOR_TESTS_H_

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <variant>

#include "infer/image.h"

namespace infer::pictures {

// Noise, in rows that are `gap` bytes longer than they need be.
inline Pixels noise(std::uint32_t width, std::uint32_t height, std::uint32_t channels,
                    std::uint32_t gap = 0, std::uint32_t seed = 1) {
  std::mt19937 random(seed);
  Pixels out;
  out.width = width;
  out.height = height;
  out.channels = channels;
  out.stride = width * channels + gap;
  std::string bytes(std::size_t{out.stride} * height, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  out.data = Blob(std::move(bytes));
  return out;
}

// Smooth colours, as in a photograph.
inline Pixels gradient(std::uint32_t width, std::uint32_t height, std::uint32_t channels) {
  Pixels out{{}, width, height, channels, width * channels};
  std::string bytes;
  for (std::uint32_t y = 0; y < height; ++y)
    for (std::uint32_t x = 0; x < width; ++x)
      for (std::uint32_t c = 0; c < channels; ++c)
        bytes += static_cast<char>(c == 0   ? 255 * x / width
                                   : c == 1 ? 255 * y / height
                                            : 255 * (x + y) / (width + height));
  out.data = Blob(std::move(bytes));
  return out;
}

inline std::uint32_t at(const Pixels& pixels, std::uint32_t x, std::uint32_t y, std::uint32_t c) {
  return pixels.data.data()[std::size_t{y} * pixels.stride + std::size_t{x} * pixels.channels + c];
}

inline bool same_pixels(const Pixels& a, const Pixels& b) {
  if (a.width != b.width || a.height != b.height || a.channels != b.channels) return false;
  for (std::uint32_t y = 0; y < a.height; ++y) {
    const std::size_t row = std::size_t{a.width} * a.channels;
    if (a.data.view().substr(std::size_t{y} * a.stride, row) !=
        b.data.view().substr(std::size_t{y} * b.stride, row))
      return false;
  }
  return true;
}

// Of pictures of one shape: how far apart their values are, on the average.
inline double mean_difference(const Pixels& a, const Pixels& b) {
  double sum = 0;
  for (std::uint32_t y = 0; y < a.height; ++y)
    for (std::uint32_t x = 0; x < a.width; ++x)
      for (std::uint32_t c = 0; c < a.channels; ++c) {
        const double difference = at(a, x, y, c) - static_cast<double>(at(b, x, y, c));
        sum += difference < 0 ? -difference : difference;
      }
  return sum / (a.width * a.height * a.channels);
}

inline std::string file_of(const Pixels& pixels, const EncodeOptions& options) {
  const auto media = encode_image(pixels, options);
  return media ? std::string(std::get<Blob>(media->source).view()) : std::string();
}
inline std::string file_of(const Pixels& pixels, ImageFormat format) {
  EncodeOptions options;
  options.format = format;
  return file_of(pixels, options);
}

// An Exif part that says how its picture is to be turned.
inline std::string exif(std::uint8_t orientation, bool little = true) {
  std::string out = little ? std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18)
                           : std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01", 18);
  if (!little) out += '\0';
  out += static_cast<char>(orientation);
  out.append(little ? 7 : 6, '\0');
  return out;
}

inline std::string little(std::uint32_t value, int bytes) {
  std::string out;
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
  return out;
}

// A part of a WebP file, and a whole one of such parts.
inline std::string riff_part(std::string_view type, std::string_view data) {
  std::string out = std::string(type) + little(static_cast<std::uint32_t>(data.size()), 4);
  out += data;
  if (data.size() % 2 != 0) out += '\0';
  return out;
}
inline std::string webp_of(std::string_view parts) {
  return "RIFF" + little(static_cast<std::uint32_t>(parts.size() + 4), 4) + "WEBP" +
         std::string(parts);
}
// Its parts, without the head of the file.
inline std::string parts_of(std::string_view webp) { return std::string(webp.substr(12)); }

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_PICTURES_FOR_TESTS_H_
