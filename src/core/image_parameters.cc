// The words that AUTOMATIC1111's stable-diffusion-webui writes into its pictures, which galleries
// and other programs read: modules/processing.py (create_infotext) writes them there,
// modules/infotext_utils.py (parse_generation_parameters) reads them.
#include <charconv>

#include "infer/image.h"
#include "src/core/json.h"

namespace infer {
inline namespace v0 {
namespace {

// The shortest decimals that mean the same number.
std::string decimal(double value) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  return std::string(digits, end);
}

// A value with one of these in it is written as a JSON string.
std::string quoted(std::string_view value) {
  if (value.find_first_of(",:\n") == std::string_view::npos) return std::string(value);
  return core::dump_json(core::Json(std::string(value)));
}

class Settings {
 public:
  void add(std::string_view name, std::string_view value) {
    if (value.empty()) return;
    if (!line_.empty()) line_ += ", ";
    line_ += std::string(name) + ": " + quoted(value);
  }
  template <class T>
  void add(std::string_view name, const std::optional<T>& value) {
    if (!value) return;
    if constexpr (std::is_floating_point_v<T>)
      add(name, decimal(*value));
    else
      add(name, std::to_string(*value));
  }
  const std::string& line() const noexcept { return line_; }

 private:
  std::string line_;
};

std::string size_of(const std::optional<std::uint32_t>& width,
                    const std::optional<std::uint32_t>& height) {
  return width && height ? std::to_string(*width) + "x" + std::to_string(*height) : std::string();
}

void add_hires(Settings& out, const HiresFix& hires) {
  const std::string size = size_of(hires.width, hires.height);
  if (size.empty())
    out.add("Hires upscale", decimal(hires.scale));
  else
    out.add("Hires resize", size);
  out.add("Hires steps", hires.steps);
  out.add("Hires upscaler", hires.upscaler);
}

std::optional<double> strength_of(const ImageRequest& request) {
  if (!request.images.empty()) return request.strength;
  if (request.diffusion.hires) return request.diffusion.hires->strength;
  return std::nullopt;
}

}  // namespace

std::string image_parameters(const ImageRequest& request, std::string_view model,
                             std::optional<std::uint64_t> seed) {
  Settings settings;
  settings.add("Steps", request.steps);
  settings.add("Sampler", request.sample_method);
  settings.add("Schedule type", request.scheduler);
  settings.add("CFG scale", request.guidance);
  settings.add("Distilled CFG Scale", request.diffusion.distilled_guidance);
  settings.add("Seed", seed ? seed : request.seed);
  settings.add("Size", size_of(request.width, request.height));
  settings.add("Model", model);
  settings.add("Denoising strength", strength_of(request));
  settings.add("Clip skip", request.diffusion.clip_skip);
  settings.add("Eta", request.diffusion.eta);
  if (request.diffusion.hires) add_hires(settings, *request.diffusion.hires);

  std::string out = request.prompt;
  if (!request.negative_prompt.empty()) out += "\nNegative prompt: " + request.negative_prompt;
  if (!settings.line().empty()) out += "\n" + settings.line();
  return out;
}

}  // namespace v0
}  // namespace infer
