// From a name to a model, with what people see meanwhile.
#ifndef INFER_APPS_LOAD_H_
#define INFER_APPS_LOAD_H_

#include <string>

#include "infer/registry.h"

namespace infer::cli {

// Used where no model is named.
inline constexpr const char* kShippedModel = "llama:tiny-chat";

// What was named (a path to a GGUF file is one of llama's), or the shipped model: stderr says so.
std::string model_or_shipped(const std::string& name);

// These show a progress bar on stderr if it is a terminal.
Result<TextModel> load_model(const std::string& id, const Config& config, const StopToken& stop);
Result<EmbeddingModel> load_embedding_model(const std::string& id, const Config& config,
                                            const StopToken& stop);
Result<RerankModel> load_rerank_model(const std::string& id, const Config& config,
                                      const StopToken& stop);

// Engines' log lines on stderr: all of them, or only the last words of one that is about to abort.
void show_engine_log(bool all);

}  // namespace infer::cli

#endif  // INFER_APPS_LOAD_H_
