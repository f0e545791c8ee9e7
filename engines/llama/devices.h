// What the engine can compute on. Threads: any, after init.
#ifndef INFER_ENGINES_LLAMA_DEVICES_H_
#define INFER_ENGINES_LLAMA_DEVICES_H_

#include <vector>

#include "config.h"
#include "engines/common/ggml_devices.h"

namespace infer::llama {

// Those that the config names, all if it names none. Throws Refusal, naming the field and what is
// there: an unknown name, main_gpu or tensor_split beyond the last one, a split by rows that they
// cannot do.
std::vector<ggml_backend_dev_t> chosen_devices(const Config& config);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_DEVICES_H_
