#include "sampler.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <new>
#include <random>

#include "refusal.h"

namespace infer::llama {
namespace {

// The engine keeps buffers as long as penalties and DRY reach back, so that a request may not
// choose any length. No context is longer.
constexpr int32_t kLongestReach = 1 << 20;
// Tokens whose logit is further below the highest are taken out: e^-80 is still a normal float.
constexpr float kDeepestLogit = 80;
// Tokens that are tried while a lazy grammar waits.
constexpr int kMostTries = 64;
constexpr float kInfinity = std::numeric_limits<float>::infinity();

int32_t reach(int32_t last_n) {
  return last_n < 0 ? kLongestReach : std::min(last_n, kLongestReach);
}

uint32_t engine_seed(uint64_t seed) {
  const auto folded = static_cast<uint32_t>(seed ^ (seed >> 32));
  // The engine takes this value for "any".
  return folded == LLAMA_DEFAULT_SEED ? folded - 1 : folded;
}

uint64_t any_seed() {
  std::random_device device;
  return (static_cast<uint64_t>(device()) << 32) | device();
}

// Throws Refusal where the model computed nonsense, which the samplers must not see: they sort, and
// a value that is no number has no order.
llama_token likeliest(const float* logits, int32_t count) {
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

[[noreturn]] void throw_none_left() {
  throw Refusal(INFER_E_ENGINE,
                "the model has no token that the grammar allows here: its vocabulary lacks the "
                "characters that must come next, or a token to end with");
}

// The sampler of ours in the chain; see the header.
void settle(llama_sampler*, llama_token_data_array* tokens) {
  float highest = -kInfinity;
  for (std::size_t i = 0; i < tokens->size; ++i) highest = std::max(highest, tokens->data[i].logit);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tokens->size; ++i) {
    llama_token_data token = tokens->data[i];
    token.logit -= highest;
    if (token.logit >= -kDeepestLogit) tokens->data[kept++] = token;
  }
  tokens->size = kept;
}

llama_sampler* make_settle() {
  static llama_sampler_i table = [] {
    llama_sampler_i out = {};
    out.name = [](const llama_sampler*) { return "settle"; };
    out.apply = settle;
    return out;
  }();
  return llama_sampler_init(&table, nullptr);
}

}  // namespace

Sampler::Sampler(const Sampling& how, const GrammarSpec& grammar, const Vocabulary& vocabulary,
                 const std::vector<llama_token>& prompt, uint32_t choice)
    : Sampler(
          [&] {
            auto shared = std::make_shared<Shared>(Shared{how,
                                                          how.seed ? *how.seed : any_seed(),
                                                          vocabulary,
                                                          vocabulary.suppressed(),
                                                          {},
                                                          nullptr});
            int32_t looks = how.has_penalties() ? reach(how.repeat_last_n) : 0;
            if (how.has_dry()) looks = std::max(looks, reach(how.dry_last_n));
            const std::size_t count = std::min(prompt.size(), static_cast<std::size_t>(looks));
            shared->said.assign(prompt.end() - static_cast<std::ptrdiff_t>(count), prompt.end());
            if (!grammar.empty())
              shared->grammar = std::make_shared<const Grammar>(grammar, vocabulary);
            return shared;
          }(),
          choice) {}

Sampler::Sampler(std::shared_ptr<const Shared> shared, uint32_t choice)
    : shared_(std::move(shared)) {
  if (shared_->grammar != nullptr) grammar_.emplace(shared_->grammar);
  const Sampling& how = shared_->how;
  if (how.greedy() && !how.has_penalties() && !how.has_dry() && how.logit_bias.empty() &&
      shared_->suppressed.empty()) {
    return;
  }
  build(engine_seed(shared_->seed + choice));
  for (const llama_token token : shared_->said) llama_sampler_accept(chain_.get(), token);
}

void Sampler::build(uint32_t seed) {
  const Sampling& how = shared_->how;
  llama_sampler_chain_params params = llama_sampler_chain_default_params();
  params.no_perf = true;
  chain_.reset(llama_sampler_chain_init(params));
  if (chain_ == nullptr) throw std::bad_alloc();
  if (!how.logit_bias.empty()) {
    std::vector<llama_logit_bias> biases;
    for (const auto& bias : how.logit_bias) biases.push_back({bias.first, bias.second});
    add(llama_sampler_init_logit_bias(shared_->vocabulary.size(),
                                      static_cast<int32_t>(biases.size()), biases.data()));
  }
  if (how.greedy()) {
    add_history();
    add(llama_sampler_init_greedy());
  } else if (how.mirostat == 0) {
    add_history();
    add_draw(seed);
  } else {
    add(make_settle());
    add(llama_sampler_init_temp(static_cast<float>(how.temperature)));
    add(make_settle());
    const auto tau = static_cast<float>(how.mirostat_tau);
    const auto eta = static_cast<float>(how.mirostat_eta);
    add(how.mirostat == 1
            ? llama_sampler_init_mirostat(shared_->vocabulary.size(), seed, tau, eta, 100)
            : llama_sampler_init_mirostat_v2(seed, tau, eta));
  }
}

void Sampler::add_history() {
  const Sampling& how = shared_->how;
  if (how.has_penalties()) {
    add(llama_sampler_init_penalties(shared_->vocabulary.size(), reach(how.repeat_last_n),
                                     static_cast<float>(how.repeat_penalty),
                                     static_cast<float>(how.frequency_penalty),
                                     static_cast<float>(how.presence_penalty)));
  }
  if (how.has_dry()) {
    const char* breakers[] = {"\n", ":", "\"", "*"};
    add(llama_sampler_init_dry(shared_->vocabulary.engine(), static_cast<float>(how.dry_multiplier),
                               static_cast<float>(how.dry_base), how.dry_allowed_length,
                               reach(how.dry_last_n), breakers, std::size(breakers)));
  }
}

void Sampler::add_draw(uint32_t seed) {
  const Sampling& how = shared_->how;
  add(make_settle());
  if (how.top_n_sigma > 0) {
    add(llama_sampler_init_top_n_sigma(static_cast<float>(how.top_n_sigma)));
    add(make_settle());
  }
  if (how.top_k > 0) add(llama_sampler_init_top_k(how.top_k));
  if (how.typical_p < 1) add(llama_sampler_init_typical(static_cast<float>(how.typical_p), 1));
  if (how.top_p < 1) add(llama_sampler_init_top_p(static_cast<float>(how.top_p), 1));
  if (how.min_p > 0) add(llama_sampler_init_min_p(static_cast<float>(how.min_p), 1));
  if (how.xtc_probability > 0) {
    add(llama_sampler_init_xtc(static_cast<float>(how.xtc_probability),
                               static_cast<float>(how.xtc_threshold), 1, seed));
  }
  add(make_settle());
  add(llama_sampler_init_temp_ext(static_cast<float>(how.temperature),
                                  static_cast<float>(how.dynatemp_range),
                                  static_cast<float>(how.dynatemp_exponent)));
  add(llama_sampler_init_dist(seed));
}

void Sampler::add(llama_sampler* sampler) {
  if (sampler == nullptr) throw std::bad_alloc();
  llama_sampler_chain_add(chain_.get(), sampler);
}

bool Sampler::fill(const float* logits, const std::vector<uint8_t>* allowed) {
  const int32_t count = shared_->vocabulary.size();
  candidates_.clear();
  for (llama_token token = 0; token < count; ++token) {
    if (allowed != nullptr && (*allowed)[static_cast<std::size_t>(token)] == 0) continue;
    if (logits[token] > -kInfinity) candidates_.push_back({token, logits[token], 0});
  }
  for (const llama_token token : shared_->suppressed) {
    const auto at = std::find_if(candidates_.begin(), candidates_.end(),
                                 [&](const llama_token_data& c) { return c.id == token; });
    if (at != candidates_.end()) candidates_.erase(at);
  }
  return !candidates_.empty();
}

llama_token Sampler::draw() {
  if (chain_ == nullptr) {
    return std::max_element(candidates_.begin(), candidates_.end(),
                            [](const auto& a, const auto& b) { return a.logit < b.logit; })
        ->id;
  }
  llama_token_data_array array = {candidates_.data(), candidates_.size(), -1, false};
  llama_sampler_apply(chain_.get(), &array);
  if (array.selected < 0 || static_cast<std::size_t>(array.selected) >= array.size)
    throw Refusal(INFER_E_ENGINE, "the samplers chose no token");
  return array.data[array.selected].id;
}

llama_token Sampler::draw_allowed(const float* logits, llama_token refused) {
  const std::vector<uint8_t>* allowed = grammar_->allowed();
  if (allowed != nullptr) {
    if (fill(logits, allowed)) return draw();
    throw_none_left();
  }
  // A lazy grammar that still waits refuses next to nothing: a token that would begin a call in a
  // way that the grammar does not know. What else there is, is found by trying.
  std::vector<uint8_t> left(static_cast<std::size_t>(shared_->vocabulary.size()), 1);
  for (int tries = 0; tries < kMostTries; ++tries) {
    left[static_cast<std::size_t>(refused)] = 0;
    if (!fill(logits, &left)) break;
    refused = draw();
    if (grammar_->allows(refused)) return refused;
  }
  throw_none_left();
}

llama_token Sampler::next(llama_context* context, int32_t output) {
  const float* logits = llama_get_logits_ith(context, output);
  if (logits == nullptr) throw Refusal(INFER_E_ENGINE, "the engine gave no logits for a token");
  return next(logits);
}

llama_token Sampler::next(const float* logits) {
  llama_token token = likeliest(logits, shared_->vocabulary.size());
  if (chain_ == nullptr && !grammar_) return token;
  if (chain_ != nullptr) {
    if (!fill(logits, nullptr))
      throw Refusal(INFER_E_ENGINE, "the model suppresses every token that it could give");
    token = draw();
  }
  if (bound() && !grammar_->allows(token)) token = draw_allowed(logits, token);
  accept(token);
  return token;
}

bool Sampler::bound() const {
  return grammar_ && !(in_reasoning_ && shared_->grammar->spec().lazy);
}

void Sampler::accept(llama_token token) {
  if (bound()) {
    if (!grammar_->allows(token)) throw_none_left();
    grammar_->accept(token);
  }
  if (chain_ != nullptr) llama_sampler_accept(chain_.get(), token);
}

}  // namespace infer::llama
