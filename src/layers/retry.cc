#include "src/layers/retry.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <random>
#include <string>
#include <utility>
#include <variant>

#include "src/core/from_now.h"

namespace infer {
namespace layers {

using std::chrono::milliseconds;

milliseconds back_off(const Retry& policy, std::uint32_t retry, double chance) {
  const auto limit = static_cast<double>(std::max(policy.max_backoff, milliseconds(0)).count());
  auto wait = static_cast<double>(std::max(policy.backoff, milliseconds(0)).count());
  for (std::uint32_t i = 1; i < retry && wait > 0 && wait < limit; ++i) wait *= 2;
  wait = std::min(wait, limit) * (1 - chance / 4);
  // A double holds every count of milliseconds below 2^53 exactly; longer is for ever.
  constexpr double kForEver = 9007199254740992.0;
  return milliseconds(static_cast<std::int64_t>(std::ceil(std::min(wait, kForEver))));
}

RetryVerdict judge(const Retry& policy, const Error& error, const FailedAttempt& attempt) {
  if (error.retry() == RetryHint::kNo) return {};
  if (error.retry() == RetryHint::kAmbiguous && !attempt.may_run_twice)
    return {.stopped = "ambiguous"};
  if (attempt.number > policy.max_retries) return {.stopped = "attempts"};
  const auto asked = error.retry_after().value_or(milliseconds(0));
  if (asked > std::max(policy.max_wait, milliseconds(0))) return {.stopped = "max_wait"};
  const milliseconds wait =
      asked.count() > 0 ? asked : back_off(policy, attempt.number, attempt.chance);
  if (attempt.time_left && wait >= *attempt.time_left) return {.stopped = "deadline"};
  return {.wait = wait};
}

namespace {

std::size_t held_bytes(const Event& event) {
  std::size_t bytes = event.data.size() + event.id.size() + event.extra.size();
  if (event.usage) bytes += event.usage->raw.size();
  if (event.meta) bytes += event.meta->extra.size();
  return bytes;
}

// What all replies of one layer share.
struct RetryShared {
  Retry policy;
  std::shared_ptr<const Backend> inner;
  std::shared_ptr<RetryBudget> budget;
  Chance chance;
};

// The call without its times: what is left is when to stop at the latest.
Call stop_and_deadline(const Call& call) {
  Call bare;
  bare.stop = call.stop;
  bare.deadline = call.deadline;
  return bare;
}

// Attempts, one after the other. The events of an attempt are held back until it is chosen: its
// first content chooses it, its end does, and the last attempt is chosen from the start.
class RetrySource final : public Source {
 public:
  RetrySource(const RetryShared& shared, std::shared_ptr<const Request> request, Call call)
      : shared_(shared),
        request_(std::move(request)),
        call_(std::move(call)),
        watch_(stop_and_deadline(call_)) {
    attempt();
  }

  Step pull(Poller& poller) override {
    if (final_) return *final_;
    if (state_ == State::kChosen) return pass_on(poller);
    if (auto error = watch_.check()) return fail(std::move(*error));
    if (state_ == State::kWaiting) {
      if (Clock::now() < due_) return wait(poller);
      attempt();
    }
    if (state_ == State::kHolding)
      if (const Step step = hold(poller); step != Step::kEvent) return step;
    return state_ == State::kReleasing ? release(poller) : pass_on(poller);
  }
  const Event& event() const noexcept override { return *event_; }
  Error take_error() override { return std::move(*error_); }

 private:
  enum class State : std::uint8_t {
    kHolding,    // an attempt is open, nothing of it has gone out
    kWaiting,    // none is open; the next one begins at due_
    kReleasing,  // an attempt is chosen, what was held back goes out
    kChosen,     // everything goes through
  };
  // Memory is bounded: more than this before any content chooses an attempt too.
  static constexpr std::size_t kMaxHeld = 1024;
  static constexpr std::size_t kMaxHeldBytes = std::size_t{1024} * 1024;

  void attempt() {
    ++attempts_;
    state_ = attempts_ > shared_.policy.max_retries ? State::kChosen : State::kHolding;
    inner_ = shared_.inner->open(request_, call_);
  }

