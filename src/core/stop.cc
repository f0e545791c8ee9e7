#include "infer/stop.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

namespace infer {
inline namespace v0 {
namespace detail {

struct StopState {
  static constexpr int kRunning = -1;
  std::atomic<int> reason{kRunning};  // an Errc once stopped
  std::mutex mutex;                   // guards the list and what follows
  std::condition_variable idle;
  StopNode* head = nullptr;
  StopNode* running = nullptr;  // its run() is going on, on `runner`
  std::thread::id runner;

  bool stopped() const noexcept { return reason.load(std::memory_order_acquire) != kRunning; }

  void link(StopNode* node) {
    node->next_ = head;
    node->prev_ = nullptr;
    if (head) head->prev_ = node;
    head = node;
    node->linked_ = true;
  }
  void unlink(StopNode* node) {
    (node->prev_ ? node->prev_->next_ : head) = node->next_;
    if (node->next_) node->next_->prev_ = node->prev_;
    node->linked_ = false;
  }
  void run_all(std::unique_lock<std::mutex>& lock) {
    runner = std::this_thread::get_id();
    while (StopNode* node = head) {
      unlink(node);
      running = node;
      lock.unlock();
      node->run();  // may destroy the node, if it detaches on this very thread
      lock.lock();
      running = nullptr;
      idle.notify_all();
    }
  }
};

void StopNode::attach(std::shared_ptr<StopState> state) {
  if (!state) return;
  std::unique_lock lock(state->mutex);
  if (state->stopped()) {
    lock.unlock();
    run();
    return;
  }
  state->link(this);
  state_ = std::move(state);
}

void StopNode::detach() {
  if (!state_) return;
  std::unique_lock lock(state_->mutex);
  if (linked_) {
    state_->unlink(this);
  } else if (state_->runner != std::this_thread::get_id()) {
    state_->idle.wait(lock, [&] { return state_->running != this; });
  }
}

}  // namespace detail

bool StopToken::stop_requested() const noexcept { return state_ && state_->stopped(); }

std::optional<Errc> StopToken::reason() const noexcept {
  if (!stop_requested()) return std::nullopt;
  return static_cast<Errc>(state_->reason.load(std::memory_order_acquire));
}

StopSource::StopSource() : state_(std::make_shared<detail::StopState>()) {}

bool StopSource::stop_requested() const noexcept { return state_->stopped(); }

bool StopSource::request_stop(Errc why) {
  const std::shared_ptr<detail::StopState> state = state_;  // a callback may destroy this source
  std::unique_lock lock(state->mutex);
  if (state->stopped()) return false;
  state->reason.store(static_cast<int>(why), std::memory_order_release);
  state->run_all(lock);
  return true;
}

}  // namespace v0
}  // namespace infer
