// For tests: replies that are made of one HTTP exchange, so that they wait where all replies wait.
#ifndef INFER_SRC_HTTP_TESTING_FETCH_H_
#define INFER_SRC_HTTP_TESTING_FETCH_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "infer/infer.h"
#include "src/http/transport.h"

namespace infer::http::test {

// What came of an exchange; kept by whoever looks at it.
struct Got {
  HttpHead head{};
  std::string body{};
  std::optional<Error> error{};
  bool ended = false;
};

// Gives every piece as an event of kind kProgress whose data is the piece. `until`: the body that
// proves the answer whole; the exchange is then proven and the reply ends.
class ExchangeSource final : public Source {
 public:
  ExchangeSource(std::unique_ptr<Exchange> exchange, StopToken stop, std::shared_ptr<Got> got,
                 std::string until)
      : exchange_(std::move(exchange)),
        stop_(std::move(stop)),
        got_(std::move(got)),
        until_(std::move(until)) {}

  Step pull(Poller& poller) override {
    if (stop_.stop_requested()) {
      got_->error = Error(Errc::kCancelled, "stopped");
      return Step::kError;
    }
    if (finished_) return Step::kEnd;
    std::string_view bytes;
    const Step step = exchange_->pull(poller, bytes);
    event_ = Event{};
    event_.kind = Event::Kind::kProgress;
    switch (step) {
      case Step::kEvent:
        got_->head = exchange_->head();
        got_->body.append(bytes);
        event_.data = bytes;
        if (until_.empty() || got_->body.find(until_) == std::string::npos) return step;
        exchange_->proven();
        break;
      case Step::kPending: return step;
      case Step::kError: got_->error = exchange_->take_error(); return step;
      case Step::kEnd: got_->ended = true;
    }
    event_.kind = Event::Kind::kFinish;
    finished_ = true;
    return Step::kEvent;
  }
  const Event& event() const noexcept override { return event_; }
  Error take_error() override { return *got_->error; }

 private:
  std::unique_ptr<Exchange> exchange_;
  StopToken stop_;
  std::shared_ptr<Got> got_;
  std::string until_;
  Event event_;
  bool finished_ = false;
};

class ExchangeBackend final : public Backend {
 public:
  ExchangeBackend(HttpRequest request, std::shared_ptr<Got> got, std::string until)
      : request_(std::move(request)), got_(std::move(got)), until_(std::move(until)) {
    info_.endpoint = request_.url.substr(0, request_.url.find('/', 8));
  }
  const ModelInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Source> open(std::shared_ptr<const Request>, const Call& call) const override {
    return std::make_unique<ExchangeSource>(curl_transport()->start(request_), call.stop, got_,
                                            until_);
  }

 private:
  HttpRequest request_;
  std::shared_ptr<Got> got_;
  std::string until_;
  ModelInfo info_;
};

inline HttpRequest get(std::string url, Options options = {}) {
  return {.method = "GET",
          .url = std::move(url),
          .options = std::make_shared<const Options>(std::move(options))};
}
inline HttpRequest post(std::string url, std::string body = "{}", Options options = {}) {
  HttpRequest request = get(std::move(url), std::move(options));
  request.method = "POST";
  request.body = std::move(body);
  request.headers = {{"content-type", "application/json"}};
  return request;
}

// A reply and what it brings.
struct Fetch {
  std::shared_ptr<Got> got = std::make_shared<Got>();
  Reply reply{};

  Fetch() = default;
  explicit Fetch(HttpRequest request, Call call = {}, std::string until = {}) {
    const TextModel model(
        std::make_shared<ExchangeBackend>(std::move(request), got, std::move(until)));
    reply = model.stream("x", std::move(call));
  }
};
// Waited for.
inline Got fetch(HttpRequest request, Call call = {}, std::string until = {}) {
  Fetch one(std::move(request), std::move(call), std::move(until));
  (void)one.reply.finish();
  return *one.got;
}

}  // namespace infer::http::test

#endif  // INFER_SRC_HTTP_TESTING_FETCH_H_
