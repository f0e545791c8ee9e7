#include "infer/poller.h"

#include <algorithm>
#include <utility>

#include "src/core/poller_state.h"
#include "src/port/fork.h"

namespace infer {
inline namespace v0 {
namespace detail {

namespace {
// More idle pollers than this are not worth their descriptors.
constexpr std::size_t kMaxIdlePollers = 64;
// A poller whose replies always have something would never look at its sockets: every so many
// waits it does.
constexpr std::uint32_t kBusyWaits = 32;

struct Pool {
  std::mutex mutex;
  std::vector<std::shared_ptr<PollerState>> idle;
};
std::atomic<Pool*> current_pool{nullptr};
std::atomic<unsigned> forks{0};

// Never destroyed: a global Reply may still come back here while the process exits. The child of a
// fork gets one of its own: descriptors and connections of the other are shared with the parent,
// which may be in the middle of an answer. They are left as they are, for closing them would speak
// on the parent's connections.
Pool& pool() {
  static const bool made = [] {
    current_pool = new Pool;
    port::at_fork_in_child([] {
      ++forks;
      current_pool = new Pool;
    });
    return true;
  }();
  (void)made;
  return *current_pool;
}
}  // namespace

PollerState::PollerState() : forks_((static_cast<void>(pool()), forks.load())) {}
PollerState::~PollerState() = default;

std::shared_ptr<PollerState> PollerState::borrow(const std::string& endpoint) {
  {
    std::lock_guard lock(pool().mutex);
    auto& idle = pool().idle;
    if (!idle.empty()) {
      auto found = idle.end();
      while (found != idle.begin() && (*--found)->endpoint_ != endpoint) {
      }
      if ((*found)->endpoint_ != endpoint) found = idle.end() - 1;
      auto state = std::move(*found);
      idle.erase(found);
      if (!endpoint.empty()) state->endpoint_ = endpoint;
      return state;
    }
  }
  auto state = std::make_shared<PollerState>();
  state->endpoint_ = endpoint;
  return state;
}

void PollerState::give_back(std::shared_ptr<PollerState> state) {
  if (state->forks_ != forks) {
    new std::shared_ptr<PollerState>(std::move(state));  // the parent's: see pool()
    return;
  }
  std::lock_guard lock(pool().mutex);
  if (pool().idle.size() < kMaxIdlePollers) pool().idle.push_back(std::move(state));
}

std::shared_ptr<PollerSlot> PollerState::attach(std::shared_ptr<PollerState> state, Reply* reply,
                                                bool ready) {
  auto slot = std::make_shared<PollerSlot>();
  slot->reply = reply;
  slot->unfinished = true;
  {
    std::lock_guard lock(state->mutex);
    ++state->unfinished_;
    if (ready) state->push(*slot);
  }
  slot->poller = std::move(state);
  return slot;
}

void PollerState::finish(PollerSlot& slot) {
  std::lock_guard lock(mutex);
  put_back();
  if (slot.unfinished) --unfinished_;
  slot.unfinished = false;
  if (slot.ready) unlink(slot);
  remove_timer(slot);
}

void PollerState::detach(PollerSlot& slot) {
  std::function<void()> fn;  // destroyed without the lock: it may own anything
  std::lock_guard lock(mutex);
  put_back();
  if (slot.unfinished) --unfinished_;
  slot.unfinished = false;
  if (slot.on_ready) {
    --callbacks_;
    fn.swap(slot.on_ready);
  }
  if (slot.ready) unlink(slot);
  remove_timer(slot);
}

void PollerState::wake(PollerSlot& slot) {
  bool write = false;
  {
    std::lock_guard lock(mutex);
    if (slot.ready || !slot.unfinished) return;
    push(slot);
    write = asleep_.exchange(false, std::memory_order_relaxed);
  }
  if (write) wait_.wake();
}

void PollerState::wake_wait() {
  bool write = false;
  {
    std::lock_guard lock(mutex);
    woken_ = true;
    write = asleep_.exchange(false, std::memory_order_relaxed);
  }
  if (write) wait_.wake();
}

void PollerState::wake_at(PollerSlot& slot, Clock::time_point when) {
  std::lock_guard lock(mutex);
  if (slot.timer != PollerSlot::kNoTimer) {
    if (slot.when <= when) return;
    remove_timer(slot);
  }
  slot.when = when;
  add_timer(slot);
}

bool PollerState::wait(Clock::time_point until, PollerSlot* only) {
  std::unique_lock lock(mutex);
  bool looked = io_ == nullptr;  // at the sockets, in this call: also when there is no time to wait
  for (;;) {
    put_back();
    if (!timers_.empty()) fire_timers(Clock::now());
    if (callbacks_ != 0) {
      run_callbacks(lock);
      put_back();
    }
    const bool found = only ? only->ready : head_ != nullptr;
    if (found && (looked || ++busy_waits_ < kBusyWaits)) return true;
    if (found) {
      sleep(lock, Clock::time_point::min());
    } else {
      if (!only && std::exchange(woken_, false)) return false;
      if (unfinished_ == 0) return false;
      const bool late = until != Clock::time_point::max() && Clock::now() >= until;
      if (late && looked) return false;
      sleep(lock, late ? Clock::time_point::min() : until);
    }
    looked = true;
  }
}

// One sleep, and what the sockets have brought meanwhile.
void PollerState::sleep(std::unique_lock<std::mutex>& lock, Clock::time_point until) {
  Clock::time_point next = std::min(until, io_time_);
  if (!timers_.empty()) next = std::min(next, timers_.front()->when);
  busy_waits_ = 0;
  asleep_.store(true, std::memory_order_relaxed);
  lock.unlock();
  const std::span<const port::Ready> ready = wait_.until(next);
  asleep_.store(false, std::memory_order_relaxed);  // before the sockets wake whom they concern
  if (io_ && (!ready.empty() || io_due())) io_->drive(ready);
  lock.lock();
}

// The time of set_io_time has come; it is forgotten. Asked only where no socket was ready: drive()
// looks at the time anyway.
bool PollerState::io_due() {
  std::lock_guard lock(mutex);
  if (io_time_ == Clock::time_point::max() || Clock::now() < io_time_) return false;
  io_time_ = Clock::time_point::max();
  return true;
}

void PollerState::set_io_time(Clock::time_point when) {
  bool write = false;
  {
    std::lock_guard lock(mutex);
    // A reply that is destroyed on another thread may make it earlier while this one sleeps.
    write = when < io_time_ && asleep_.exchange(false, std::memory_order_relaxed);
    io_time_ = when;
  }
  if (write) wait_.wake();
}

Reply* PollerState::take_ready() {
  std::lock_guard lock(mutex);
  put_back();
  if (!head_) return nullptr;
  PollerSlot& slot = *head_;
  unlink(slot);
  return slot.reply;
}

void PollerState::take(PollerSlot& slot) {
  if (aside_.load(std::memory_order_relaxed) == &slot) {
    // Somebody may have woken it meanwhile: then it is pulled once more than it need be.
    aside_.store(nullptr, std::memory_order_relaxed);
    return;
  }
  std::lock_guard lock(mutex);
  if (slot.ready) unlink(slot);
}

void PollerState::set_on_ready(PollerSlot& slot, std::function<void()> fn) {
  std::lock_guard lock(mutex);
  callbacks_ += (fn ? 1 : 0);
  callbacks_ -= (slot.on_ready ? 1 : 0);
  slot.on_ready.swap(fn);
}

void PollerState::requeue(PollerSlot& slot) {
  if (aside_.load(std::memory_order_relaxed) != nullptr) {
    std::lock_guard lock(mutex);
    put_back();
  }
  aside_.store(&slot, std::memory_order_relaxed);
}

// Under the lock: a reply that goes on another thread must not be put into the list any more.
void PollerState::put_back() {
  PollerSlot* const slot = aside_.exchange(nullptr, std::memory_order_relaxed);
  if (slot && slot->unfinished && !slot->ready) push(*slot);
}

void PollerState::push(PollerSlot& slot) {
  slot.ready = true;
  slot.turn = ++turns_;
  slot.next = nullptr;
  slot.prev = tail_;
  (tail_ ? tail_->next : head_) = &slot;
  tail_ = &slot;
}

void PollerState::unlink(PollerSlot& slot) {
  (slot.prev ? slot.prev->next : head_) = slot.next;
  (slot.next ? slot.next->prev : tail_) = slot.prev;
  slot.prev = slot.next = nullptr;
  slot.ready = false;
}

// Those that are ready by now: what becomes ready meanwhile waits for the next round, so that a
// source that always has an event cannot keep wait() here.
void PollerState::run_callbacks(std::unique_lock<std::mutex>& lock) {
  const std::uint64_t last = turns_;
  PollerSlot* slot = head_;
  while (slot != nullptr) {
    if (!slot->on_ready || slot->turn > last) {
      slot = slot->next;
      continue;
    }
    {
      std::function<void()> fn;
      fn.swap(slot->on_ready);
      --callbacks_;
      slot->turn = ++turns_;  // one that only asks again is not called in a circle
      lock.unlock();
      fn();  // may pull, destroy or start replies
    }  // and so may what it holds, when it goes: not under the lock
    lock.lock();
    put_back();  // one that it pulled
    slot = callbacks_ != 0 ? head_ : nullptr;
  }
}

void PollerState::fire_timers(Clock::time_point now) {
  while (!timers_.empty() && timers_.front()->when <= now) {
    PollerSlot& slot = *timers_.front();
    remove_timer(slot);
    if (!slot.ready) push(slot);
  }
}

void PollerState::add_timer(PollerSlot& slot) {
  timers_.push_back(&slot);
  slot.timer = timers_.size() - 1;
  sift_up(slot.timer);
}

void PollerState::remove_timer(PollerSlot& slot) {
  const std::size_t i = std::exchange(slot.timer, PollerSlot::kNoTimer);
  if (i == PollerSlot::kNoTimer) return;
  PollerSlot* last = timers_.back();
  timers_.pop_back();
  if (last == &slot) return;
  place(i, last);
  sift_up(i);
  sift_down(last->timer);
}

void PollerState::place(std::size_t i, PollerSlot* slot) {
  timers_[i] = slot;
  slot->timer = i;
}

void PollerState::sift_up(std::size_t i) {
  PollerSlot* slot = timers_[i];
  for (; i > 0 && slot->when < timers_[(i - 1) / 2]->when; i = (i - 1) / 2)
    place(i, timers_[(i - 1) / 2]);
  place(i, slot);
}

void PollerState::sift_down(std::size_t i) {
  PollerSlot* slot = timers_[i];
  for (;;) {
    std::size_t child = 2 * i + 1;
    if (child >= timers_.size()) break;
    if (child + 1 < timers_.size() && timers_[child + 1]->when < timers_[child]->when) ++child;
    if (slot->when <= timers_[child]->when) break;
    place(i, timers_[child]);
    i = child;
  }
  place(i, slot);
}

}  // namespace detail

void Waker::wake() const noexcept {
  if (slot_) slot_->poller->wake(*slot_);
}

Poller::Poller() : state_(std::make_shared<detail::PollerState>()) {}

bool Poller::wait(Clock::time_point until) { return state_->wait(until); }
Reply* Poller::ready() noexcept { return state_->take_ready(); }
void Poller::wake() const noexcept { state_->wake_wait(); }

Waker Poller::waker() const {
  detail::PollerSlot* slot = state_->current;
  return slot ? Waker(slot->shared_from_this()) : Waker();
}
void Poller::wake_at(Clock::time_point when) {
  if (state_->current) state_->wake_at(*state_->current, when);
}

}  // namespace v0
}  // namespace infer
