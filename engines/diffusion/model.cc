#include "model.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "context.h"
#include "engines/common/abi.h"

namespace infer::diffusion {
namespace {

// docs/formats/model-info.md
std::string describe_json(const ModelFacts& facts) {
  nlohmann::json json = {
      {"name", facts.name},
      {"tasks", {"image"}},
      {"family", facts.family},
      {"size_bytes", facts.weight_bytes},
      {"capabilities",
       {{"tools", false},
        {"json_schema", false},
        {"grammar", false},
        {"vision", false},
        {"logprobs", false},
        {"reasoning", false},
        {"seed", true},
        {"stop", false},
        {"n", true},
        {"image_start", facts.starts_from_pictures},
        {"image_mask", facts.starts_from_pictures},
        {"image_references", facts.references},
        {"image_control", facts.has_control},
        {"image_upscale", !facts.upscaler.empty()}}},
      {"image",
       {{"width", facts.defaults.width},
        {"height", facts.defaults.height},
        {"multiple", facts.size_multiple}}},
  };
  if (facts.parameters > 0) json["parameters"] = facts.parameters;
  // Names of files may be any bytes.
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Model::Model(const infer_load& how) {
  const Config config = parse_config(engine::to_view(how.config));
  auto context = std::make_unique<Context>(how, config);
  facts_ = context->facts();
  adapters_ = config.adapters;
  describe_ = describe_json(facts_);
  painter_ = std::make_unique<Painter>(std::move(context), config.threads);
  // The engine keeps what it paints in its context: one picture at a time.
  scheduler_ = std::make_unique<engine::Scheduler>(*painter_, 1);
}

}  // namespace infer::diffusion
