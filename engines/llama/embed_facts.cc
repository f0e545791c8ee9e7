#include "embed_facts.h"

#include <cstdlib>
#include <string>

#include "infer/plugin.h"
#include "refusal.h"

namespace infer::llama {
namespace {

// The pooling in the model's file; unspecified where it has none for whole texts.
Pooling own_pooling(const llama_model* model) {
  char text[128];
  if (llama_model_meta_val_str(model, "general.architecture", text, sizeof(text)) < 0)
    return LLAMA_POOLING_TYPE_UNSPECIFIED;
  const std::string key = std::string(text) + ".pooling_type";
  if (llama_model_meta_val_str(model, key.c_str(), text, sizeof(text)) < 0)
    return LLAMA_POOLING_TYPE_UNSPECIFIED;
  const long value = std::strtol(text, nullptr, 10);
  if (value < LLAMA_POOLING_TYPE_MEAN || value > LLAMA_POOLING_TYPE_RANK)
    return LLAMA_POOLING_TYPE_UNSPECIFIED;
  return static_cast<Pooling>(value);
}

}  // namespace

EmbedFacts embed_facts(const llama_model* model, const Config& config) {
  EmbedFacts facts;
  facts.dimensions = static_cast<uint32_t>(llama_model_n_embd_out(model));
  const Pooling own = own_pooling(model);
  if (config.pooling == LLAMA_POOLING_TYPE_NONE) {
    throw field_refusal(INFER_E_INVALID_REQUEST, "pooling",
                        "none gives a vector for each token; choose mean, cls or last");
  }
  if (config.pooling == LLAMA_POOLING_TYPE_RANK && own != LLAMA_POOLING_TYPE_RANK) {
    throw field_refusal(INFER_E_INVALID_REQUEST, "pooling",
                        "the model is no reranker; choose mean, cls or last");
  }
  if (config.pooling != LLAMA_POOLING_TYPE_UNSPECIFIED)
    facts.pooling = config.pooling;
  else if (own != LLAMA_POOLING_TYPE_UNSPECIFIED)
    facts.pooling = own;
  return facts;
}

}  // namespace infer::llama
