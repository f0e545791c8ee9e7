#include "family.h"

namespace infer::diffusion {
namespace {

// The first row whose name a family's begins with. Figures: the commands in the engine's own
// documents (docs/*.md of stable-diffusion.cpp), and the sizes for which the models were published.
struct Family {
  std::string_view name;
  uint32_t side, steps;
  float guidance;
  sample_method_t method;
  std::vector<std::string_view> encoders;
};

const std::vector<Family>& families() {
  // Never destroyed: a thread of the host may still load while the process ends.
  static const auto* const all = new std::vector<Family>{
      {"SDXS", 512, 1, 1, EULER_A_SAMPLE_METHOD, {"clip_l"}},
      {"SDXL", 1024, 20, 5, EULER_A_SAMPLE_METHOD, {"clip_l", "clip_g"}},
      {"SD3", 1024, 20, 4.5F, EULER_SAMPLE_METHOD, {"clip_l", "clip_g"}},
      {"SD 2", 512, 20, 7, EULER_A_SAMPLE_METHOD, {"clip_l"}},
      {"SD 1", 512, 20, 7, EULER_A_SAMPLE_METHOD, {"clip_l"}},
      {"Instruct-Pix2Pix", 512, 20, 7, EULER_A_SAMPLE_METHOD, {"clip_l"}},
      {"Flux.2 klein", 1024, 4, 1, EULER_SAMPLE_METHOD, {"llm"}},
      {"Flux.2", 1024, 20, 1, EULER_SAMPLE_METHOD, {"llm"}},
      {"Flux", 1024, 20, 1, EULER_SAMPLE_METHOD, {"clip_l", "t5xxl"}},
      {"Flex.2", 512, 20, 3.5F, EULER_SAMPLE_METHOD, {"clip_l", "t5xxl"}},
      {"Chroma", 1024, 20, 4, EULER_SAMPLE_METHOD, {"t5xxl"}},
      {"Qwen", 1024, 20, 2.5F, EULER_SAMPLE_METHOD, {"llm"}},
      {"Z-Image", 1024, 8, 1, EULER_SAMPLE_METHOD, {"llm"}},
      {"Ovis", 1024, 20, 5, EULER_SAMPLE_METHOD, {"llm"}},
      {"Anima", 1024, 20, 6, EULER_SAMPLE_METHOD, {"llm"}},
      {"Ernie", 1024, 20, 5, EULER_SAMPLE_METHOD, {"llm"}},
  };
  return *all;
}

const Family* find(std::string_view name) {
  for (const Family& family : families())
    if (name.substr(0, family.name.size()) == family.name) return &family;
  return nullptr;
}

template <class T, class U>
void put(const std::optional<T>& given, U& to) {
  if (given) to = *given;
}

}  // namespace

std::vector<std::string_view> encoders_of(std::string_view family) {
  const Family* known = find(family);
  return known != nullptr ? known->encoders : std::vector<std::string_view>();
}

Defaults defaults_of(std::string_view family, const GivenDefaults& given) {
  Defaults out;
  if (const Family* known = find(family)) {
    out.width = out.height = known->side;
    out.steps = known->steps;
    out.guidance = known->guidance;
    out.sample_method = known->method;
  }
  put(given.width, out.width);
  put(given.height, out.height);
  put(given.steps, out.steps);
  put(given.guidance, out.guidance);
  put(given.sample_method, out.sample_method);
  out.scheduler = given.scheduler;
  out.distilled_guidance = given.distilled_guidance;
  out.flow_shift = given.flow_shift;
  out.clip_skip = given.clip_skip;
  out.negative_prompt = given.negative_prompt;
  return out;
}

}  // namespace infer::diffusion
