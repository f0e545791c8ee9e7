// Requests for embeddings and for rankings, read from the ABI's JSON, and the tokens of their
// texts. Pure functions, safe from any thread; they throw Refusal.
#ifndef INFER_ENGINES_LLAMA_EMBED_REQUEST_H_
#define INFER_ENGINES_LLAMA_EMBED_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"
#include "messages.h"
#include "vocabulary.h"

namespace infer::llama {

struct EmbedRequest {
  std::vector<std::string> inputs;
  std::optional<uint32_t> dimensions;
  bool normalize = true;
  std::vector<Warning> warnings;
};
// `most`: the dimensions that the model has.
EmbedRequest parse_embed_request(std::string_view json, uint32_t most);

// `top_n` is checked and left to the host: every document gets its score.
struct RankRequest {
  std::string query;
  std::vector<std::string> documents;
  std::vector<Warning> warnings;
};
RankRequest parse_rank_request(std::string_view json);

using TokenRows = std::vector<std::vector<llama_token>>;

// The tokens of each input, with the special tokens that the model wants around them; nothing in a
// text becomes one. A text without tokens is INVALID_REQUEST, one of more than `limit` tokens
// CONTEXT_OVERFLOW: both name it.
TokenRows embed_tokens(const llama_vocab* vocab, const std::vector<std::string>& inputs,
                       uint32_t limit);

// The tokens of the query with each document, as llama.cpp's server puts them together: by the
// model's template "rerank" if it has one, else begin, query, end, separator, document, end, of
// which the vocabulary says what there is. Errors as above.
TokenRows rank_tokens(const llama_model* model, const Vocabulary& vocabulary,
                      const RankRequest& request, uint32_t limit);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_EMBED_REQUEST_H_
