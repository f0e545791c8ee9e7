// A running request of a plugin as a Source.
#ifndef INFER_SRC_PLUGIN_SOURCE_H_
#define INFER_SRC_PLUGIN_SOURCE_H_

#include <memory>

#include "infer/backend.h"
#include "src/plugin/model.h"

namespace infer::plugin {

// Opens the request. The model must outlive the Source (the backend holds it).
std::unique_ptr<Source> open_source(const Model& model, const Request& request, const Call& call);

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_SOURCE_H_
