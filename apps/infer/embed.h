// infer embed, infer rerank: texts to vectors, texts by how well they answer.
#ifndef INFER_APPS_EMBED_H_
#define INFER_APPS_EMBED_H_

#include <optional>
#include <string>
#include <vector>

#include "apps/infer/answer_options.h"
#include "apps/infer/load_options.h"
#include "infer/request.h"

namespace infer::cli {

// A model is named by an option or by the first of the words that follow the command: it is moved
// from there. kInvalidRequest if neither names one.
std::optional<Error> take_model(std::string& model, std::vector<std::string>& words);

struct EmbedOptions {
  std::string model{};               // empty: the first of the texts
  std::vector<std::string> texts{};  // "-": the lines of stdin
  EmbeddingRequest request{};        // all but its inputs
  LoadOptions load{};
  Times times{};
  bool json = false;
};
int embed(const EmbedOptions& options);

struct RerankOptions {
  std::string model{};               // empty: the first of the words
  std::vector<std::string> words{};  // the query, and the documents; "-": the lines of stdin
  RerankRequest request{};           // all but its query and documents
  LoadOptions load{};
  Times times{};
  bool json = false;
};
int rerank(const RerankOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_EMBED_H_
