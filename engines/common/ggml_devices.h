// What an engine on ggml can compute on. Compiled by each engine, which brings its own ggml.
// Threads: any, after init.
#ifndef INFER_ENGINES_COMMON_GGML_DEVICES_H_
#define INFER_ENGINES_COMMON_GGML_DEVICES_H_

#include <string>
#include <vector>

#include "ggml-backend.h"

namespace infer::engine {

// The graphics processors and other accelerators with memory of their own, in the engine's order.
std::vector<ggml_backend_dev_t> accelerators();

// All devices, the processor too: docs/formats/plugin-abi.md, devices().
std::string devices_json();

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_GGML_DEVICES_H_