  // kEvent: the attempt is chosen.
  Step hold(Poller& poller) {
    while (state_ == State::kHolding) {
      const Step step = inner_->pull(poller);
      if (step == Step::kPending) return step;
      if (step == Step::kError) return failed(poller);
      if (step == Step::kEnd)
        ended_ = true;
      else if (inner_->event().is_content())
        content_waits_ = true;
      else if (keep(inner_->event()))
        continue;
      state_ = State::kReleasing;
    }
    return Step::kEvent;
  }

  // False: no more than this one.
  bool keep(const Event& event) {
    held_.push(event);
    held_bytes_ += held_bytes(event);
    return held_.size() < kMaxHeld && held_bytes_ < kMaxHeldBytes;
  }

  Step release(Poller& poller) {
    if (let_out_ < held_.size()) return show(held_[let_out_++]);
    state_ = State::kChosen;
    held_.clear();
    if (ended_) return end();
    // The content that chose the attempt is still its source's event.
    if (content_waits_) return show(inner_->event());
    return pass_on(poller);
  }

  Step pass_on(Poller& poller) {
    switch (const Step step = inner_->pull(poller); step) {
      case Step::kEvent: return show(inner_->event());
      case Step::kEnd: return end();
      case Step::kError: return failed(poller);
      case Step::kPending: return step;
    }
    return Step::kPending;
  }

  Step show(const Event& event) {
    if (!succeeded_ && event.is_content()) succeed();
    event_ = &event;
    if (event.kind == Event::Kind::kStart && attempts_ > 1) {
      start_ = event;
      meta_ = event.meta ? *event.meta : Meta{};
      meta_.attempts = attempts_ - 1 + std::max<std::uint32_t>(meta_.attempts, 1);
      start_.meta = &meta_;
      event_ = &start_;
    }
    return Step::kEvent;
  }

  // The server is up: what this reply's retries took goes back.
  void succeed() {
    succeeded_ = true;
    shared_.budget->put(taken_ == 0 ? RetryBudget::kSuccess : taken_);
  }

  Step failed(Poller& poller) {
    Error error = inner_->take_error();
    if (succeeded_ || call_.stop.stop_requested()) return fail(std::move(error));
    // The transport sends once more by itself where a pooled connection was dead: that one counts.
    if (error.detail("sends") == "2") ++attempts_;
    RetryVerdict verdict = judge(shared_.policy, error, describe());
    if (verdict.wait) {
      if (event_) return fail(std::move(error));  // something of the attempt has gone out
      const int cost =
          error.code() == Errc::kTimeout ? RetryBudget::kTimeoutCost : RetryBudget::kRetryCost;
      if (shared_.budget->take(cost)) {
        taken_ += cost;
        return retry_after(*verdict.wait, error, poller);
      }
      verdict.stopped = "budget";
    }
    if (!verdict.stopped.empty())
      error = std::move(error).with_detail("retry_stopped", std::string(verdict.stopped));
    return fail(std::move(error));
  }

  FailedAttempt describe() const {
    FailedAttempt attempt{.number = attempts_};
    attempt.may_run_twice = !std::holds_alternative<ImageRequest>(*request_);
    if (call_.deadline != Clock::time_point::max())
      attempt.time_left = std::chrono::duration_cast<milliseconds>(call_.deadline - Clock::now());
    attempt.chance = shared_.chance();
    return attempt;
  }

  Step retry_after(milliseconds time, const Error& error, Poller& poller) {
    state_ = State::kWaiting;
    inner_.reset();
    held_.clear();
    held_bytes_ = 0;
    due_ = core::from_now(time);
    if (shared_.policy.on_retry) shared_.policy.on_retry(error, attempts_, time);
    return wait(poller);
  }

  Step wait(Poller& poller) {
    poller.wake_at(due_);
    watch_.arm(poller);
    return Step::kPending;
  }

  Step end() {
    if (!succeeded_) succeed();
    inner_.reset();
    return *(final_ = Step::kEnd);
  }
  Step fail(Error error) {
    inner_.reset();
    error_ = std::move(error).with_detail("attempts", std::to_string(attempts_));
    return *(final_ = Step::kError);
  }

