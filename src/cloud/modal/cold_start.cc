#include "src/cloud/modal/cold_start.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "src/core/from_now.h"
#include "src/core/log.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

// A cold start's own: when to stop, and when the Call is over. The attempts look after the rest.
Call until_deadline(const Call& call) {
  Call bare;
  bare.stop = call.stop;
  bare.deadline = call.deadline;
  return bare;
}

// The same error with more to its message.
Error told(const Error& error, Errc code, const std::string& message) {
  Error out(code, message);
  out = std::move(out)
            .with_provider(error.provider())
            .with_provider_code(error.provider_code())
            .with_http_status(error.http_status())
            .with_request_id(error.request_id())
            .with_body(error.body())
            .with_retry(error.retry());
  if (error.retry_after()) out = std::move(out).with_retry_after(*error.retry_after());
  for (const auto& [key, value] : error.details()) out = std::move(out).with_detail(key, value);
  return out;
}

// Two can be asked for at once, and which one is missing is the question of everybody's first day.
Error explained(const Error& error) {
  return told(error, error.code(),
              error.message() +
                  (said_by_modal(error)
                       ? "; Modal asks for a proxy auth token before the app sees anything: set "
                         "MODAL_PROXY_TOKEN_ID and MODAL_PROXY_TOKEN_SECRET, or "
                         "ApiConfig::modal_key and modal_secret"
                       : "; it is the app itself that asks, for a bearer: set MODAL_API_KEY or "
                         "ApiConfig::key"));
}

class ColdStartSource final : public Source {
 public:
  ColdStartSource(const ColdStart& policy, const Backend& inner,
                  std::shared_ptr<const Request> request, Call call, milliseconds first)
      : policy_(policy),
        inner_(inner),
        request_(std::move(request)),
        call_(std::move(call)),
        watch_(until_deadline(call_)),
        began_(Clock::now()),
        first_until_(core::from_now(call_.timeouts.first.value_or(first))),
        cold_until_(core::from_now(policy.limit)),
        first_is_shorter_(call_.timeouts.first.value_or(first) < policy.limit),
        may_run_twice_(!std::holds_alternative<ImageRequest>(*request_)) {
    attempt();
  }

  Step pull(Poller& poller) override {
    if (final_) return *final_;
    if (!source_) {
      if (auto error = watch_.check()) return fail(waited_out(std::move(*error)));
      if (auto error = over()) return fail(std::move(*error));
      if (Clock::now() < due_) return wait(poller);
      attempt();
    }
    const Step step = source_->pull(poller);
    if (step == Step::kEvent) show(source_->event());
    if (step == Step::kError) return failed(poller);
    if (step == Step::kEnd) final_ = step;
    return step;
  }
  const Event& event() const noexcept override { return *event_; }
  Error take_error() override { return std::move(*error_); }

 private:
  void attempt() {
    ++attempts_;
    Call call = call_;
    if (first_until_ != Clock::time_point::max())
      call.timeouts.first =
          std::max(std::chrono::ceil<milliseconds>(first_until_ - Clock::now()), milliseconds(0));
    source_ = inner_.open(request_, call);
  }

  void show(const Event& event) {
    answered_ = true;
    event_ = &event;
    if (event.kind != Event::Kind::kStart || attempts_ == 1) return;
    start_ = event;
    meta_ = event.meta ? *event.meta : Meta{};
    meta_.attempts = attempts_ - 1 + std::max<std::uint32_t>(meta_.attempts, 1);
    start_.meta = &meta_;
    event_ = &start_;
  }

  Step failed(Poller& poller) {
    Error error = source_->take_error();
    // The transport sends once more by itself where a pooled connection was dead: that one counts.
    if (error.detail("sends") == "2") ++attempts_;
    if (answered_ || call_.stop.stop_requested() || !is_cold(error, may_run_twice_))
      return fail(std::move(error));
    source_.reset();
    last_ = std::move(error);
    return ask_again(poller);
  }

  Step ask_again(Poller& poller) {
    const auto now = Clock::now();
    const auto left = cold_until_ - now;
    const auto asked = last_->retry_after().value_or(milliseconds(0));
    if (left <= milliseconds(0) || asked >= left) return fail(given_up());
    if (wait_.count() == 0) core::log(1, "modal: the app is not running yet: " + last_->message());
    wait_ = wait_.count() == 0 ? policy_.first_wait : std::min(wait_ * 2, policy_.most_wait);
    // The last attempt is made when the time is over, not before.
    due_ = now + std::min<Clock::duration>(asked.count() > 0 ? asked : wait_, left);
    return wait(poller);
  }

