#include "sampler.h"

#include <algorithm>
#include <limits>
#include <new>
#include <random>

#include "refusal.h"

namespace infer::llama {
namespace {

// Below this, logits divided by the temperature leave what a float can hold; the likeliest token it
// is then.
constexpr double kLeastTemperature = 1e-3;
// The engine keeps a buffer as long as the penalties reach back, so that a request may not choose
// any length.
constexpr int32_t kLongestReach = 65536;

uint32_t engine_seed(const std::optional<uint64_t>& seed) {
  if (!seed) return std::random_device{}();
  const auto folded = static_cast<uint32_t>(*seed ^ (*seed >> 32));
  // The engine takes this value for "any".
  return folded == LLAMA_DEFAULT_SEED ? folded - 1 : folded;
}

bool has_penalties(const Sampling& how) {
  return how.repeat_last_n != 0 &&
         (how.repeat_penalty != 1 || how.presence_penalty != 0 || how.frequency_penalty != 0);
}

// Throws Refusal where the model computed nonsense, which the samplers must not see: they sort, and
// a value that is no number has no order.
llama_token likeliest(const float* logits, int32_t count) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  llama_token best = LLAMA_TOKEN_NULL;
  float highest = -kInfinity;
  bool sound = true;
  for (int32_t i = 0; i < count; ++i) {
    sound &= logits[i] < kInfinity;
    if (logits[i] > highest) {
      highest = logits[i];
      best = i;
    }
  }
  if (!sound || best == LLAMA_TOKEN_NULL) {
    throw Refusal(INFER_E_ENGINE,
                  "the model computed values that are no numbers: its file may be damaged");
  }
  return best;
}

}  // namespace

Sampler::Sampler(const Sampling& how, const Vocabulary& vocabulary,
                 const std::vector<llama_token>& prompt)
    : vocabulary_(vocabulary.size()) {
  const std::vector<llama_token> suppressed = vocabulary.suppressed();
  const bool greedy = how.temperature < kLeastTemperature;
  if (greedy && !has_penalties(how) && how.logit_bias.empty() && suppressed.empty()) return;
  llama_sampler_chain_params params = llama_sampler_chain_default_params();
  params.no_perf = true;
  chain_.reset(llama_sampler_chain_init(params));
  if (chain_ == nullptr) throw std::bad_alloc();
  std::vector<llama_logit_bias> biases;
  for (const auto& bias : how.logit_bias) biases.push_back({bias.first, bias.second});
  for (const llama_token token : suppressed)
    biases.push_back({token, -std::numeric_limits<float>::infinity()});
  if (!biases.empty()) {
    add(llama_sampler_init_logit_bias(vocabulary_, static_cast<int32_t>(biases.size()),
                                      biases.data()));
  }
  if (has_penalties(how)) {
    const int32_t reach =
        how.repeat_last_n < 0 ? kLongestReach : std::min(how.repeat_last_n, kLongestReach);
    add(llama_sampler_init_penalties(vocabulary_, reach, static_cast<float>(how.repeat_penalty),
                                     static_cast<float>(how.frequency_penalty),
                                     static_cast<float>(how.presence_penalty)));
  }
  if (greedy) {
    add(llama_sampler_init_greedy());
  } else {
    if (how.top_k > 0) add(llama_sampler_init_top_k(how.top_k));
    if (how.top_p < 1) add(llama_sampler_init_top_p(static_cast<float>(how.top_p), 1));
    if (how.min_p > 0) add(llama_sampler_init_min_p(static_cast<float>(how.min_p), 1));
    add(llama_sampler_init_temp(static_cast<float>(how.temperature)));
    add(llama_sampler_init_dist(engine_seed(how.seed)));
  }
  if (has_penalties(how)) {
    for (const llama_token token : prompt) llama_sampler_accept(chain_.get(), token);
  }
}

void Sampler::add(llama_sampler* sampler) {
  if (sampler == nullptr) throw std::bad_alloc();
  llama_sampler_chain_add(chain_.get(), sampler);
}

llama_token Sampler::next(llama_context* context, int32_t output) {
  const float* logits = llama_get_logits_ith(context, output);
  if (logits == nullptr) throw Refusal(INFER_E_ENGINE, "the engine gave no logits for a token");
  const llama_token best = likeliest(logits, vocabulary_);
  if (chain_ == nullptr) return best;
  const llama_token token = llama_sampler_sample(chain_.get(), context, output);
  if (token < 0 || token >= vocabulary_)
    throw Refusal(INFER_E_ENGINE, "the engine drew a token that does not exist");
  return token;
}

}  // namespace infer::llama
