// How likely the model found a token, and which it found likeliest.
#ifndef INFER_ENGINES_LLAMA_LOGPROBS_H_
#define INFER_ENGINES_LLAMA_LOGPROBS_H_

#include <cstdint>
#include <vector>

#include "llama.h"

namespace infer::llama {

struct TokenProbability {
  llama_token token = 0;
  float logprob = 0;  // natural logarithm
};

// The model's own distribution over its whole vocabulary, before any bias, penalty, temperature,
// truncation or grammar: the chosen token first, then the `top` likeliest (of equals the lower id
// first; the chosen one may be among them), at most as many as there are tokens. `logits`: one per
// token of the vocabulary, finite or minus infinity, at least one finite. `out` is overwritten; its
// memory is used again. A token that the model rules out has the lowest float, not minus infinity:
// the value stays a number in JSON.
void logprobs_of(const float* logits, int32_t vocabulary, llama_token chosen, uint32_t top,
                 std::vector<TokenProbability>& out);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_LOGPROBS_H_