  Step wait(Poller& poller) {
    poller.wake_at(std::min(due_, first_until_));
    watch_.arm(poller);
    return Step::kPending;
  }

  // The limit for the first content has run out between two attempts: the caller's own, or, where
  // it ends with that for the start, both.
  std::optional<Error> over() {
    if (Clock::now() < first_until_) return std::nullopt;
    if (!first_is_shorter_) return given_up();
    return waited_out(Error(Errc::kTimeout, "no content came within the time allowed for the first")
                          .with_detail("timeout", "first"));
  }

  std::string waited() const {
    return std::to_string(std::chrono::duration_cast<milliseconds>(Clock::now() - began_).count());
  }

  Error waited_out(Error error) const {
    if (!last_ || error.code() != Errc::kTimeout) return error;
    return std::move(
               error = told(error, error.code(),
                            error.message() + "; the app was still starting: " + last_->message()))
        .with_http_status(last_->http_status())
        .with_detail("cold_start", waited());
  }

  Error given_up() const {
    return told(*last_, last_->code(),
                last_->message() + "; asked for " + waited() + " ms (ApiConfig::cold_start)")
        .with_retry(RetryHint::kNo)
        .with_detail("cold_start", waited());
  }

  Step fail(Error error) {
    source_.reset();
    if (error.provider().empty()) error = std::move(error).with_provider(inner_.info().provider);
    if (error.code() == Errc::kUnauthorized) error = explained(error);
    error_ = std::move(error).with_detail("attempts", std::to_string(attempts_));
    return *(final_ = Step::kError);
  }

  const ColdStart& policy_;  // both are the backend's, which whoever keeps this source keeps
  const Backend& inner_;
  std::shared_ptr<const Request> request_;
  Call call_;
  Watch watch_;
  Clock::time_point began_;
  Clock::time_point first_until_;
  Clock::time_point cold_until_;
  bool first_is_shorter_;
  bool may_run_twice_;
  std::unique_ptr<Source> source_;  // null: waiting for due_
  Clock::time_point due_{};
  milliseconds wait_{};
  std::uint32_t attempts_ = 0;
  bool answered_ = false;  // something of an answer has gone out
  std::optional<Error> last_;
  const Event* event_ = &start_;
  Event start_;
  Meta meta_;
  std::optional<Error> error_;
  std::optional<Step> final_;
};

class ColdStartBackend final : public Backend {
 public:
  ColdStartBackend(ColdStart policy, milliseconds first, std::shared_ptr<const Backend> inner)
      : policy_(policy), first_(first), inner_(std::move(inner)) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    Call mine = call;
    mine.deadline = std::min(call.deadline, core::from_now(call.timeouts.total));
    return std::make_unique<ColdStartSource>(policy_, *inner_, std::move(request), std::move(mine),
                                             first_);
  }

 private:
  ColdStart policy_;
  milliseconds first_;
  std::shared_ptr<const Backend> inner_;
};

}  // namespace

bool said_by_modal(const Error& error) {
  return error.body().find("modal-http") != std::string::npos;
}

bool is_cold(const Error& error, bool may_run_twice) {
  // A redirect told where the result will be: whatever breaks then, the request is running.
  if (error.retry() == RetryHint::kNo || !error.detail("redirect").empty()) return false;
  const int status = error.http_status();
  // Modal's own front door is always open: where nobody is to be reached, the address is wrong, or
  // the network is down, and who waits for that should hear of it at once.
  const std::string_view phase = error.detail("phase");
  const bool broken =
      status == 0 && error.code() == Errc::kNetwork && phase != "dns" && phase != "connect";
  if (!broken && status != 502 && status != 503 && status != 504) return false;
  return may_run_twice || error.retry() == RetryHint::kYes;
}

std::shared_ptr<const Backend> make_cold_start(ColdStart policy, milliseconds first,
                                               std::shared_ptr<const Backend> inner) {
  return std::make_shared<ColdStartBackend>(policy, first, std::move(inner));
}

}  // namespace infer::cloud
