// The threads that engines may run at once, over all engines of the process.
//
// An engine takes a share for each step and gives it back after it. Who asks is served in the order
// of asking, with at least one thread, as soon as one is free: an engine that steps without a pause
// cannot keep another from stepping, and since a share is only ever held for a step, and never
// while another is waited for, nobody waits for ever. One engine alone gets what it wants; several
// that step at once get the same share each, and what one of them does not want the others may
// have.
//
// Thread rule: any threads.
#ifndef INFER_SRC_PLUGIN_CPU_BUDGET_H_
#define INFER_SRC_PLUGIN_CPU_BUDGET_H_

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace infer::plugin {

class CpuBudget {
 public:
  // `total`: at least 1.
  explicit CpuBudget(std::uint32_t total);

  // From 1 to `want` threads; waits while none is free. A `want` of 0 counts as 1.
  std::uint32_t acquire(std::uint32_t want);
  // What acquire gave.
  void release(std::uint32_t granted);
  // How many wait at this moment.
  std::uint64_t waiting() const;

 private:
  // The most that one who wants `want` may have beside those who hold or wait already.
  std::uint32_t fair_share(std::uint32_t want) const;

  const std::uint32_t total_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::uint32_t free_;
  std::uint32_t holders_ = 0;          // shares that are out
  std::uint64_t waiting_wants_ = 0;    // of all who wait
  std::uint64_t next_ = 0, turn_ = 0;  // tickets: the next to be given, and whose turn it is
};

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_CPU_BUDGET_H_
