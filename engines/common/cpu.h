// Whether this processor has what the engine was compiled for.
#ifndef INFER_ENGINES_COMMON_CPU_H_
#define INFER_ENGINES_COMMON_CPU_H_

namespace infer::engine {

// The name of the first missing feature, or null if all are there. Without it the first kernel
// would be SIGILL.
const char* missing_cpu_feature();

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_CPU_H_
