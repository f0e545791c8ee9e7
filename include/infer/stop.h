// infer/stop.h - asking running work to stop, with a reason.
//
//   infer::StopSource stop;
//   auto reply = model.stream("count to a million", {.stop = stop.token()});
//   stop.request_stop();                         // any thread, also a signal-watching one
//
// Shaped like std::stop_token, which two of the supported toolchains lack; what it adds is the
// reason. Thread rule: all members of all three classes may be called from any thread.
// request_stop() takes a lock and is not async-signal-safe: wake a thread from the handler instead.
#ifndef INFER_STOP_H_
#define INFER_STOP_H_

#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "infer/error.h"
#include "infer/export.h"

namespace infer {
inline namespace v0 {

class StopSource;

namespace detail {
struct StopState;

// A registered callback; a node of its state's list.
class INFER_API StopNode {
 public:
  StopNode(const StopNode&) = delete;
  StopNode& operator=(const StopNode&) = delete;

 protected:
  StopNode() = default;
  virtual ~StopNode() = default;
  void attach(std::shared_ptr<StopState> state);  // runs the callback at once if already stopped
  void detach();                                  // waits while it runs on another thread

 private:
  friend struct StopState;
  virtual void run() noexcept = 0;

  std::shared_ptr<StopState> state_;
  StopNode* prev_ = nullptr;
  StopNode* next_ = nullptr;
  bool linked_ = false;
};
}  // namespace detail

// What running work looks at. A default token can never be stopped. Copies share one state.
class INFER_API StopToken {
 public:
  StopToken() = default;
  bool stop_requested() const noexcept;
  // Why, once stop_requested(): kCancelled unless the source said otherwise.
  std::optional<Errc> reason() const noexcept;
  // False: no source is behind it, it will never be stopped.
  bool stop_possible() const noexcept { return state_ != nullptr; }

 private:
  friend class StopSource;
  template <class F>
  friend class StopCallback;
  explicit StopToken(std::shared_ptr<detail::StopState> state) : state_(std::move(state)) {}
  std::shared_ptr<detail::StopState> state_;
};

// Who may ask. Copies share one state.
class INFER_API StopSource {
 public:
  StopSource();
  StopToken token() const { return StopToken(state_); }
  bool stop_requested() const noexcept;
  // Runs every callback on this thread, then returns true; false if it was stopped before (the
  // first reason stays).
  bool request_stop(Errc why = Errc::kCancelled);

 private:
  std::shared_ptr<detail::StopState> state_;
};

// Runs `f` once when a stop is requested: on the requesting thread, or at once in the constructor
// if it already was. The destructor unregisters, and waits if `f` is running on another thread.
// `f` must be cheap and must not throw: set a flag, wake a poller.
template <class F>
class StopCallback final : private detail::StopNode {
 public:
  StopCallback(const StopToken& token, F f) : f_(std::move(f)) { attach(token.state_); }
  ~StopCallback() override { detach(); }

 private:
  void run() noexcept override { f_(); }
  F f_;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_STOP_H_
