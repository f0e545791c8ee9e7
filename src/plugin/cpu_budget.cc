#include "src/plugin/cpu_budget.h"

#include <algorithm>

namespace infer::plugin {

CpuBudget::CpuBudget(std::uint32_t total) : total_(std::max(total, 1U)), free_(total_) {}

std::uint32_t CpuBudget::fair_share(std::uint32_t want) const {
  const std::uint64_t others = holders_ + (next_ - turn_);
  const std::uint64_t equal = std::max<std::uint64_t>(1, total_ / (others + 1));
  // What the others hold or want; they cannot have more than there is.
  const std::uint64_t theirs = std::min<std::uint64_t>(total_, total_ - free_ + waiting_wants_);
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(want, std::max(equal, total_ - theirs)));
}

std::uint32_t CpuBudget::acquire(std::uint32_t want) {
  want = std::max(want, 1U);
  std::unique_lock lock(mutex_);
  const std::uint32_t share = fair_share(want);
  const std::uint64_t ticket = next_++;
  waiting_wants_ += want;
  changed_.wait(lock, [&] { return turn_ == ticket && free_ > 0; });
  ++turn_;
  waiting_wants_ -= want;
  const std::uint32_t granted = std::min(share, free_);
  free_ -= granted;
  ++holders_;
  changed_.notify_all();  // there may be something left for the next
  return granted;
}

void CpuBudget::release(std::uint32_t granted) {
  std::lock_guard lock(mutex_);
  free_ = std::min(total_, free_ + granted);
  if (holders_ > 0) --holders_;
  changed_.notify_all();
}

std::uint64_t CpuBudget::waiting() const {
  std::lock_guard lock(mutex_);
  return next_ - turn_;
}

}  // namespace infer::plugin
