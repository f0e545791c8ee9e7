// The host as an engine uses it, and what every engine built on ggml does with its log and its
// failed assertions. A plugin is one shared object: all of this is its own.
// Threads: attach_host once, before all else; the rest from any thread, and what is remembered is
// of the calling thread.
#ifndef INFER_ENGINES_COMMON_HOST_H_
#define INFER_ENGINES_COMMON_HOST_H_

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

#include "infer/plugin.h"

namespace infer::engine {

// Remembers the host.
void attach_host(const infer_host* host);

// `level`: 0 debug, 1 info, 2 warning, 3 error, 4 the process is about to abort.
void host_log(int level, std::string_view line);

// An engine logs a line in pieces, all from one thread. `begins`: the piece is not the rest of the
// line before. `hears` is called with each whole line, which is then given to the host.
using HearsLine = void (*)(int level, std::string_view line);
void log_piece(int level, bool begins, const char* text, HearsLine hears);

// The line that tells best why the engine failed, of this thread since the last clear; empty: none.
void remember_error(std::string_view line);
std::string engine_error();
void clear_engine_error();

// A failed assertion of the engine's.
class EngineAbort : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// While one of these lives, an assertion of the engine's that fails on this thread throws
// EngineAbort instead of ending the process: damaged files and strange requests are checked by
// assertions too. What was being computed with is then to be thrown away as a whole. It cannot help
// where the engine's worker threads compute (more than one thread): an assertion that fails on one
// of those still ends the process. They may be nested.
class AbortGuard {
 public:
  AbortGuard();
  ~AbortGuard();
  AbortGuard(const AbortGuard&) = delete;
  AbortGuard& operator=(const AbortGuard&) = delete;
};
// For ggml_set_abort_callback. ggml ends the process if it returns.
void on_engine_abort(const char* message);

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

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_HOST_H_
