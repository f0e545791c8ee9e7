#include "src/plugin/host.h"

#include "src/core/log.h"
#include "src/plugin/abi_structs.h"
#include "src/plugin/cpu_budget.h"
#include "src/port/cpu.h"

namespace infer::plugin {
namespace {

// Never destroyed: engines' threads use it until the very end.
CpuBudget& budget() {
  static CpuBudget* const one = new CpuBudget(port::physical_cores());
  return *one;
}

void log_line(void*, std::int32_t level, infer_str line) { core::log(level, view(line)); }

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

}  // namespace infer::plugin
