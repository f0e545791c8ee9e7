#include "src/core/text_checks.h"

namespace infer::core {
namespace {

bool has_media(const std::vector<Part>& parts) {
  for (const Part& part : parts) {
    if (part.get<Media>()) return true;
    if (const auto* result = part.get<ToolResult>(); result && has_media(result->content))
      return true;
  }
  return false;
}

bool has_media(const TextRequest& request) {
  for (const Message& message : request.messages)
    if (has_media(message.parts)) return true;
  return false;
}

Error not_honoured(const std::string& field) {
  return Error(Errc::kUnsupported,
               field + ": this model cannot honour it; leave it out or use another model")
      .with_detail("field", field);
}

}  // namespace

std::optional<Error> refuse_promises(const TextRequest& r, std::uint32_t honours) {
  const struct {
    std::uint32_t honoured;
    bool asked;
    const char* field;
  } promises[] = {
      {kHonoursTools, !r.tools.empty(), "tools"},
      {kHonoursTools,
       r.tool_choice.mode == ToolChoice::Mode::kRequired ||
           r.tool_choice.mode == ToolChoice::Mode::kNamed,
       "tool_choice"},
      {kHonoursOutput, r.output.form != Output::Form::kText, "output"},
      {kHonoursMaxTokens, r.max_tokens.has_value(), "max_tokens"},
      {kHonoursStop, !r.stop.empty(), "stop"},
      {kHonoursStopTokens, !r.stop_token_ids.empty(), "stop_token_ids"},
      {kHonoursN, r.n > 1, "n"},
      {kHonoursLogprobs, r.logprobs.has_value(), "logprobs"},
      {kHonoursMedia, has_media(r), "messages.media"},
      {kHonoursTruncation, r.truncation != Truncation::kError, "truncation"},
      {kHonoursPrevious, !r.previous_response_id.empty(), "previous_response_id"},
      {kHonoursStore, r.store.value_or(false), "store"},
  };
  for (const auto& promise : promises) {
    if (!promise.asked || (honours & promise.honoured) != 0) continue;
    return not_honoured(promise.field);
  }
  return std::nullopt;
}

std::optional<Error> refuse_promises(const Diffusion& d) {
  if (d.control) return not_honoured("diffusion.control");
  if (!d.references.empty()) return not_honoured("diffusion.references");
  if (!d.adapters.empty()) return not_honoured("diffusion.adapters");
  if (d.hires) return not_honoured("diffusion.hires");
  if (d.upscale) return not_honoured("diffusion.upscale");
  return std::nullopt;
}

std::vector<Setting> quality_settings(const Diffusion& d) {
  std::vector<Setting> set;
  const auto add = [&](bool is_set, Setting name) {
    if (is_set) set.push_back(name);
  };
  add(d.distilled_guidance.has_value(), "diffusion.distilled_guidance");
  add(d.image_guidance.has_value(), "diffusion.image_guidance");
  add(d.eta.has_value(), "diffusion.eta");
  add(d.flow_shift.has_value(), "diffusion.flow_shift");
  add(d.clip_skip.has_value(), "diffusion.clip_skip");
  add(!d.sigmas.empty(), "diffusion.sigmas");
  add(!d.skip_layers.empty(), "diffusion.skip_layers");
  add(d.skip_layer_scale.has_value(), "diffusion.skip_layer_scale");
  add(d.vae_tiling.has_value(), "diffusion.vae_tiling");
  add(d.step_cache.has_value(), "diffusion.step_cache");
  return set;
}

std::vector<Setting> quality_settings(const TextRequest& r) {
  std::vector<Setting> set;
  const auto add = [&](bool is_set, Setting name) {
    if (is_set) set.push_back(name);
  };
  const Sampling& s = r.sampling;
  add(r.temperature.has_value(), "temperature");
  add(r.top_p.has_value(), "top_p");
  add(r.seed.has_value(), "seed");
  add(s.top_k.has_value(), "sampling.top_k");
  add(s.min_p.has_value(), "sampling.min_p");
  add(s.typical_p.has_value(), "sampling.typical_p");
  add(s.top_n_sigma.has_value(), "sampling.top_n_sigma");
  add(s.repeat_penalty.has_value(), "sampling.repeat_penalty");
  add(s.repeat_last_n.has_value(), "sampling.repeat_last_n");
  add(s.presence_penalty.has_value(), "sampling.presence_penalty");
  add(s.frequency_penalty.has_value(), "sampling.frequency_penalty");
  add(s.mirostat.has_value(), "sampling.mirostat");
  add(s.xtc_probability.has_value(), "sampling.xtc_probability");
  add(s.dry_multiplier.has_value(), "sampling.dry_multiplier");
  add(s.dynatemp_range.has_value(), "sampling.dynatemp_range");
  add(!r.logit_bias.empty(), "logit_bias");
  add(r.reasoning.effort != ReasoningOptions::Effort::kUnset, "reasoning.effort");
  add(r.reasoning.budget_tokens.has_value(), "reasoning.budget_tokens");
  return set;
}

Warning unsupported_warning(Setting setting, std::string_view backend) {
  const std::string name(setting);
  return Warning{.code = "unsupported_setting",
                 .message = name + " has no effect: " + std::string(backend) + " does not have it",
                 .extra = "{\"setting\":\"" + name + "\"}"};
}

}  // namespace infer::core
