// For tests: a Transport whose answers are written down beforehand.
//
//   http::FakeTransport fake;
//   fake.answer(200, "text/event-stream", "data: {...}\n\n", {5, 1});  // pieces of 5, 1, the rest
//   fake.cut_at(9, http::FakeTransport::Cut::kReset);                  // of that answer
//   endpoint.transport = fake.transport();
//   ... fake.requests()[0].body ...
//
// Requests are answered in order; the last answer again and again. Every piece is given in memory
// of its own that goes at the next pull, so that ASan finds views that are too old, and the bytes
// behind it are garbage, so that nobody reads sense into the padding.
// Thread rule: safe for concurrent use; copies are handles to the same script.
#ifndef INFER_SRC_HTTP_FAKE_TRANSPORT_H_
#define INFER_SRC_HTTP_FAKE_TRANSPORT_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/http/transport.h"

namespace infer::http {

// One answer, or the failure to get one.
struct FakeAnswer {
  int status = 200;  // 0: no answer comes; `error` says why
  std::vector<Header> headers{};
  std::vector<std::string> pieces{};  // of the body, as they are pulled
  std::optional<Error> error{};       // what it ends with; none: the end
  bool hangs = false;                 // neither: it stays pending for ever
  bool head_alone = false;            // the head comes first, with no bytes of the body
  bool pending = false;               // before each step there is one kPending; the wake-up follows
};

class FakeTransport {
 public:
  enum class Cut {
    kEof,    // as if the body ended there: what a peer that closes looks like without framing
    kReset,  // the connection is reset: kNetwork in the phase "body"
  };
  using Script = std::function<FakeAnswer(const HttpRequest&)>;

  // ---- the script

  FakeTransport& answer(FakeAnswer answer) {
    return answer_by([answer = std::move(answer)](const HttpRequest&) { return answer; });
  }
  // `sizes`: of the pieces; the last one is what is left. None: all in one.
  FakeTransport& answer(int status, std::string_view content_type, std::string_view body,
                        const std::vector<std::size_t>& sizes = {}) {
    FakeAnswer made;
    made.status = status;
    made.headers.push_back(Header{"content-type", std::string(content_type)});
    made.pieces = split(body, sizes);
    return answer(std::move(made));
  }
  FakeTransport& answer_by(Script script) {
    std::lock_guard lock(state_->mutex);
    state_->scripts.push_back(std::move(script));
    return *this;
  }
  // No answer at all: this error, with `phase` as its detail.
  FakeTransport& fail(Error error, std::string phase = "connect") {
    FakeAnswer made;
    made.status = 0;
    made.error = std::move(error).with_detail("phase", std::move(phase));
    return answer(std::move(made));
  }

  // ---- changes to the last answer

  FakeTransport& change(std::function<void(FakeAnswer&)> how) {
    std::lock_guard lock(state_->mutex);
    Script& last = state_->scripts.back();
    last = [before = std::move(last), how = std::move(how)](const HttpRequest& request) {
      FakeAnswer made = before(request);
      how(made);
      return made;
    };
    return *this;
  }
  // Only the first `n` bytes of the body come.
  FakeTransport& cut_at(std::size_t n, Cut cut) {
    return change([=](FakeAnswer& made) { cut_answer(made, n, cut); });
  }
  FakeTransport& header(std::string name, std::string value) {
    return change([header = Header{std::move(name), std::move(value)}](FakeAnswer& made) {
      made.headers.push_back(header);
    });
  }
  FakeTransport& pending() {
    return change([](FakeAnswer& made) { made.pending = true; });
  }
  FakeTransport& head_alone() {
    return change([](FakeAnswer& made) { made.head_alone = true; });
  }
  // After its last byte it neither ends nor fails.
  FakeTransport& hangs() {
    return change([](FakeAnswer& made) { made.hangs = true; });
  }

  // ---- what came of it

  std::shared_ptr<const Transport> transport() const { return std::make_shared<Front>(state_); }
  std::vector<HttpRequest> requests() const {
    std::lock_guard lock(state_->mutex);
    return state_->requests;
  }
  std::size_t count() const {
    std::lock_guard lock(state_->mutex);
    return state_->requests.size();
  }
  // Exchanges of which the reader said that it has all that it needs.
  std::size_t proven() const {
    std::lock_guard lock(state_->mutex);
    return state_->proven;
  }
  // Exchanges that were given up: neither ended, failed nor proven.
  std::size_t cancelled() const {
    std::lock_guard lock(state_->mutex);
    return state_->cancelled;
  }

