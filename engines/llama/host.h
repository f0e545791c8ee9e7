// The host as this plugin uses it, and llama.cpp's process-wide callbacks, which are routed to it.
// Threads: attach_host once, before all else; the rest from any thread.
#ifndef INFER_ENGINES_LLAMA_HOST_H_
#define INFER_ENGINES_LLAMA_HOST_H_

#include <cstdint>
#include <string>

#include "infer/plugin.h"

namespace infer::llama {

// Remembers the host and sends llama.cpp's log lines, and the last words of an abort, to it.
void attach_host(const infer_host* host);

// The most telling error line that llama.cpp logged on this thread since the last clear; empty if
// none.
std::string engine_error();
void clear_engine_error();

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
