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
// 0.001).
struct Sampling {
  double temperature = 0;
  int32_t top_k = 0;
  double top_p = 1, min_p = 0;
  double repeat_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  int32_t repeat_last_n = 64;
  std::optional<uint64_t> seed;
  std::vector<std::pair<int32_t, float>> logit_bias;
};

// The form that an answer must have.
struct OutputForm {
  enum class Kind { kText, kJsonObject, kJsonSchema, kGrammar };
  Kind kind = Kind::kText;
  std::string schema;   // kJsonSchema: as the caller wrote it
  std::string grammar;  // kGrammar: GBNF
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SETTINGS_H_
