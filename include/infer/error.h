// infer/error.h - what went wrong: one small value for every failure in the library.
//
// An Error is one pointer wide. It says what kind of failure it is (code), what was wrong with what
// and what to do (message, one line), and carries the facts that a program may want to act on: the
// provider's own code, the HTTP status, when a retry makes sense, and the partial response.
//
//   auto reply = model.generate("hi");
//   if (!reply) {
//     std::cerr << reply.error() << '\n';              // "rate_limited: openai: ... (http 429)"
//     if (reply.error().retry() == infer::RetryHint::kYes) ...
//   }
//
// Thread rule: an Error is a value; const members may be called from several threads at once.
// Lifetime: views and references live as long as this Error (or a copy of it) does.
#ifndef INFER_ERROR_H_
#define INFER_ERROR_H_

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/export.h"

namespace infer {
inline namespace v0 {

struct Response;

// The kinds of failure. Their names (to_string) are an interface, their order is not; new ones go
// to the end.
enum class Errc : std::uint8_t {
  kInvalidRequest,   // the caller's request or configuration is wrong; the message names the field
  kUnauthorized,     // no key, or the provider refuses it
  kForbidden,        // the key is fine but may not do this
  kNotFound,         // no such model, file, scheme or plugin
  kUnsupported,      // asked for something that this backend cannot promise; nothing was sent
  kContextOverflow,  // the prompt does not fit; details "need" and "have" in tokens
  kContentFiltered,  // the provider refused the content before answering
  kRateLimited,      // too many requests; see retry_after()
  kQuotaExceeded,    // the account has no credit left; a retry cannot help
  kBudgetExceeded,   // a limit that the program set for itself
  kOverloaded,       // the server or the engine's queue is full
  kTimeout,          // detail "timeout" says which: connect, first, idle, total, server
  kCancelled,        // the caller asked to stop
  kNetwork,          // connection refused, reset, name not found
  kTls,              // certificate or handshake; never retried
  kTruncated,        // the stream ended before the proof of completion
  kProtocol,         // the peer answered something that is not its protocol
  kTooLarge,         // a limit of the library on sizes
  kOutOfMemory,
  kModelInvalid,   // the model file is damaged or of an unknown kind
  kIo,             // a file could not be read or written
  kEngine,         // a local engine failed
  kEngineCrashed,  // a local engine's process died
  kServerError,    // the provider's server failed for a reason of its own (5xx)
  kInvalidOutput,  // the answer is not the JSON that was asked for (Output::check)
};

// "invalid_request", "unauthorized", ...: the names that the CLI, the bindings and the documents
// use.
INFER_API std::string_view to_string(Errc code) noexcept;
// The code with that name; nothing if there is none.
INFER_API std::optional<Errc> errc_from_string(std::string_view name) noexcept;

// Would the same request have a chance if it were sent again?
enum class RetryHint : std::uint8_t {
  kNo,         // it would fail again
  kYes,        // nothing has run; a retry is safe
  kAmbiguous,  // it was sent and no answer came: it may have run
};

class [[nodiscard]] INFER_API Error {
 public:
  // `message` is one line: what was wrong, with what, what to do.
  Error(Errc code, std::string message);
  Error(const Error&) noexcept;
  Error(Error&&) noexcept;
  Error& operator=(const Error&) noexcept;
  Error& operator=(Error&&) noexcept;
  ~Error();

  Errc code() const noexcept;
  const std::string& message() const noexcept;

  // Who failed: the scheme ("openai", "llama"); empty when it is the library itself.
  const std::string& provider() const noexcept;
  // The provider's own name for the failure ("insufficient_quota"); empty if it gave none.
  const std::string& provider_code() const noexcept;
  // 0 when no HTTP answer came.
  int http_status() const noexcept;
  const std::string& request_id() const noexcept;
  // The provider's answer as it came, clipped to 4 KiB.
  const std::string& body() const noexcept;
  // How long the provider asked to wait before the next try.
  std::optional<std::chrono::milliseconds> retry_after() const noexcept;
  RetryHint retry() const noexcept;
  // A fact for machines by its name: "need", "have", "field", "rule", "offset", "timeout",
  // "signal"; empty if this error does not have it.
  std::string_view detail(std::string_view key) const noexcept;
  // All of them, as name and value, in the order in which they were given.
  const std::vector<std::pair<std::string, std::string>>& details() const noexcept;
  // What had come before the failure; null before the first content.
  const Response* partial() const noexcept;

  // The same error with one more fact. By default retry is kYes for kRateLimited, kOverloaded and
  // kNetwork, kNo for the rest.
  Error with_provider(std::string name) &&;
  Error with_provider_code(std::string code) &&;
  Error with_http_status(int status) &&;
  Error with_request_id(std::string id) &&;
  Error with_body(std::string_view body) &&;
  Error with_retry_after(std::chrono::milliseconds wait) &&;
  Error with_retry(RetryHint hint) &&;
  Error with_detail(std::string key, std::string value) &&;
  Error with_partial(std::shared_ptr<const Response> partial) &&;

 private:
  struct Rep;
  Rep& mine();  // the representation, not shared with other copies
  Rep* rep_;
};

// "code: provider: message (http 429)", one line.
INFER_API std::ostream& operator<<(std::ostream& out, const Error& error);

}  // namespace v0
}  // namespace infer

#endif  // INFER_ERROR_H_
