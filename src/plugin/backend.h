// A model of a plugin as a Backend.
#ifndef INFER_SRC_PLUGIN_BACKEND_H_
#define INFER_SRC_PLUGIN_BACKEND_H_

#include <memory>
#include <string_view>

#include "infer/backend.h"
#include "infer/registry.h"
#include "infer/result.h"
#include "src/plugin/library.h"

namespace infer::plugin {

// Loads what stands behind the scheme, or shares the model that is loaded already with the same
// configuration. Waits for the load.
Result<std::shared_ptr<const Backend>> open_model(const Library& library, std::string_view rest,
                                                  const Config& config, const Load& load);

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_BACKEND_H_
