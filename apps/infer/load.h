// From a name to a model, with what people see meanwhile.
#ifndef INFER_APPS_LOAD_H_
#define INFER_APPS_LOAD_H_

#include <string>

#include "infer/registry.h"

namespace infer::cli {

// Used where no model is named.
inline constexpr const char* kShippedModel = "llama:tiny-chat";

// Shows a progress bar on stderr if it is a terminal.
Result<TextModel> load_model(const std::string& id, const Config& config, const StopToken& stop);

// Engines' log lines on stderr: all of them, or only the last words of one that is about to abort.
void show_engine_log(bool all);

}  // namespace infer::cli

#endif  // INFER_APPS_LOAD_H_
