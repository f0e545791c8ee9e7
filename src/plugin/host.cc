#include "src/plugin/host.h"

#include <mutex>

#include "infer/registry.h"
#include "src/plugin/abi_structs.h"
#include "src/plugin/cpu_budget.h"
#include "src/port/cpu.h"

namespace infer {
namespace plugin {
namespace {

struct Log {
  std::mutex mutex;
  LogFn fn = nullptr;
  void* context = nullptr;
};

// Neither is ever destroyed: engines' threads use them until the very end.
CpuBudget& budget() {
  static CpuBudget* const one = new CpuBudget(port::physical_cores());
  return *one;
}
Log& log_sink() {
  static Log* const one = new Log;
  return *one;
}

void log_line(void*, std::int32_t level, infer_str line) {
  Log& log = log_sink();
  std::lock_guard lock(log.mutex);
  if (log.fn) log.fn(log.context, level, view(line));
}

}  // namespace

const infer_host& host() {
  static const infer_host* const one = [] {
    auto* h = new infer_host{};
    h->size = sizeof(infer_host);
    h->abi = INFER_ABI;
    h->log = &log_line;
    h->cpu_acquire = [](void*, std::uint32_t want) { return budget().acquire(want); };
    h->cpu_release = [](void*, std::uint32_t granted) { budget().release(granted); };
    return h;
  }();
  return *one;
}

}  // namespace plugin

inline namespace v0 {
void set_log(LogFn fn, void* context) noexcept {
  plugin::Log& log = plugin::log_sink();
  std::lock_guard lock(log.mutex);
  log.fn = fn;
  log.context = context;
}
}  // namespace v0
}  // namespace infer