  static std::vector<std::string> split(std::string_view body,
                                        const std::vector<std::size_t>& sizes = {}) {
    std::vector<std::string> pieces;
    for (const std::size_t size : sizes) {
      if (body.empty()) break;
      pieces.emplace_back(body.substr(0, size));
      body.remove_prefix(std::min(size, body.size()));
    }
    if (!body.empty()) pieces.emplace_back(body);
    return pieces;
  }
  // What a reset connection gives.
  static Error reset() {
    return Error(Errc::kNetwork, "the connection was reset while the answer was being read")
        .with_retry(RetryHint::kAmbiguous)
        .with_detail("phase", "body");
  }

 private:
  struct State {
    std::mutex mutex;
    std::vector<Script> scripts;
    std::vector<HttpRequest> requests;
    std::size_t proven = 0, cancelled = 0;
  };

  class Running final : public Exchange {
   public:
    Running(std::shared_ptr<State> state, HttpRequest request)
        : state_(std::move(state)), request_(std::move(request)) {}
    ~Running() override {
      std::lock_guard lock(state_->mutex);
      if (started_ && !over_ && !proven_) ++state_->cancelled;
    }

    Step pull(Poller& poller, std::string_view& bytes) override {
      memory_.reset();
      if (!started_) start();
      if (over_) return last();
      if (answer_.pending && std::exchange(due_, !due_)) {
        poller.waker().wake();
        return Step::kPending;
      }
      const bool first = head_.status == 0 && answer_.status != 0;
      if (first) {
        head_.status = answer_.status;
        head_.headers = answer_.headers;
      }
      const bool more = at_ < answer_.pieces.size();
      if (first && (answer_.head_alone || !more)) {
        bytes = give({});
        return Step::kEvent;
      }
      if (answer_.status != 0 && more) {
        bytes = give(answer_.pieces[at_++]);
        return Step::kEvent;
      }
      if (answer_.hangs) return Step::kPending;
      over_ = true;
      return last();
    }
    const HttpHead& head() const noexcept override { return head_; }
    Error take_error() override { return *answer_.error; }
    void proven() noexcept override {
      std::lock_guard lock(state_->mutex);
      if (!std::exchange(proven_, true)) ++state_->proven;
    }

   private:
    void start() {
      started_ = true;
      Script script;
      {
        std::lock_guard lock(state_->mutex);
        const std::size_t i = state_->requests.size();
        state_->requests.push_back(request_);
        if (!state_->scripts.empty())
          script = state_->scripts[std::min(i, state_->scripts.size() - 1)];
      }
      if (script) {
        answer_ = script(request_);
        return;
      }
      answer_.status = 0;
      answer_.error = Error(Errc::kNetwork, "the fake has no answer for " + request_.url);
    }
    Step last() const { return answer_.error ? Step::kError : Step::kEnd; }
    std::string_view give(std::string_view piece) {
      memory_ = std::make_unique<char[]>(piece.size() + kPadding);
      if (!piece.empty()) std::memcpy(memory_.get(), piece.data(), piece.size());
      std::memset(memory_.get() + piece.size(), '\xA5', kPadding);
      return {memory_.get(), piece.size()};
    }

    std::shared_ptr<State> state_;
    HttpRequest request_;
    FakeAnswer answer_;
    HttpHead head_;
    std::unique_ptr<char[]> memory_;
    std::size_t at_ = 0;
    bool started_ = false, over_ = false, proven_ = false, due_ = true;
  };

  class Front final : public Transport {
   public:
    explicit Front(std::shared_ptr<State> state) : state_(std::move(state)) {}
    std::unique_ptr<Exchange> start(HttpRequest request) const override {
      return std::make_unique<Running>(state_, std::move(request));
    }

   private:
    std::shared_ptr<State> state_;
  };

  static void cut_answer(FakeAnswer& made, std::size_t n, Cut cut) {
    std::size_t i = 0;
    while (i < made.pieces.size() && made.pieces[i].size() <= n) n -= made.pieces[i++].size();
    if (i < made.pieces.size() && n != 0) made.pieces[i++].resize(n);
    made.pieces.resize(i);
    made.error = cut == Cut::kReset ? std::optional<Error>(reset()) : std::nullopt;
  }

  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_FAKE_TRANSPORT_H_
