// One reply over a wire: from the request that is written to the last event. The wire says what its
// bytes mean; here is all that is the same for every provider.
#include "src/cloud/backend.h"

#include <algorithm>
#include <utility>

#include "src/cloud/answer_type.h"
#include "src/cloud/pixels_as_files.h"
#include "src/cloud/scrub.h"
#include "src/http/sse.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

// How long an answer that is proven whole is waited for: its figures come with its last bytes.
constexpr milliseconds kGrace = std::chrono::seconds(2);
// Of an answer that is an error, or is not what was asked for: more is not looked at.
constexpr std::size_t kMaxErrorBody = std::size_t{1024} * 1024;
constexpr std::size_t kMaxExcerpt = 4096;
// Bytes that one pull reads, if no event is in them.
constexpr std::size_t kMostBarren = std::size_t{256} * 1024;

bool ends_like(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

// A limit that the caller has changed is the caller's word.
ApiLimits limits_for(ApiLimits limits, const std::optional<ApiLimits>& needs) {
  constexpr ApiLimits kDefault;
  if (!needs) return limits;
  const auto raise = [](std::size_t& limit, std::size_t unchanged, std::size_t need) {
    if (limit == unchanged) limit = std::max(limit, need);
  };
  raise(limits.event_bytes, kDefault.event_bytes, needs->event_bytes);
  raise(limits.body_bytes, kDefault.body_bytes, needs->body_bytes);
  raise(limits.answer_bytes, kDefault.answer_bytes, needs->answer_bytes);
  return limits;
}

class WireSource final : public Source {
 public:
  WireSource(std::shared_ptr<const Wire> wire, const Endpoint& endpoint, Outgoing outgoing,
             http::HttpRequest request, const Call& call)
      : watch_(call),
        stop_(call.stop),
        started_(Clock::now()),
        endpoint_(endpoint),
        limits_(limits_for(endpoint.options->limits, outgoing.needs)),
        wire_(std::move(wire)),
        reader_(std::move(outgoing.reader)),
        warnings_(std::move(outgoing.warnings)),
        stream_(limits_.event_bytes),
        exchange_(endpoint.transport->start(std::move(request))) {}

  Step pull(Poller& poller) override {
    if (ended_) return *ended_;
    if (auto error = watch_.check()) {
      if (body_ == Body::kError && !stop_.stop_requested()) return fail(refusal());
      if (stop_.stop_requested() || closed_ || !reader_->proven())
        return fail(with_hint(std::move(*error)));
      close();  // only figures are missing
    }
    for (;;) {
      if (next_event()) return Step::kEvent;
      if (broken_) return fail(std::move(*broken_));
      if (closed_) {
        exchange_.reset();  // not before: events may point to its bytes
        return *(ended_ = Step::kEnd);
      }
      if (auto step = advance(poller)) return *step;
      if (barren_ > kMostBarren) return take_a_breath(poller);
    }
  }
  const Event& event() const noexcept override { return *event_; }
  Error take_error() override { return *error_; }

 private:
  enum class Body : std::uint8_t {
    kNone,     // the head has not come
    kUnclear,  // not said what it is: its first byte will tell
    kStream,
    kWhole,
    kError,    // not 2xx
    kStrange,  // a page of a proxy, a picture: quoted and refused
  };

  bool next_event() {
    if (started_events_ && warning_ < warnings_.size()) {
      own_event_ = Event{};
      own_event_.kind = Event::Kind::kWarning;
      own_event_.data = warnings_[warning_].code;
      own_event_.id = warnings_[warning_].message;
      own_event_.extra = warnings_[warning_++].extra;
      event_ = &own_event_;
      return true;
    }
    if (queue_.empty()) return false;
    event_ = &queue_.pop();
    if (event_->is_content()) barren_ = 0;  // figures without end are barren, too
    if (event_->kind == Event::Kind::kStart) started_events_ = true;
    watch_.note(*event_);
    return true;
  }

  // A server that sends without end what is no event must not keep the caller here: others wait
  // for their turn, a stop wants to be heard, times run out.
  Step take_a_breath(Poller& poller) {
    barren_ = 0;
    watch_.arm(poller);
    poller.wake_at(Clock::now());
    return Step::kPending;
  }

  // One step nearer to the next event. Nothing: look again.
  std::optional<Step> advance(Poller& poller) {
    if (body_ == Body::kStream && feeding_) return read_stream();
    std::string_view bytes;
    switch (exchange_->pull(poller, bytes)) {
      case Step::kPending:
        if ((reader_->proven() || body_ == Body::kError) && !stop_.stop_requested())
          return linger(poller);
        watch_.arm(poller);
        return Step::kPending;
      case Step::kEvent: return take(bytes);
      case Step::kEnd: return end_of_body();
      case Step::kError: break;
    }
    Error error = exchange_->take_error();
    if (body_ == Body::kError) return fail(refusal());
    if (!reader_->proven()) return fail(std::move(error));
    close();
    return std::nullopt;
  }

  // Proven, but not done: some servers never close. Whoever reads has all of the answer; its
  // figures get a moment more.
  std::optional<Step> linger(Poller& poller) {
    const auto now = Clock::now();
    if (grace_ == Clock::time_point{}) grace_ = now + kGrace;
    if (now >= grace_) {
      if (body_ == Body::kError) return fail(refusal());  // the status says enough
      close();
      return std::nullopt;
    }
    poller.wake_at(grace_);
    watch_.arm(poller);
    return Step::kPending;
  }

  std::optional<Step> take(std::string_view bytes) {
    barren_ += bytes.size();
    if (body_ == Body::kNone) read_head();
    if (body_ == Body::kUnclear) guess(bytes);
    switch (body_) {
      case Body::kStream:
        stream_.feed(bytes);
        feeding_ = true;
        return std::nullopt;
      case Body::kWhole: return collect(bytes, limits_.body_bytes, true);
      case Body::kError: return collect(bytes, kMaxErrorBody, false);
      case Body::kStrange: return collect(bytes, kMaxExcerpt, false);
      case Body::kNone:
      case Body::kUnclear: break;
    }
    return std::nullopt;
  }

  void read_head() {
    const http::HttpHead& head = exchange_->head();
    queue_.timing.connect = head.connect;
    if (head.status < 200 || head.status >= 300) {
      body_ = Body::kError;
      return;
    }
    reader_->head(head);
    const std::string type = answer_type(head);
    if (type == "text/event-stream")
      body_ = Body::kStream;
    else if (type == "application/json" || ends_like(type, "+json"))
      body_ = Body::kWhole;
    else if (reader_->takes(type))
      body_ = Body::kWhole;
    else if (type == "text/html" || type.substr(0, 6) == "image/")
      body_ = Body::kStrange;
    else
      body_ = Body::kUnclear;
  }

  // Servers that leave the type out, or say text/plain: JSON begins with a brace, a stream with a
  // field's name or a comment.
  void guess(std::string_view bytes) {
    if (bytes.empty()) return;
    const std::size_t at = bytes.find_first_not_of(" \t\r\n");
    const char first = at == std::string_view::npos ? '{' : bytes[at];
    const std::string_view fields = ":deir\xEF";
    body_ = first == '{' || first == '['                   ? Body::kWhole
            : fields.find(first) != std::string_view::npos ? Body::kStream
                                                           : Body::kStrange;
  }

  std::optional<Step> collect(std::string_view bytes, std::size_t limit, bool strict) {
    if (bytes.size() > limit - body_bytes_.size()) {
      if (strict) return fail(too_large("body_bytes", "the server's answer", limit));
      body_bytes_.append(bytes.substr(0, limit - body_bytes_.size()));
      return end_of_body();
    }
    body_bytes_.append(bytes);
    return std::nullopt;
  }

  std::optional<Step> read_stream() {
    switch (stream_.next()) {
      case http::SseDecoder::Step::kMore: feeding_ = false; return std::nullopt;
      case http::SseDecoder::Step::kTooLarge:
        return fail(
            too_large("event_bytes", "an event of the server's stream", limits_.event_bytes));
      case http::SseDecoder::Step::kEvent: break;
    }
    return give(stream_.event().type, stream_.event().data);
  }

  std::optional<Step> give(std::string_view type, std::string_view data) {
    if ((broken_ = reader_->event(type, data, queue_))) return std::nullopt;
    if (queue_.answer_bytes() > limits_.answer_bytes)
      return fail(too_large("answer_bytes", "the answer", limits_.answer_bytes));
    note_first();
    if (reader_->done()) close();
    return std::nullopt;
  }

  void note_first() {
    if (!queue_.timing.first && queue_.answer_bytes() > 0)
      queue_.timing.first = Clock::now() - started_;
  }

  std::optional<Step> end_of_body() {
    switch (body_) {
      case Body::kNone: read_head(); return end_of_body();
      case Body::kUnclear:
      case Body::kWhole: return end_of_whole();
      case Body::kStream: return end_of_stream();
      case Body::kError: return fail(refusal());
      case Body::kStrange: break;
    }
    return fail(
        Error(Errc::kProtocol, "the server answered with " + answer_type(exchange_->head()) +
                                   " where this API's JSON was expected; is the base URL right?")
            .with_http_status(exchange_->head().status)
            .with_detail("content_type", answer_type(exchange_->head()))
            .with_body(body_bytes_));
  }

  std::optional<Step> end_of_whole() {
    if (body_bytes_.find_first_not_of(" \t\r\n") == std::string::npos)
      return fail(bad_answer(endpoint_.provider, "it is empty", 0, {}));
    body_bytes_.reserve(body_bytes_.size() + http::kPadding);
    queue_.timing.first = Clock::now() - started_;
    if ((broken_ = reader_->whole(body_bytes_, queue_))) return std::nullopt;
    close();
    return std::nullopt;
  }

  std::optional<Step> end_of_stream() {
    // Of servers that leave out the last empty line, the mark of the end counts all the same.
    const std::string pending(stream_.pending_data());
    if (pending == "[DONE]" && !std::exchange(pending_given_, true)) {
      if (auto error = reader_->event({}, pending, queue_)) return fail(std::move(*error));
    }
    if (reader_->proven()) {
      close();
      return std::nullopt;
    }
    return fail(Error(Errc::kTruncated, "the stream ended after " +
                                            std::to_string(stream_.count()) +
                                            " events, before the answer was whole")
                    .with_retry(RetryHint::kAmbiguous));
  }

  Error refusal() {
    const std::string body = scrubbed(body_bytes_, endpoint_.secrets);
    Complaint complaint = wire_->complaint(body);
    // The key of the environment does not follow a base_url that the program gave.
    if (exchange_->head().status == 401 && endpoint_.secrets.empty() && !complaint.message.empty())
      complaint.message += " (no key was sent: a base_url needs its own, ApiConfig::key)";
    return reader_->refused(provider_error(endpoint_.provider, exchange_->head(), body, complaint));
  }

  // Of a request that nothing came of, nobody knows whether it ran.
  static Error with_hint(Error error) {
    if (error.detail("timeout") != "first") return error;
    return std::move(error).with_retry(RetryHint::kAmbiguous);
  }

  Error too_large(const char* limit, const std::string& what, std::size_t bytes) {
    return Error(Errc::kTooLarge, what + " is larger than " + std::to_string(bytes) +
                                      " bytes (ApiLimits::" + limit + ")")
        .with_detail("limit", limit)
        .with_detail("have", std::to_string(bytes));
  }

  // The reply has all that it needs.
  void close() {
    closed_ = true;
    reader_->close(queue_);
    exchange_->proven();
  }

  Step fail(Error error) {
    error = scrubbed(std::move(error), endpoint_.secrets);
    if (error.provider().empty()) error = std::move(error).with_provider(endpoint_.provider);
    if (exchange_ && exchange_->head().status != 0 && error.http_status() == 0)
      error = std::move(error).with_http_status(exchange_->head().status);
    if (exchange_ && exchange_->head().see_other && error.detail("redirect").empty())
      error = std::move(error).with_detail("redirect", "303");
    // Once a redirect has told where the result will be, the request has been taken: it may run.
    if (!error.detail("redirect").empty() && error.retry() == RetryHint::kYes)
      error = std::move(error).with_retry(RetryHint::kAmbiguous);
    error_ = std::move(error);
    exchange_.reset();
    return *(ended_ = Step::kError);
  }

  Watch watch_;
  StopToken stop_;
  Clock::time_point started_;
  const Endpoint& endpoint_;  // the backend's, which lives as long as this
  const ApiLimits limits_;    // before stream_, which begins with one of them
  std::shared_ptr<const Wire> wire_;
  std::unique_ptr<Reader> reader_;
  std::vector<Warning> warnings_;
  std::size_t warning_ = 0;      // the next to be given
  bool started_events_ = false;  // kStart has been given: warnings may follow
  Body body_ = Body::kNone;
  bool feeding_ = false;  // the decoder has bytes
  bool pending_given_ = false;
  std::size_t barren_ = 0;  // bytes since the last event
  bool closed_ = false;
  std::optional<Error> broken_;  // the reader's: told after what was read before it
  std::string body_bytes_;
  http::SseDecoder stream_;
  EventQueue queue_;
  Clock::time_point grace_{};
  Event own_event_;
  const Event* event_ = &own_event_;
  std::optional<Error> error_;
  std::optional<Step> ended_;
  std::unique_ptr<http::Exchange> exchange_;  // last: what it gives is looked at by all above
};

// What a Call leaves unset.
void fill(Timeouts& timeouts, const Timeouts& defaults) {
  if (!timeouts.connect) timeouts.connect = defaults.connect;
  if (!timeouts.first) timeouts.first = defaults.first;
  if (!timeouts.idle) timeouts.idle = defaults.idle;
  if (!timeouts.total) timeouts.total = defaults.total;
}

class WireBackend final : public Backend {
 public:
  WireBackend(std::shared_ptr<const Wire> wire, Endpoint endpoint, ModelInfo info)
      : wire_(std::move(wire)), endpoint_(std::move(endpoint)), info_(std::move(info)) {
    info_.provider = endpoint_.provider;
    info_.endpoint = endpoint_.origin;
  }
  const ModelInfo& info() const noexcept override { return info_; }

  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    auto sendable = pixels_as_files(std::move(request));
    if (!sendable) return refuse(std::move(sendable.error()).with_provider(endpoint_.provider));
    auto outgoing = wire_->write(**sendable, call);
    if (!outgoing) return refuse(std::move(outgoing.error()).with_provider(endpoint_.provider));
    Call own = call;
    fill(own.timeouts, endpoint_.timeouts);
    http::HttpRequest http;
    http.method = outgoing->method;
    http.url = endpoint_.base_url + outgoing->path;
    http.headers = headers_of(*outgoing, call);
    http.body = std::move(outgoing->body);
    http.once = outgoing->once;
    http.connect_timeout = own.timeouts.connect;
    http.options = endpoint_.options;
    return std::make_unique<WireSource>(wire_, endpoint_, std::move(*outgoing), std::move(http),
                                        own);
  }

 private:
  std::vector<http::Header> headers_of(const Outgoing& outgoing, const Call& call) const {
    std::vector<http::Header> headers = endpoint_.headers;
    headers.push_back({"Accept", outgoing.stream ? "text/event-stream" : "application/json"});
    if (!outgoing.body.empty()) headers.push_back({"Content-Type", outgoing.content_type});
    headers.insert(headers.end(), outgoing.headers.begin(), outgoing.headers.end());
    if (!call.trace.traceparent.empty() &&
        !check_header_value("traceparent", call.trace.traceparent))
      headers.push_back({"traceparent", call.trace.traceparent});
    if (!call.trace.tracestate.empty() && !check_header_value("tracestate", call.trace.tracestate))
      headers.push_back({"tracestate", call.trace.tracestate});
    return headers;
  }

  std::shared_ptr<const Wire> wire_;
  Endpoint endpoint_;
  ModelInfo info_;
};

}  // namespace

std::shared_ptr<const Backend> make_backend(std::shared_ptr<const Wire> wire, Endpoint endpoint,
                                            ModelInfo info) {
  return std::make_shared<WireBackend>(std::move(wire), std::move(endpoint), std::move(info));
}

}  // namespace infer::cloud
