// Tells what is on a picture of tiny-shapes by counting its pixels.
#ifndef INFER_MODELS_TINY_SHAPES_JUDGE_H_
#define INFER_MODELS_TINY_SHAPES_JUDGE_H_

#include <algorithm>
#include <array>
#include <bitset>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace infer::shapes {

inline constexpr int kSide = 64;

using Colour = std::array<int, 3>;
using Mask = std::bitset<kSide * kSide>;
using Picture = std::vector<Colour>;  // kSide rows of kSide

struct Named {
  const char* name;
  Colour colour;
};
inline constexpr Named kColours[] = {{"red", {220, 30, 30}},     {"green", {30, 160, 50}},
                                     {"blue", {40, 60, 220}},    {"yellow", {240, 220, 40}},
                                     {"orange", {250, 140, 20}}, {"purple", {140, 40, 170}}};
inline constexpr Named kGrounds[] = {
    {"white", {250, 250, 250}}, {"black", {10, 10, 10}}, {"gray", {128, 128, 128}}};
inline constexpr const char* kShapes[] = {"circle", "square", "triangle", "cross"};

// Whether the point is within the shape around the origin.
inline bool inside(std::string_view shape, double x, double y, double radius) {
  const double across = std::abs(x), down = std::abs(y);
  if (shape == "circle") return x * x + y * y < radius * radius;
  if (shape == "square") return across < radius * 0.86 && down < radius * 0.86;
  if (shape == "triangle") return y < radius * 0.8 && y > -radius + 1.9 * across;
  return (across < radius * 0.3 && down < radius) || (down < radius * 0.3 && across < radius);
}

struct Verdict {
  std::string colour = "none";
  std::string shape = "none";
  std::string ground = "none";
  double overlap = 0;  // of the shape with the best of its templates: intersection over union
  double flat = 0;     // share of the pixels that have the colour of the shape or of the ground
};

// How far a colour may be from the one that is meant, in each channel.
inline constexpr int kTolerance = 40;
// Below it the shape is none.
inline constexpr double kLeastOverlap = 0.7;
inline constexpr double kLeastFlat = 0.85;

inline int apart(const Colour& a, const Colour& b) {
  int most = 0;
  for (std::size_t i = 0; i < 3; ++i) most = std::max(most, std::abs(a[i] - b[i]));
  return most;
}

// The median of each channel over squares of the picture.
inline Colour median_of(const Picture& picture, std::vector<std::array<int, 2>> corners, int side) {
  Colour out{};
  for (std::size_t channel = 0; channel < 3; ++channel) {
    std::vector<int> values;
    for (const auto& [left, top] : corners)
      for (int y = top; y < top + side; ++y)
        for (int x = left; x < left + side; ++x)
          values.push_back(picture[static_cast<std::size_t>(y * kSide + x)][channel]);
    std::nth_element(values.begin(),
                     values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end());
    out[channel] = values[values.size() / 2];
  }
  return out;
}

template <class Table>
std::string nearest(const Table& table, const Colour& colour) {
  const Named* best = &table[0];
  for (const Named& named : table)
    if (apart(named.colour, colour) < apart(best->colour, colour)) best = &named;
  return apart(best->colour, colour) <= kTolerance ? best->name : "none";
}

// Which pixels are nearer to the colour of the centre than to that of the corners.
inline Mask covered(const Picture& picture, const Colour& centre, const Colour& ground) {
  Mask out;
  double length = 1e-9;
  for (std::size_t i = 0; i < 3; ++i) length += std::pow(centre[i] - ground[i], 2);
  for (std::size_t at = 0; at < picture.size(); ++at) {
    double along = 0;
    for (std::size_t i = 0; i < 3; ++i)
      along += double(picture[at][i] - ground[i]) * (centre[i] - ground[i]);
    out[at] = along / length > 0.5;
  }
  return out;
}

// Shapes where the model was taught to put them.
struct Template {
  const char* shape;
  Mask mask;
};
inline const std::vector<Template>& templates() {
  static const std::vector<Template> all = [] {
    std::vector<Template> list;
    for (const char* shape : kShapes)
      for (const int cx : {27, 30, 32, 34, 37})
        for (const int cy : {27, 30, 32, 34, 37})
          for (const int radius : {16, 18, 20, 22, 24}) {
            Mask mask;
            for (int y = 0; y < kSide; ++y)
              for (int x = 0; x < kSide; ++x)
                mask[static_cast<std::size_t>(y * kSide + x)] =
                    inside(shape, x + 0.5 - cx, y + 0.5 - cy, radius);
            list.push_back({shape, mask});
          }
    return list;
  }();
  return all;
}

inline double overlap_of(const Mask& a, const Mask& b) {
  const std::size_t either = (a | b).count();
  return either > 0 ? double((a & b).count()) / double(either) : 0;
}

inline Verdict judge(const Picture& picture) {
  Verdict out;
  const Colour centre = median_of(picture, {{29, 29}}, 6);
  const Colour ground = median_of(picture, {{0, 0}, {59, 0}, {0, 59}, {59, 59}}, 5);
  out.colour = nearest(kColours, centre);
  out.ground = nearest(kGrounds, ground);
  int flat = 0;
  for (const Colour& pixel : picture)
    flat += std::min(apart(pixel, centre), apart(pixel, ground)) <= 31;
  out.flat = double(flat) / double(picture.size());
  const Mask mask = covered(picture, centre, ground);
  std::string best = "none";
  for (const Template& drawing : templates()) {
    const double overlap = overlap_of(mask, drawing.mask);
    if (overlap <= out.overlap) continue;
    out.overlap = overlap;
    best = drawing.shape;
  }
  if (out.overlap >= kLeastOverlap && out.flat >= kLeastFlat) out.shape = best;
  return out;
}

}  // namespace infer::shapes

#endif  // INFER_MODELS_TINY_SHAPES_JUDGE_H_
