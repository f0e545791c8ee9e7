#include <mutex>
#include <set>
#include <string>
#include <utility>

#include "src/core/log.h"
#include "src/core/poller_state.h"
#include "src/http/curl_multi.h"
#include "src/http/origin.h"
#include "src/http/transport.h"

namespace infer::http {

namespace {

class CurlExchange final : public Exchange {
 public:
  explicit CurlExchange(HttpRequest request) : request_(std::move(request)) {}
  ~CurlExchange() override {
    if (transfer_) multi_->abandon(std::move(transfer_), proven_);
  }

  Step pull(Poller& poller, std::string_view& bytes) override {
    bytes = {};
    if (!transfer_ && !error_) begin(poller);
    if (error_) return Step::kError;
    const Step step = multi_->pull(*transfer_, head_given_, bytes);
    if (step == Step::kEvent) head_given_ = true;
    if (step == Step::kError) error_ = transfer_->error;
    return step;
  }
  const HttpHead& head() const noexcept override {
    static const HttpHead* const none = new HttpHead;
    return head_given_ ? transfer_->head : *none;
  }
  Error take_error() override { return *error_; }
  void proven() noexcept override { proven_ = true; }

 private:
  void begin(Poller& poller);

  HttpRequest request_;                         // until it begins
  std::shared_ptr<detail::PollerState> state_;  // keeps what follows
  CurlMulti* multi_ = nullptr;
  std::unique_ptr<CurlTransfer> transfer_;
  std::optional<Error> error_;
  bool head_given_ = false;
  bool proven_ = false;
};

// Once for each server and process: somebody should know.
void tell_of_insecurity(const Origin& origin) {
  struct Told {
    std::mutex mutex;
    std::set<std::string> origins;
  };
  static Told* const told = new Told;
  {
    std::lock_guard lock(told->mutex);
    if (!told->origins.insert(origin.text).second) return;
  }
  core::log(2, "insecure_tls: certificates of " + origin.name() +
                   " are not checked; whoever is on the way can read and change everything");
}

void CurlExchange::begin(Poller& poller) {
  state_ = detail::PollerState::of(poller);
  multi_ = CurlMulti::of(*state_);
  if (!multi_) {
    error_ =
        Error(Errc::kNetwork, "no connection can be made: the process has no file descriptor left")
            .with_detail("phase", "connect");
    return;
  }
  auto origin = multi_->origin(request_.url);
  if (!origin) {
    error_ = std::move(origin.error());
    return;
  }
  if ((*origin)->tls && request_.options->insecure_tls) tell_of_insecurity(**origin);
  transfer_ = multi_->start(std::move(request_), std::move(*origin), poller.waker());
}

class CurlTransport final : public Transport {
 public:
  std::unique_ptr<Exchange> start(HttpRequest request) const override {
    return std::make_unique<CurlExchange>(std::move(request));
  }
};

}  // namespace

std::shared_ptr<const Transport> curl_transport() {
  static const std::shared_ptr<const Transport>* const one =
      new std::shared_ptr<const Transport>(std::make_shared<CurlTransport>());
  return *one;
}

}  // namespace infer::http
