// infer/poller.h - waiting for any number of replies on one thread.
//
// One reply needs none of this: Reply::next() waits by itself. For many:
//
//   infer::Poller poller;
//   std::vector<infer::Reply> replies;
//   for (auto& question : questions) replies.push_back(model.stream(question, {.poller = poller}));
//   while (poller.wait())
//     while (infer::Reply* reply = poller.ready())
//       while (reply->try_next() == infer::Step::kEvent) handle(*reply, reply->event());
//
// A Poller is the only place where the library waits. It has no thread of its own.
// After a fork the child must make its own: Pollers and running replies of the parent are the
// parent's. Replies that begin in the child without a poller get new connections by themselves.
//
// Thread rule: a Poller is a shared handle. One thread at a time waits in it and pulls its replies;
// wake() and everything a Waker does may come from any thread.
#ifndef INFER_POLLER_H_
#define INFER_POLLER_H_

#include <chrono>
#include <memory>

#include "infer/export.h"

namespace infer {
inline namespace v0 {

class Reply;
using Clock = std::chrono::steady_clock;

namespace detail {
struct PollerState;
struct PollerSlot;
}  // namespace detail

// Makes one reply ready. Copyable; may outlive the reply and the poller. For backends: take it from
// Poller::waker() while being pulled, keep it, call wake() when there is something to pull.
class INFER_API Waker {
 public:
  Waker() = default;
  // Any thread. Cheap; never waits; spurious calls are harmless.
  void wake() const noexcept;
  explicit operator bool() const noexcept { return slot_ != nullptr; }

 private:
  friend class Poller;
  explicit Waker(std::shared_ptr<detail::PollerSlot> slot) : slot_(std::move(slot)) {}
  std::shared_ptr<detail::PollerSlot> slot_;
};

class INFER_API Poller {
 public:
  Poller();

  // Waits until a reply of this poller may have an event, or until the time, or until wake().
  // True if ready() has something. False at once when no reply of this poller is unfinished: the
  // loop above ends by itself.
  bool wait(Clock::time_point until = Clock::time_point::max());
  // The next reply that may have an event, in the order they became ready; null when there is
  // none. Pull it at least once, best until it says kPending. Costs O(1) whatever their number.
  Reply* ready() noexcept;
  // Makes the running or the next wait() return. Any thread.
  void wake() const noexcept;

  // ---- for backends and layers, only inside Source::pull(poller)

  // What makes the reply that is being pulled ready again.
  Waker waker() const;
  // The reply that is being pulled becomes ready at `when` at the latest.
  void wake_at(Clock::time_point when);

 private:
  friend class Reply;
  friend struct detail::PollerState;
  explicit Poller(std::shared_ptr<detail::PollerState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::PollerState> state_;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_POLLER_H_
