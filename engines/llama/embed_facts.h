// What a model's embeddings are like. Pure; throws Refusal.
#ifndef INFER_ENGINES_LLAMA_EMBED_FACTS_H_
#define INFER_ENGINES_LLAMA_EMBED_FACTS_H_

#include <cstdint>

#include "config.h"
#include "llama.h"

namespace infer::llama {

// llama.h has a function of the same name too.
using Pooling = enum llama_pooling_type;

struct EmbedFacts {
  Pooling pooling = LLAMA_POOLING_TYPE_MEAN;  // MEAN, CLS, LAST; RANK: it ranks instead
  uint32_t dimensions = 0;                    // of a vector
  bool ranks() const { return pooling == LLAMA_POOLING_TYPE_RANK; }
};

// The configured pooling, else that of the model's file, else the mean. INVALID_REQUEST for a
// pooling that gives no vector for a whole text, and for "rank" where the file names no such head.
EmbedFacts embed_facts(const llama_model* model, const Config& config);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_EMBED_FACTS_H_