  const RetryShared& shared_;  // the backend's; whoever keeps this source keeps that
  std::shared_ptr<const Request> request_;
  Call call_;
  Watch watch_;
  std::unique_ptr<Source> inner_;
  State state_ = State::kHolding;
  std::uint32_t attempts_ = 0;
  Clock::time_point due_{};
  int taken_ = 0;  // out of the budget, by this reply
  EventBuffer held_;
  std::size_t held_bytes_ = 0;
  std::size_t let_out_ = 0;
  bool content_waits_ = false;  // after what is held back comes the inner source's event
  bool ended_ = false;          // after what is held back comes the end
  bool succeeded_ = false;      // content came, or the end
  const Event* event_ = nullptr;
  Event start_;
  Meta meta_;
  std::optional<Error> error_;
  std::optional<Step> final_;
};

// Inside of another Retry: hands on everything, and warns.
class StackedSource final : public Source {
 public:
  StackedSource(std::unique_ptr<Source> inner, const Call& call)
      : inner_(std::move(inner)), watch_(stop_and_deadline(call)) {
    facts_ = "{\"retried_by\":" + std::to_string(call.retried_by) + "}";
    warning_.kind = Event::Kind::kWarning;
    warning_.data = "stacked_retry";
    warning_.id = "a Retry layer inside of another does nothing: remove one of them";
    warning_.extra = facts_;
  }

  Step pull(Poller& poller) override {
    if (final_) return *final_;
    if (std::exchange(warn_next_, false)) {
      if ((error_ = watch_.check())) return *(final_ = Step::kError);
      event_ = &warning_;
      return Step::kEvent;
    }
    const Step step = inner_->pull(poller);
    if (step == Step::kEvent) {
      event_ = &inner_->event();
      warn_next_ = event_->kind == Event::Kind::kStart;
    } else if (step == Step::kError) {
      error_ = inner_->take_error();
    }
    if (step == Step::kError || step == Step::kEnd) final_ = step;
    return step;
  }
  const Event& event() const noexcept override { return *event_; }
  Error take_error() override { return std::move(*error_); }

 private:
  std::unique_ptr<Source> inner_;
  Watch watch_;
  std::string facts_;
  Event warning_;
  bool warn_next_ = false;
  const Event* event_ = nullptr;
  std::optional<Error> error_;
  std::optional<Step> final_;
};

class RetryBackend final : public Backend {
 public:
  explicit RetryBackend(RetryShared shared) : shared_(std::move(shared)) {}
  const ModelInfo& info() const noexcept override { return shared_.inner->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    if (call.retried_by != 0)
      return std::make_unique<StackedSource>(shared_.inner->open(std::move(request), call), call);
    Call mine = call;
    mine.deadline = std::min(call.deadline, core::from_now(call.timeouts.total));
    mine.retried_by = shared_.policy.max_retries;
    return std::make_unique<RetrySource>(shared_, std::move(request), std::move(mine));
  }

 private:
  RetryShared shared_;
};

// One generator a layer, behind a lock: it is asked before a wait of half a second.
Chance random_chance() {
  struct Generator {
    std::mutex mutex;
    std::minstd_rand engine{std::random_device{}()};
  };
  return [generator = std::make_shared<Generator>()] {
    std::lock_guard lock(generator->mutex);
    return std::uniform_real_distribution<double>(0, 1)(generator->engine);
  };
}

}  // namespace

std::shared_ptr<const Backend> make_retry(Retry policy, std::shared_ptr<const Backend> inner,
                                          std::shared_ptr<RetryBudget> budget, Chance chance) {
  return std::make_shared<RetryBackend>(
      RetryShared{std::move(policy), std::move(inner), std::move(budget), std::move(chance)});
}

}  // namespace layers

inline namespace v0 {

std::shared_ptr<const Backend> Retry::operator()(std::shared_ptr<const Backend> inner) const {
  auto budget = layers::RetryBudget::of(inner->info().endpoint);
  return layers::make_retry(*this, std::move(inner), std::move(budget), layers::random_chance());
}

}  // namespace v0
}  // namespace infer
