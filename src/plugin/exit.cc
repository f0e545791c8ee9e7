#include "src/plugin/exit.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>
#include <thread>

namespace infer::plugin {
namespace {

// Never destroyed: used by whatever still runs while the process exits.
struct State {
  std::atomic<int> inside{0};
  std::atomic<bool> shut{false};
  std::atomic<pid_t> owner{0};
  std::mutex mutex;  // guards the lists
  ShutAtExit* heads[2] = {nullptr, nullptr};
};
State& state() {
  static State* const one = new State;
  return *one;
}

}  // namespace

Gate::Gate() noexcept {
  State& s = state();
  s.inside.fetch_add(1, std::memory_order_seq_cst);
  open_ = !s.shut.load(std::memory_order_seq_cst);
  if (!open_) s.inside.fetch_sub(1, std::memory_order_release);
}

Gate::~Gate() {
  if (open_) state().inside.fetch_sub(1, std::memory_order_release);
}

bool Gate::shutting() noexcept { return state().shut.load(std::memory_order_relaxed); }

bool Gate::forked() noexcept {
  const pid_t owner = state().owner.load(std::memory_order_relaxed);
  return owner != 0 && owner != getpid();
}

ShutAtExit::ShutAtExit(Order order) : order_(order) {
  State& s = state();
  std::lock_guard lock(s.mutex);
  next_ = s.heads[order];
  if (next_) next_->prev_ = this;
  s.heads[order] = this;
}

void ShutAtExit::leave() {
  State& s = state();
  std::lock_guard lock(s.mutex);
  if (!prev_ && s.heads[order_] != this) return;  // shut_all took it out
  (prev_ ? prev_->next_ : s.heads[order_]) = next_;
  if (next_) next_->prev_ = prev_;
  prev_ = next_ = nullptr;
}

void shut_all() {
  State& s = state();
  if (Gate::forked()) {  // waiting for threads that do not exist would hang
    s.shut.store(true);
    return;
  }
  if (s.shut.exchange(true, std::memory_order_seq_cst)) return;
  while (s.inside.load(std::memory_order_acquire) != 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::lock_guard lock(s.mutex);
  for (ShutAtExit*& head : s.heads) {
    while (ShutAtExit* one = head) {
      head = one->next_;
      if (head) head->prev_ = nullptr;
      one->prev_ = one->next_ = nullptr;
      one->shut();
    }
  }
}

void register_exit_handler() {
  pid_t none = 0;
  state().owner.compare_exchange_strong(none, getpid());
  std::atexit(&shut_all);
}

}  // namespace infer::plugin
