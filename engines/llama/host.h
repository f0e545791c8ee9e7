// The host as this plugin uses it, and llama.cpp's process-wide callbacks, which are routed to it.
// Threads: attach_host once, before all else; the rest from any thread, and what is remembered is
// of the calling thread.
#ifndef INFER_ENGINES_LLAMA_HOST_H_
#define INFER_ENGINES_LLAMA_HOST_H_

#include <cstdint>
#include <stdexcept>
#include <string>

#include "infer/plugin.h"

namespace infer::llama {

// Remembers the host and sends llama.cpp's log lines, and the last words of an abort, to it.
void attach_host(const infer_host* host);

// The most telling error line that llama.cpp logged on this thread since the last clear; empty if
// none.
std::string engine_error();
void clear_engine_error();
// Whether llama.cpp said since the last clear that it could not lock memory, which it only logs.
bool engine_could_not_lock();

// A failed assertion of llama.cpp's.
class EngineAbort : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// While one of these lives, an assertion of llama.cpp's that fails on this thread throws
// EngineAbort instead of ending the process: damaged files and strange requests are checked by
// assertions too. What was being computed with is then to be thrown away as a whole. It cannot help
// where the engine's worker threads compute (Config::threads above 1): an assertion that fails on
// one of those still ends the process. They may be nested.
class AbortGuard {
 public:
  AbortGuard();
  ~AbortGuard();
  AbortGuard(const AbortGuard&) = delete;
  AbortGuard& operator=(const AbortGuard&) = delete;
};

// A share of the process's processor budget; without a budget in the host it is what was asked for.
class CpuShare {
 public:
  explicit CpuShare(uint32_t want);
  ~CpuShare();
  CpuShare(const CpuShare&) = delete;
  CpuShare& operator=(const CpuShare&) = delete;
  uint32_t threads() const { return granted_; }

 private:
  uint32_t granted_;
  bool counted_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_HOST_H_
