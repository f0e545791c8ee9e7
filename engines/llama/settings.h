// How the tokens of an answer are chosen, and what form the answer must have.
#ifndef INFER_ENGINES_LLAMA_SETTINGS_H_
#define INFER_ENGINES_LLAMA_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace infer::llama {

// Unset means off, and an unset temperature is 0: the likeliest token each time (so does one below
// 0.001, unless dynatemp_range raises it). The other defaults are llama.cpp's. All values have been
// checked: no setting leads to a logit that is no number.
struct Sampling {
  double temperature = 0, dynatemp_range = 0, dynatemp_exponent = 1;
  int32_t top_k = 0;
  double top_p = 1, min_p = 0, typical_p = 1, top_n_sigma = 0;
  double xtc_probability = 0, xtc_threshold = 0.1;
  double repeat_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  int32_t repeat_last_n = 64;  // -1: the whole context
  double dry_multiplier = 0, dry_base = 1.75;
  int32_t dry_allowed_length = 2, dry_last_n = 64;  // -1: the whole context
  int32_t mirostat = 0;
  double mirostat_tau = 5, mirostat_eta = 0.1;
  std::optional<uint64_t> seed;
  std::vector<std::pair<int32_t, float>> logit_bias;

  bool has_penalties() const {
    return repeat_last_n != 0 &&
           (repeat_penalty != 1 || presence_penalty != 0 || frequency_penalty != 0);
  }
  bool has_dry() const { return dry_multiplier > 0 && dry_last_n != 0; }
  // Always the likeliest token.
  bool greedy() const { return temperature < 1e-3 && dynatemp_range == 0; }
};

// The form that an answer must have.
struct OutputForm {
  enum class Kind { kText, kJsonObject, kJsonSchema, kGrammar };
  Kind kind = Kind::kText;
  std::string schema;   // kJsonSchema: as the caller wrote it
  std::string grammar;  // all but kText: the form as GBNF
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SETTINGS_H_
