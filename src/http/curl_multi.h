// The sockets of one Poller: a libcurl multi that is driven by the poller's wait, no thread of its
// own, no sleep. Connections live in here, so that a poller that is used again has them warm.
// Thread rule: the poller's thread; destroying a reply on another one is safe, too (the lock).
#ifndef INFER_SRC_HTTP_CURL_MULTI_H_
#define INFER_SRC_HTTP_CURL_MULTI_H_

#include <curl/curl.h>

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <string_view>
#include <vector>

#include "src/core/poller_state.h"
#include "src/http/curl_transfer.h"

namespace infer::http {

class CurlMulti final : public detail::PollerIo {
 public:
  // The one of this poller, made if there is none; null: the system has no room for one. Inside a
  // pull.
  static CurlMulti* of(detail::PollerState& poller);
  explicit CurlMulti(detail::PollerState& poller);
  ~CurlMulti() override;

  void drive(std::span<const port::Ready> ready) override;

  // As origin_of(); requests of one poller mostly go to one address.
  Result<std::shared_ptr<const Origin>> origin(const std::string& url);
  // Sends the request as soon as it is its turn. `origin`: of its URL.
  std::unique_ptr<CurlTransfer> start(HttpRequest request, std::shared_ptr<const Origin> origin,
                                      Waker waker);
  // As Exchange::pull.
  Step pull(CurlTransfer& transfer, bool head_known, std::string_view& bytes);
  // Nobody reads it any more. With `proven` its connection may be saved (Exchange::proven).
  void abandon(std::unique_ptr<CurlTransfer> transfer, bool proven) noexcept;

 private:
  // A lookup costs a thread, a handshake the processor: more at once would only make all slow.
  static constexpr int kMostConnects = 32;
  // With this much unread the other sockets that are ready have to wait for the next look: what is
  // read soon is still in the processor's cache then.
  static constexpr std::size_t kEnoughBlocks = 8;
  // What is kept after its use, for the next: handles, and connections beyond those in use.
  static constexpr std::size_t kIdleEasies = 64;
  static constexpr std::size_t kIdleConnections = 4;
  // How long the rest of a proven answer may take to come before its connection is given up, and
  // how long a new request to the same server waits for it, which is less than a handshake takes.
  static constexpr std::chrono::milliseconds kDrain{100};
  static constexpr std::chrono::milliseconds kHoldOff{10};

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) noexcept;
  static int on_timer(CURLM*, long ms, void* self) noexcept;

  void act(curl_socket_t fd, int mask);  // lets libcurl work
  void settle();                         // what is finished, what may start now, when to come back
  void collect();
  void finish(CurlTransfer& transfer, CURLcode code);
  void resume(CurlTransfer& transfer);
  bool start_queued();
  bool held_back(const CurlTransfer& transfer, Clock::time_point now) const;
  void add(CurlTransfer& transfer);
  void remove(CurlTransfer& transfer) noexcept;
  void read_drained();
  void drop_late_drains(Clock::time_point now);
  void allow_connections() noexcept;
  void arm();

  detail::PollerState& poller_;
  std::mutex mutex_;
  BodyBlocks blocks_;  // outlives the transfers below
  CURLM* multi_;
  std::vector<CurlEasy> idle_;
  std::deque<CurlTransfer*> queue_;  // not with libcurl yet
  std::vector<std::unique_ptr<CurlTransfer>> drained_;
  std::string last_url_;  // of origin()
  std::shared_ptr<const Origin> last_origin_;
  std::size_t active_ = 0;  // with libcurl
  CurlCounts counts_;       // of these
  bool any_tls_ = false;    // there may be TLS connections, idle ones too
  Clock::time_point curl_time_ = Clock::time_point::max();   // when libcurl wants to be called
  Clock::time_point armed_time_ = Clock::time_point::max();  // what the poller was told
};

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_CURL_MULTI_H_
