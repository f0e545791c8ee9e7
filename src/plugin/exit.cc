#include "src/plugin/exit.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "src/port/fork.h"

namespace infer::plugin {
namespace {

// Never destroyed: used by whatever still runs while the process exits.
struct State {
  std::atomic<int> inside{0};
  std::atomic<bool> shut{false};
  std::atomic<bool> forked{false};
  std::mutex mutex;  // guards the lists and what follows
  std::condition_variable closed;
  bool all_closed = false;
  ShutAtExit* heads[2] = {nullptr, nullptr};
};
State& state() {
  static State* const one = new State;
  return *one;
}

// How many gates this thread is in: one that calls exit() from a callback of a plugin must not wait
// for itself.
thread_local int depth = 0;

}  // namespace

Gate::Gate() noexcept {
  State& s = state();
  s.inside.fetch_add(1, std::memory_order_seq_cst);
  // Whoever is inside already may call further: the exit waits for it anyway.
  open_ = depth > 0 || !s.shut.load(std::memory_order_seq_cst);
  if (open_)
    ++depth;
  else
    s.inside.fetch_sub(1, std::memory_order_release);
}

Gate::~Gate() {
  if (!open_) return;
  --depth;
  state().inside.fetch_sub(1, std::memory_order_release);
}

Error Gate::why() {
  if (state().forked.load(std::memory_order_relaxed))
    return Error(Errc::kEngine,
                 "this process is a fork of one that had loaded a plugin; load models after the "
                 "fork, or exec");
  return Error(Errc::kEngine, "the process is exiting");
}

bool Gate::shutting() noexcept { return state().shut.load(std::memory_order_relaxed); }

ShutAtExit::ShutAtExit(Order order) : order_(order) {
  State& s = state();
  if (s.forked.load(std::memory_order_relaxed)) return;
  std::lock_guard lock(s.mutex);
  next_ = s.heads[order];
  if (next_) next_->prev_ = this;
  s.heads[order] = this;
}

void ShutAtExit::leave() {
  State& s = state();
  if (s.forked.load(std::memory_order_relaxed)) return;  // a lost thread may hold the lock
  std::unique_lock lock(s.mutex);
  // Behind a gate that is shut nobody but shut_all may close this: it must not get away.
  if (depth == 0 && s.shut.load(std::memory_order_relaxed))
    s.closed.wait(lock, [&] { return s.all_closed; });
  if (!prev_ && s.heads[order_] != this) return;  // shut_all took it out
  (prev_ ? prev_->next_ : s.heads[order_]) = next_;
  if (next_) next_->prev_ = prev_;
  prev_ = next_ = nullptr;
}

void shut_all() {
  State& s = state();
  if (s.shut.exchange(true, std::memory_order_seq_cst)) return;  // a fork's is shut already
  while (s.inside.load(std::memory_order_seq_cst) > depth)
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
  s.all_closed = true;
  s.closed.notify_all();
}

void register_exit_handler() {
  static std::once_flag once;
  std::call_once(once, [] {
    port::at_fork_in_child([] {
      state().forked.store(true, std::memory_order_relaxed);
      state().shut.store(true, std::memory_order_seq_cst);
    });
  });
  std::atexit(&shut_all);
}

}  // namespace infer::plugin
