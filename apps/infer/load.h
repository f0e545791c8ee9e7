// From a name to a model, with what people see meanwhile.
#ifndef INFER_APPS_LOAD_H_
#define INFER_APPS_LOAD_H_

#include <string>

#include "apps/infer/load_options.h"
#include "infer/registry.h"

namespace infer::cli {

// Used where no model is named: for words, and for pictures.
inline constexpr const char* kShippedModel = "llama:tiny-chat";
inline constexpr const char* kShippedPainter = "diffusion:tiny-shapes";

// The id of what was named (a path to a GGUF file is one of llama's), or of the shipped model.
std::string model_or_shipped(const std::string& name);

// A text model with these options; without a name the shipped one, and stderr says so. A provider's
// is asked again where that may help, unless they say otherwise; stderr tells of each wait if it is
// a terminal or they are verbose.
Result<TextModel> open_text(const std::string& name, const LoadOptions& options,
                            const StopToken& stop);
// One that paints, in the same way; the errors of without_painter().
Result<ImageModel> open_image(const std::string& name, const LoadOptions& options,
                              const StopToken& stop);
// The other kinds, by a name that is there.
Result<EmbeddingModel> open_embedding(const std::string& name, const LoadOptions& options,
                                      const StopToken& stop);
Result<RerankModel> open_rerank(const std::string& name, const LoadOptions& options,
                                const StopToken& stop);

// The error of opening `id`, which says how one gets the plugin that paints where there is none.
Error without_painter(const Error& error, const std::string& id);

// A model as it is configured, never asked again by itself. All of these show a progress bar
// on stderr if it is a terminal.
Result<TextModel> load_model(const std::string& id, const Config& config, const StopToken& stop);
Result<ImageModel> load_painter(const std::string& id, const Config& config, const StopToken& stop);

// Engines' log lines on stderr: all of them, or only the last words of one that is about to abort.
void show_engine_log(bool all);

}  // namespace infer::cli

#endif  // INFER_APPS_LOAD_H_
