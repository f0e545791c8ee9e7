// llama.cpp's process-wide callbacks, which are routed to the host.
// Threads: attach_engine once, before all else; the rest from any thread, each for itself.
#ifndef INFER_ENGINES_LLAMA_HOST_H_
#define INFER_ENGINES_LLAMA_HOST_H_

#include "engines/common/host.h"

namespace infer::llama {

using engine::AbortGuard;
using engine::CpuShare;
using engine::engine_error;
using engine::EngineAbort;

// Remembers the host and sends llama.cpp's log lines, and the last words of an abort, to it.
void attach_engine(const infer_host* host);

// Forgets engine_error(), and what the next one tells.
void clear_engine_error();
// Whether llama.cpp said since the last clear that it could not lock memory, which it only logs.
bool engine_could_not_lock();

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_HOST_H_
