// What is behind infer::Poller: the list of replies that may have an event, their timers, and the
// one wait. Everything is guarded by one mutex; no callback and no pull runs under it.
#ifndef INFER_SRC_CORE_POLLER_STATE_H_
#define INFER_SRC_CORE_POLLER_STATE_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "infer/model.h"
#include "infer/poller.h"
#include "src/core/poller_io.h"
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
  PollerState();
  ~PollerState();

  // A poller for one blocking reply, from a pool of idle ones, and back. Last in, first out, and
  // best one that last spoke to the same server: connections belong to a poller, and that one has
  // one that is warm. An empty endpoint: nothing is spoken to.
  static std::shared_ptr<PollerState> borrow(const std::string& endpoint);
  static void give_back(std::shared_ptr<PollerState> state);
  static const std::shared_ptr<PollerState>& of(const Poller& poller) { return poller.state_; }

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

  // ---- for what drives sockets in here (poller_io.h)

  // Null until it is set, once, inside a pull. Only the thread that pulls looks.
  PollerIo* io() const noexcept { return io_.get(); }
  void set_io(std::unique_ptr<PollerIo> io) { io_ = std::move(io); }
  bool prepare_io() noexcept { return wait_.prepare(); }
  bool watch(int fd, bool readable, bool writable, bool known) noexcept {
    return wait_.watch(fd, readable, writable, known);
  }
  void forget(int fd) noexcept { wait_.forget(fd); }
  // When drive() is wanted at the latest; max: never. Replaces what was set before.
  void set_io_time(Clock::time_point when);

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
  void sleep(std::unique_lock<std::mutex>& lock, Clock::time_point until);
  bool io_due();
  void put_back();  // what requeue() has put aside

  // Had an event when it was pulled last, and will be in the list as soon as anybody looks there:
  // mostly it is pulled again before that, which then costs no lock.
  std::atomic<PollerSlot*> aside_{nullptr};
  PollerSlot* head_ = nullptr;  // ready replies, oldest first
  PollerSlot* tail_ = nullptr;
  std::size_t unfinished_ = 0;
  std::uint64_t turns_ = 0;
  std::size_t callbacks_ = 0;  // slots with on_ready
  bool woken_ = false;         // by Poller::wake
  // Somebody is in wait_.until: only then does a wake-up cost a write. Set under the lock, so that
  // no wake-up is missed; reset without, which costs a write for nothing at worst.
  std::atomic<bool> asleep_{false};
  std::vector<PollerSlot*> timers_;  // a binary heap, earliest first
  Clock::time_point io_time_ = Clock::time_point::max();
  std::uint32_t busy_waits_ = 0;  // since sockets were last looked at
  const unsigned forks_;          // of the process, when this was made
  std::string endpoint_;          // spoken to last; guarded by the pool
  port::Wait wait_;
  std::unique_ptr<PollerIo> io_;  // destroyed first: it forgets its sockets
};

}  // namespace detail
}  // namespace v0
}  // namespace infer

#endif  // INFER_SRC_CORE_POLLER_STATE_H_
