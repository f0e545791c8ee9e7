// Which token comes next: the likeliest, or one drawn by a chain of llama.cpp's samplers, of those
// that the grammar allows.
//
// The chain has llama.cpp's default order (common/sampling.cpp): logit bias, penalties, DRY,
// top_n_sigma, top_k, typical_p, top_p, min_p, XTC, temperature, the draw; with mirostat: logit
// bias, temperature, mirostat. Between them stands one of ours that keeps the arithmetic finite: it
// moves the highest logit to 0 and takes out tokens that are less than e^-80 times as likely as the
// likeliest, which no draw would give but of which some samplers compute 0 * log 0.
//
// A grammar is held against the drawn token alone; only where it refuses that one, the whole
// vocabulary is, and the draw is made again among what it allows. What comes out depends on the
// seed alone.
#ifndef INFER_ENGINES_LLAMA_SAMPLER_H_
#define INFER_ENGINES_LLAMA_SAMPLER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "grammar.h"
#include "llama.h"
#include "settings.h"
#include "vocabulary.h"

namespace infer::llama {

// Belongs to one choice. One thread at a time. Lifetime: within that of the vocabulary.
class Sampler {
 public:
  // `prompt`: what the penalties and DRY count as already said. `choice`: of several answers to one
  // request each draws with a seed of its own, the request's plus the choice. Throws Refusal
  // (the grammar), std::bad_alloc.
  Sampler(const Sampling& how, const GrammarSpec& grammar, const Vocabulary& vocabulary,
          const std::vector<llama_token>& prompt, uint32_t choice = 0);

  // A sampler for another answer to the same request, at its beginning; the grammar is shared.
  Sampler clone(uint32_t choice) const { return Sampler(shared_, choice); }

  // Draws the next token after the output with this index in the last decode, which must have had
  // logits, and counts it as said. Throws Refusal: the model computed nonsense, or the grammar
  // leaves no token.
  llama_token next(llama_context* context, int32_t output);
  // The same from logits, one for each token of the vocabulary.
  llama_token next(const float* logits);
  // Counts a token as said that was not drawn. Throws Refusal where the grammar has no place for
  // it.
  void accept(llama_token token);
  // Whether the model is thinking: what looks like a call there is none, and does not bind a lazy
  // grammar.
  void in_reasoning(bool now) { in_reasoning_ = now; }

 private:
  struct Free {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
  };
  // What the choices of a request have in common.
  struct Shared {
    Sampling how;
    uint64_t seed;
    const Vocabulary& vocabulary;
    std::vector<llama_token> suppressed;
    std::vector<llama_token> said;           // the end of the prompt, where the chain looks at it
    std::shared_ptr<const Grammar> grammar;  // null: none
  };

  Sampler(std::shared_ptr<const Shared> shared, uint32_t choice);
  void build(uint32_t seed);
  void add(llama_sampler* sampler);
  void add_history();
  void add_draw(uint32_t seed);
  // Fills the candidates with all tokens, or with those that are marked; false if there is none.
  bool fill(const float* logits, const std::vector<uint8_t>* allowed);
  bool bound() const;
  llama_token draw();
  llama_token draw_allowed(const float* logits, llama_token refused);

  std::shared_ptr<const Shared> shared_;
  std::unique_ptr<llama_sampler, Free>
      chain_;  // null: the likeliest token, found without a candidate list
  std::optional<GrammarState> grammar_;
  bool in_reasoning_ = false;
  std::vector<llama_token_data> candidates_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SAMPLER_H_
