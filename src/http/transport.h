// One HTTP request and its answer, without waiting. Knows no provider and no JSON. Behind it are
// libcurl (curl_transport.cc), a fake for tests (fake_transport.h) and cassettes (cassette.h).
#ifndef INFER_SRC_HTTP_TRANSPORT_H_
#define INFER_SRC_HTTP_TRANSPORT_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/backend.h"
#include "infer/cloud.h"

namespace infer::http {

// Bytes that may be read beyond the end of what an Exchange gives (they hold anything): parsers of
// the hot path read whole vectors.
inline constexpr std::size_t kPadding = 64;

struct Header {
  std::string name{};
  std::string value{};
};
// Names of headers, hosts and media types are the same in any case.
bool same_name(std::string_view a, std::string_view b) noexcept;
// The same name in the case in which it is compared and kept; ASCII only.
std::string lower_name(std::string_view name);

// What all requests of one backend share.
struct Options {
  std::string ca_file{};
  std::string proxy{};
  std::optional<std::string> no_proxy{};
  bool insecure_tls = false;
  // Of one request. Each hop is a request of its own: a server that says "come back for it" may
  // hold each for minutes.
  int most_redirects = 100;
  ApiLimits limits{};
};

struct HttpRequest {
  std::string method = "POST";
  std::string url{};
  std::vector<Header> headers{};  // without CR, LF, NUL; keys among them: never to be printed
  std::string body{};
  // Must not run twice: never sent on a connection that may turn out dead, never repeated.
  bool once = false;
  // To reach the server: name, TCP, TLS.
  std::optional<std::chrono::milliseconds> connect_timeout{};
  std::shared_ptr<const Options> options{};  // never null
};

struct HttpHead {
  int status = 0;                 // 0: no answer yet
  std::vector<Header> headers{};  // as they came; of the last answer, where several came (100, 303)
  // The time it took to connect; nothing where a connection was reused.
  std::optional<std::chrono::nanoseconds> connect{};
  // It was fetched from where a 303 pointed: the request itself has been taken, and may be running.
  bool see_other = false;
  // The value of the first header with that name (any case), or null.
  const std::string* find(std::string_view name) const noexcept;
};

// One request under way. Destroying it cancels: the connection is closed (HTTP/1.1) or the stream
// reset (HTTP/2). Thread rule: as Source.
class Exchange {
 public:
  virtual ~Exchange() = default;

  // Never waits. kEvent: `bytes` of the body, perhaps none; they live until the next pull, and
  // kPadding bytes after them are readable. The first kEvent says that head() is complete.
  // kPending: the poller will be woken. kEnd: the body came to the end that its framing announced.
  // kError: take_error() has it; kNetwork, kTls, kTimeout ("connect"), kTooLarge, with the detail
  // "phase" = dns | connect | tls | send | head | body. "redirect" = 303 where one was followed:
  // the request itself has been taken.
  virtual Step pull(Poller& poller, std::string_view& bytes) = 0;
  virtual const HttpHead& head() const noexcept = 0;
  virtual Error take_error() = 0;
  // The reader has all that it needs. Whatever still comes is read and thrown away after the
  // Exchange is gone, for a tenth of a second at most, so that the connection can be used again.
  virtual void proven() noexcept {}
};

class Transport {
 public:
  virtual ~Transport() = default;
  // Starts at the first pull. Thread rule: may be called from any thread.
  virtual std::unique_ptr<Exchange> start(HttpRequest request) const = 0;
};

// libcurl; one for the process.
std::shared_ptr<const Transport> curl_transport();

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_TRANSPORT_H_
