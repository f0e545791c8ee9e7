// What is behind infer::Poller: the list of replies that may have an event, their timers, and the
// one wait. Everything is guarded by one mutex; no callback and no pull runs under it.
#ifndef INFER_SRC_CORE_POLLER_STATE_H_
#define INFER_SRC_CORE_POLLER_STATE_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "infer/model.h"
#include "infer/poller.h"
#include "src/port/wait.h"

namespace infer {
inline namespace v0 {
namespace detail {

// One reply's place in a poller. Wakers keep the slot alive beyond the reply.
struct PollerSlot : std::enable_shared_from_this<PollerSlot> {
  static constexpr std::size_t kNoTimer = static_cast<std::size_t>(-1);

  std::shared_ptr<PollerState> poller;
  // Where the reply is now; follows moves. Only the thread that pulls looks: no lock.
  Reply* reply = nullptr;
  bool unfinished = false;
  bool ready = false;      // in the list below; only while unfinished
  std::uint64_t turn = 0;  // of the last time it became ready
  PollerSlot* prev = nullptr;
  PollerSlot* next = nullptr;
  std::size_t timer = kNoTimer;  // index in PollerState::timers
  Clock::time_point when{};
  std::function<void()> on_ready;
};

struct PollerState {
  // A poller for one blocking reply, from a pool of idle ones, and back. Last in, first out: the
  // one used last has its connections warm.
  static std::shared_ptr<PollerState> borrow();
  static void give_back(std::shared_ptr<PollerState> state);

  // A reply comes (`ready`: it waits in the list for its first pull), ends, goes.
  static std::shared_ptr<PollerSlot> attach(std::shared_ptr<PollerState> state, Reply* reply,
                                            bool ready);
  void finish(PollerSlot& slot);
  void detach(PollerSlot& slot);

  // From any thread.
  void wake(PollerSlot& slot);
  void wake_wait();

  void wake_at(PollerSlot& slot, Clock::time_point when);
  // Waits until any reply is ready, or, with `only`, until that one is.
  bool wait(Clock::time_point until, PollerSlot* only = nullptr);
  Reply* take_ready();
  // Takes this one out of the list. Before it is pulled, so that a wake-up during the pull counts.
  void take(PollerSlot& slot);
  void set_on_ready(PollerSlot& slot, std::function<void()> fn);
  // Puts a reply that still has events behind the others.
  void requeue(PollerSlot& slot);

  std::mutex mutex;
  PollerSlot* current = nullptr;  // being pulled; only the pulling thread looks

 private:
  void push(PollerSlot& slot);
  void unlink(PollerSlot& slot);
  void fire_timers(Clock::time_point now);
  void add_timer(PollerSlot& slot);
  void remove_timer(PollerSlot& slot);
  void sift_up(std::size_t i);
  void sift_down(std::size_t i);
  void place(std::size_t i, PollerSlot* slot);
  void run_callbacks(std::unique_lock<std::mutex>& lock);

  PollerSlot* head_ = nullptr;  // ready replies, oldest first
  PollerSlot* tail_ = nullptr;
  std::size_t unfinished_ = 0;
  std::uint64_t turns_ = 0;
  std::size_t callbacks_ = 0;  // slots with on_ready
  bool woken_ = false;         // by Poller::wake
  bool asleep_ = false;        // somebody is in wait_.until: only then does a wake-up cost a write
  std::vector<PollerSlot*> timers_;  // a binary heap, earliest first
  port::Wait wait_;
};

}  // namespace detail
}  // namespace v0
}  // namespace infer

#endif  // INFER_SRC_CORE_POLLER_STATE_H_
