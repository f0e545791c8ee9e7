// The configuration of a load as the JSON that plugins get.
#ifndef INFER_SRC_PLUGIN_CONFIG_H_
#define INFER_SRC_PLUGIN_CONFIG_H_

#include <string>

#include "infer/registry.h"
#include "infer/result.h"

namespace infer::plugin {

// Only what is set. Checks what JSON could not carry: numbers that are none, values beyond their
// enumeration, text that is no UTF-8, adapters that are no files (their paths become canonical, so
// that equal configurations read equal). Ranges are the engine's, which has its own.
// kInvalidRequest or kNotFound, naming the field.
Result<std::string> config_json(const Config& config);

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_CONFIG_H_
