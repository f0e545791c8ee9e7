// One request on its way through libcurl: what was asked, what has come, and libcurl's callbacks.
// Several tries may be made with it: redirects, and one more where a pooled connection was dead.
// Thread rule: whoever holds the lock of the CurlMulti in which it runs.
#ifndef INFER_SRC_HTTP_CURL_TRANSFER_H_
#define INFER_SRC_HTTP_CURL_TRANSFER_H_

#include <curl/curl.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "src/http/body_buffer.h"
#include "src/http/origin.h"
#include "src/http/transport.h"

namespace infer::http {

struct FreeHeaderList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeHeaderList>;

// A handle of libcurl's, and what it was set to for its last request: setting things again costs as
// much as the rest of a small request.
struct CurlEasy {
  CURL* curl = nullptr;
  std::shared_ptr<const Options> options{};
  std::string url{};
  long connect_limit = -1;
  int fresh = -1;
};

// What the transfers of one CurlMulti are doing.
struct CurlCounts {
  int connecting = 0;   // not known to have a connection yet
  int tls_writers = 0;  // may write to a TLS connection whenever libcurl works
};

class CurlTransfer {
 public:
  // More than this is buffered of no reply: the connection is not read until a quarter of it
  // is left, and TCP tells the server.
  static constexpr std::size_t kPauseAbove = std::size_t{256} * 1024;
  static constexpr std::size_t kResumeBelow = std::size_t{64} * 1024;
  // Bodies that nobody reads (of redirects, after the proof) are thrown away up to this size: then
  // the connection can be used again. Beyond it a new one is cheaper.
  static constexpr std::size_t kMostDiscarded = std::size_t{256} * 1024;

  // How often the result behind a 303 is asked for again where the connection broke before a byte
  // of an answer.
  static constexpr int kMostLooks = 3;

  CurlTransfer(HttpRequest request, std::shared_ptr<const Origin> to, BodyBlocks* blocks,
               CurlCounts* counts);
  CurlTransfer(const CurlTransfer&) = delete;
  CurlTransfer& operator=(const CurlTransfer&) = delete;

  // A try begins and ends.
  void begin(CurlEasy with) noexcept;
  CurlEasy end() noexcept;
  // After one that led to a redirect, in which case request is what to send next.
  bool follow();
  // To whoever reads: there is news.
  void wake() noexcept {
    if (std::exchange(armed, false)) waker.wake();
  }
  // From now on nobody reads: what comes is thrown away.
  void discard() noexcept;

  // libcurl's callbacks; `self` is a CurlTransfer.
  static std::size_t on_header(char* line, std::size_t one, std::size_t n, void* self) noexcept;
  static std::size_t on_body(char* bytes, std::size_t one, std::size_t n, void* self) noexcept;
  static int on_connected(void* self, char* to, char* from, int to_port, int from_port) noexcept;

  const Origin& origin() const noexcept { return *origin_; }
  // A 303 was followed: what is asked for is the result of a request that was taken before.
  bool sees_other() const noexcept { return see_other_; }
  // Such a result, asked for in vain, may be asked for again: nothing runs by that.
  bool look_again() noexcept { return see_other_ && head_bytes == 0 && looks_++ < kMostLooks; }

  HttpRequest request;
  HeaderList header_list;
  CURL* easy = nullptr;  // while libcurl has it

  HttpHead head;
  BodyBuffer body;
  std::optional<Error> error;  // what it ends with
  bool head_complete = false;
  bool done = false;  // libcurl is finished with it
  bool paused = false;

  Waker waker;
  bool armed = false;  // the reader waits for news

  bool fresh = false;          // no pooled connection, please
  bool tried_again = false;    // after a dead pooled connection
  bool sent_any = false;       // a connection is there: the request goes out
  int sends = 0;               // how often; since the last redirect
  std::size_t head_bytes = 0;  // of this try's answers
  Clock::time_point not_before = Clock::time_point::min();  // when it may start
  Clock::time_point drop_at = Clock::time_point::max();     // in the list of what is drained
  char reason[CURL_ERROR_SIZE] = {};                        // libcurl's own words

 private:
  bool take_line(std::string_view line);
  bool take_status(std::string_view line);
  bool end_of_head();
  bool redirect(int status, const std::string& location);
  bool fail(Error why) noexcept;
  bool inflated_too_far(std::size_t n);
  void connected() noexcept;
  void written() noexcept;

  const std::shared_ptr<const Origin> origin_;
  CurlEasy handle_;
  CurlCounts* counts_;
  bool connecting_ = false;
  bool tls_writer_ = false;
  std::string next_url_;  // where a redirect leads
  bool next_get_ = false;
  bool discard_ = false;
  std::size_t discarded_ = 0;
  bool inflating_ = false;        // libcurl decompresses
  std::uint64_t body_bytes_ = 0;  // of that, after it
  int redirects_ = 0;             // followed so far
  bool see_other_ = false;
  int looks_ = 0;  // since the last redirect
};

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CURL_TRANSFER_H_
