#include "src/core/log.h"

#include <mutex>

#include "infer/registry.h"

namespace infer {
namespace core {
namespace {

struct Log {
  std::mutex mutex;
  LogFn fn = nullptr;
  void* context = nullptr;
};

// Never destroyed: engines' threads use it until the very end.
Log& log_sink() {
  static Log* const one = new Log;
  return *one;
}

}  // namespace

void log(int level, std::string_view line) noexcept {
  Log& sink = log_sink();
  std::lock_guard lock(sink.mutex);
  if (sink.fn) sink.fn(sink.context, level, line);
}

}  // namespace core

inline namespace v0 {
void set_log(LogFn fn, void* context) noexcept {
  core::Log& sink = core::log_sink();
  std::lock_guard lock(sink.mutex);
  sink.fn = fn;
  sink.context = context;
}
}  // namespace v0
}  // namespace infer
