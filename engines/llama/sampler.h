// Which token comes next: the likeliest, or one drawn by a chain of llama.cpp's samplers.
#ifndef INFER_ENGINES_LLAMA_SAMPLER_H_
#define INFER_ENGINES_LLAMA_SAMPLER_H_

#include <memory>
#include <vector>

#include "llama.h"
#include "settings.h"
#include "vocabulary.h"

namespace infer::llama {

// Belongs to one reply. One thread at a time.
class Sampler {
 public:
  // `prompt`: what the penalties count as already said. Throws std::bad_alloc.
  Sampler(const Sampling& how, const Vocabulary& vocabulary,
          const std::vector<llama_token>& prompt);

  // The next token after the output with this index in the last decode, which must have had logits.
  // Throws Refusal.
  llama_token next(llama_context* context, int32_t output);

 private:
  struct Free {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
  };
  void add(llama_sampler* sampler);

  int32_t vocabulary_;
  std::unique_ptr<llama_sampler, Free>
      chain_;  // null: the likeliest token, found without a candidate list
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SAMPLER_H_
