// The host as plugins see it: where their log lines go, and the process's one CPU budget.
#ifndef INFER_SRC_PLUGIN_HOST_H_
#define INFER_SRC_PLUGIN_HOST_H_

#include "infer/plugin.h"

namespace infer::plugin {

// One per process, alive for ever.
const infer_host& host();

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_HOST_H_
