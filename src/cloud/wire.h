// A wire: what is particular to one provider's protocol. Everything else - the connection, the
// events of the stream, timeouts, errors, the proof that an answer is whole - is in backend.cc.
#ifndef INFER_SRC_CLOUD_WIRE_H_
#define INFER_SRC_CLOUD_WIRE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/backend.h"
#include "infer/cloud.h"
#include "src/cloud/event_queue.h"
#include "src/http/transport.h"

namespace infer::cloud {

// What a reader has where no head was given: status 0, no headers.
const http::HttpHead& no_head() noexcept;

// Reads one answer. Every function may give the error that the reply ends with: kProtocol for what
// is not this wire, the provider's own error where it sends one inside a stream.
class Reader {
 public:
  virtual ~Reader() = default;

  // The head of a 2xx answer: request id, rate limits. Before all others; it lives as long as the
  // answer is read.
  virtual void head(const http::HttpHead&) {}
  // One event of a stream. `data` lives until the queue has run empty; http::kPadding bytes after
  // it are readable.
  virtual std::optional<Error> event(std::string_view type, std::string_view data,
                                     EventQueue& out) = 0;
  // An answer in one piece; proven by being well-formed.
  virtual std::optional<Error> whole(std::string_view body, EventQueue& out) = 0;

  // What proves the answer whole has come (docs/formats/wire-proofs.md): a cut after it loses
  // nothing but figures.
  virtual bool proven() const = 0;
  // Nothing more is expected: the reply ends without waiting for the connection.
  virtual bool done() const = 0;
  // Once, when it is proven and either done or cut: usage and finishes that were held back.
  virtual void close(EventQueue& out) = 0;

  // Whether an answer of this media type, which is neither JSON nor a stream, is given to whole():
  // "image/png" of a function that draws. Else it is refused.
  virtual bool takes(std::string_view) const { return false; }

  // The error of an answer that is not 2xx: what it means for this request.
  virtual Error refused(Error error) const { return error; }
};

// A request, ready to be sent.
struct Outgoing {
  std::string method = "POST";
  std::string path{};  // after the base URL: "/chat/completions"
  std::vector<http::Header> headers{};
  std::string content_type = "application/json";  // of the body
  std::string body{};
  bool stream = false;  // an event stream is asked for
  bool once = false;    // must not run twice: pictures
  // What the answer may need beyond the defaults of ApiLimits; one that the caller has changed is
  // kept.
  std::optional<ApiLimits> needs{};
  std::vector<Warning> warnings{};
  std::unique_ptr<Reader> reader{};
};

// What a provider says of a failure, out of its answer's body. Empty: it does not say.
struct Complaint {
  std::string type{};
  std::string code{};
  std::string message{};
  std::string param{};
  std::string request_id{};
  std::string generated{};  // what the model wrote that made the provider refuse its own answer
};

// Thread rule: immutable; safe for concurrent use.
class Wire {
 public:
  virtual ~Wire() = default;
  // Law 3 is held here: kUnsupported for a promise that cannot be kept, a warning for quality.
  virtual Result<Outgoing> write(const Request& request, const Call& call) const = 0;
  // The body of an answer that is not 2xx, or a stream's error event; any bytes at all.
  virtual Complaint complaint(std::string_view body) const = 0;
};

// ---- shared by the wires (errors.cc)

// The one taxonomy: what status, type and code mean for all providers; http status, provider code,
// request id, retry_after, clipped body and retry hint are set. `head` may be of a 200 answer whose
// stream holds an error.
Error provider_error(std::string_view provider, const http::HttpHead& head, std::string_view body,
                     const Complaint& complaint);
// retry-after-ms, else retry-after as seconds or as a date; nothing for what is not finite,
// negative, or absurd (more than a year).
std::optional<std::chrono::milliseconds> retry_after(const http::HttpHead& head);
// The headers whose names begin with `prefix`, as a JSON object, names in lower case; empty: none.
std::string rate_limits(const http::HttpHead& head, std::string_view prefix);
// kProtocol: `what` is wrong with the event number `event`, counted from 1; 0: with the body.
Error bad_answer(std::string_view provider, std::string_view what, std::size_t event,
                 std::string_view bytes);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_WIRE_H_
