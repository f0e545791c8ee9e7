#include "infer/backend.h"

#include <algorithm>
#include <utility>

#include "src/core/from_now.h"

namespace infer {
inline namespace v0 {

namespace {

class Refusing final : public Source {
 public:
  explicit Refusing(Error error) : error_(std::move(error)) {}
  Step pull(Poller&) override { return Step::kError; }
  const Event& event() const noexcept override { return none_; }
  Error take_error() override { return error_; }

 private:
  Error error_;
  Event none_;
};

Error timeout(const char* which, const char* message) {
  return Error(Errc::kTimeout, message).with_detail("timeout", which);
}

}  // namespace

std::unique_ptr<Source> refuse(Error error) { return std::make_unique<Refusing>(std::move(error)); }

Watch::Watch(const Call& call)
    : stop_(call.stop),
      idle_(call.timeouts.idle),
      first_(core::from_now(call.timeouts.first)),
      total_(std::min(call.deadline, core::from_now(call.timeouts.total))) {}

std::optional<Error> Watch::check() {
  if (stop_.stop_requested())
    return Error(stop_.reason().value_or(Errc::kCancelled), "the caller asked to stop");
  if (!pending_) return std::nullopt;
  pending_ = false;
  if (std::min(next_, total_) == Clock::time_point::max()) return std::nullopt;
  const auto now = Clock::now();
  if (now >= total_) return timeout("total", "the reply took longer than its total time allows");
  if (now >= next_) {
    return content_ == kWaitingFirst
               ? timeout("first", "no content came within the time allowed for the first")
               : timeout("idle", "no content came within the idle time allowed");
  }
  return std::nullopt;
}

void Watch::arm(Poller& poller) {
  pending_ = true;
  if (content_ == kWaitingFirst) {
    next_ = first_;
  } else if (content_ == kFresh) {
    next_ = core::from_now(idle_);
    content_ = kWaitingNext;
  }
  const auto when = std::min(next_, total_);
  if (when != Clock::time_point::max()) poller.wake_at(when);
}

}  // namespace v0
}  // namespace infer
