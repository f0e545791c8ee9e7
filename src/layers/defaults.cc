#include <algorithm>
#include <optional>
#include <utility>

#include "infer/layers.h"
#include "src/core/validate.h"

namespace infer {
inline namespace v0 {

namespace {

template <class T>
void fill(std::optional<T>& value, const std::optional<T>& fallback) {
  if (!value) value = fallback;
}
// Strings, lists and maps: unset is empty.
template <class T>
void fill(T& value, const T& fallback) {
  if (value.empty()) value = fallback;
}

void fill(Sampling& s, const Sampling& d) {
  fill(s.top_k, d.top_k);
  fill(s.min_p, d.min_p);
  fill(s.typical_p, d.typical_p);
  fill(s.top_n_sigma, d.top_n_sigma);
  fill(s.repeat_penalty, d.repeat_penalty);
  fill(s.repeat_last_n, d.repeat_last_n);
  fill(s.presence_penalty, d.presence_penalty);
  fill(s.frequency_penalty, d.frequency_penalty);
  fill(s.mirostat, d.mirostat);
  fill(s.mirostat_tau, d.mirostat_tau);
  fill(s.mirostat_eta, d.mirostat_eta);
  fill(s.xtc_probability, d.xtc_probability);
  fill(s.xtc_threshold, d.xtc_threshold);
  fill(s.dry_multiplier, d.dry_multiplier);
  fill(s.dry_base, d.dry_base);
  fill(s.dry_allowed_length, d.dry_allowed_length);
  fill(s.dry_last_n, d.dry_last_n);
  fill(s.dynatemp_range, d.dynatemp_range);
  fill(s.dynatemp_exponent, d.dynatemp_exponent);
}

bool has_system(const TextRequest& r) {
  return std::any_of(r.messages.begin(), r.messages.end(), [](const Message& m) {
    return m.role == Role::kSystem || m.role == Role::kDeveloper;
  });
}

TextRequest filled(TextRequest r, const TextRequest& d) {
  if (!d.messages.empty() && !has_system(r))
    r.messages.insert(r.messages.begin(), d.messages.begin(), d.messages.end());
  fill(r.tools, d.tools);
  if (r.tool_choice.mode == ToolChoice::Mode::kAuto) r.tool_choice = d.tool_choice;
  fill(r.parallel_tools, d.parallel_tools);
  if (r.output.form == Output::Form::kText) r.output = d.output;
  fill(r.max_tokens, d.max_tokens);
  fill(r.stop, d.stop);
  fill(r.stop_token_ids, d.stop_token_ids);
  if (r.n == 1) r.n = d.n;
  fill(r.logprobs, d.logprobs);
  fill(r.temperature, d.temperature);
  fill(r.top_p, d.top_p);
  fill(r.seed, d.seed);
  fill(r.sampling, d.sampling);
  fill(r.logit_bias, d.logit_bias);
  if (r.reasoning.effort == ReasoningOptions::Effort::kUnset)
    r.reasoning.effort = d.reasoning.effort;
  fill(r.reasoning.budget_tokens, d.reasoning.budget_tokens);
  fill(r.reasoning.summary, d.reasoning.summary);
  if (r.truncation == Truncation::kError) r.truncation = d.truncation;
  fill(r.cache_key, d.cache_key);
  fill(r.service_tier, d.service_tier);
  fill(r.user, d.user);
  r.metadata.insert(d.metadata.begin(), d.metadata.end());
  r.extra.insert(d.extra.begin(), d.extra.end());
  return r;
}

class DefaultsBackend final : public Backend {
 public:
  DefaultsBackend(TextRequest defaults, std::shared_ptr<const Backend> inner)
      : defaults_(std::move(defaults)), inner_(std::move(inner)) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    if (const auto* text = std::get_if<TextRequest>(request.get()))
      request = std::make_shared<const Request>(filled(*text, defaults_));
    else if (const auto* count = std::get_if<CountRequest>(request.get()))
      request = std::make_shared<const Request>(
          CountRequest{.request = filled(count->request, defaults_)});
    if (auto wrong = core::validate(*request)) return refuse(std::move(*wrong));
    return inner_->open(std::move(request), call);
  }

 private:
  TextRequest defaults_;
  std::shared_ptr<const Backend> inner_;
};

}  // namespace

std::shared_ptr<const Backend> Defaults::operator()(std::shared_ptr<const Backend> inner) const {
  return std::make_shared<DefaultsBackend>(request, std::move(inner));
}

}  // namespace v0
}  // namespace infer
