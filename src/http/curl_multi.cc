#include "src/http/curl_multi.h"

#include <algorithm>
#include <new>
#include <utility>

#include "src/http/curl_error.h"
#include "src/http/curl_request.h"
#include "src/http/sigpipe.h"

namespace infer::http {

CurlMulti* CurlMulti::of(detail::PollerState& poller) {
  // Nothing else drives sockets in a poller.
  if (poller.io()) return static_cast<CurlMulti*>(poller.io());
  if (!poller.prepare_io()) return nullptr;
  auto made = std::make_unique<CurlMulti>(poller);
  if (!made->multi_) return nullptr;
  CurlMulti* multi = made.get();
  poller.set_io(std::move(made));
  return multi;
}

CurlMulti::CurlMulti(detail::PollerState& poller) : poller_(poller) {
  curl_init();
  multi_ = curl_multi_init();
  if (!multi_) return;
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  // One stream a connection, with HTTP/2 too: to cancel, to pause and to buffer mean the same then.
  curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
  allow_connections();
}

CurlMulti::~CurlMulti() {
  if (!multi_) return;
  const SigpipeGuard guard(any_tls_);
  for (auto& transfer : drained_) remove(*transfer);
  drained_.clear();
  for (const CurlEasy& easy : idle_) curl_easy_cleanup(easy.curl);
  curl_multi_cleanup(multi_);
}

int CurlMulti::on_socket(CURL*, curl_socket_t fd, int what, void* self, void* known) noexcept {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (what == CURL_POLL_REMOVE) {
    multi.poller_.forget(fd);
    return 0;
  }
  const bool in = (what & CURL_POLL_IN) != 0, out = (what & CURL_POLL_OUT) != 0;
  // Where the system has no room the reply ends by its timeout: an error from here would end all.
  (void)multi.poller_.watch(fd, in, out, known != nullptr);
  if (!known) curl_multi_assign(multi.multi_, fd, self);
  return 0;
}

int CurlMulti::on_timer(CURLM*, long ms, void* self) noexcept {
  static_cast<CurlMulti*>(self)->curl_time_ =
      ms < 0 ? Clock::time_point::max() : Clock::now() + std::chrono::milliseconds(ms);
  return 0;
}

void CurlMulti::drive(std::span<const port::Ready> ready) {
  std::lock_guard lock(mutex_);
  const std::size_t before = blocks_.in_use();  // of replies that nobody reads, perhaps
  for (const port::Ready& one : ready) {
    act(one.fd, (one.readable ? CURL_CSELECT_IN : 0) | (one.writable ? CURL_CSELECT_OUT : 0));
    if (blocks_.in_use() >= before + kEnoughBlocks) break;
  }
  if (ready.empty()) {
    armed_time_ = Clock::time_point::max();
    act(CURL_SOCKET_TIMEOUT, 0);
  }
  settle();
}

void CurlMulti::act(curl_socket_t fd, int mask) {
  constexpr int kRounds = 8;  // libcurl asks to be called again at once for each step of a start
  const SigpipeGuard guard(counts_.tls_writers != 0);
  int running = 0;
  if (fd != CURL_SOCKET_TIMEOUT) curl_multi_socket_action(multi_, fd, mask, &running);
  for (int i = 0; i < kRounds; ++i) {
    if (fd != CURL_SOCKET_TIMEOUT || i != 0)
      if (curl_time_ == Clock::time_point::max() || curl_time_ > Clock::now()) return;
    curl_time_ = Clock::time_point::max();  // it is told anew
    curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
  }
}

void CurlMulti::settle() {
  do collect();
  while (start_queued());
  if (!drained_.empty()) drop_late_drains(Clock::now());
  arm();
}

void CurlMulti::collect() {
  int left = 0;
  while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    const CURLcode code = message->data.result;
    void* transfer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
    if (transfer) finish(*static_cast<CurlTransfer*>(transfer), code);
  }
}

void CurlMulti::finish(CurlTransfer& transfer, CURLcode code) {
  const auto drained = std::find_if(drained_.begin(), drained_.end(),
                                    [&](const auto& one) { return one.get() == &transfer; });
  if (drained != drained_.end()) {
    remove(transfer);
    drained_.erase(drained);
    return;
  }
  bool again = false;
  if (!transfer.error) {
    // A redirect's head says it all: its body may be larger than is worth reading, or cut.
    if (transfer.follow()) again = true;
    // Where all pooled connections were dead libcurl gives up before it has tried a new one.
    else if (!transfer.request.once && !transfer.tried_again && died_in_the_pool(transfer, code))
      again = transfer.fresh = transfer.tried_again = true;
    else if (is_broken(code) && transfer.look_again())
      again = transfer.fresh = true;
    if (!again && (code != CURLE_OK || !transfer.head_complete))
      transfer.error = curl_error(transfer, code);
    // For those who count what a server is asked to bear.
    if (transfer.error && transfer.sends > 1)
      transfer.error =
          std::move(*transfer.error).with_detail("sends", std::to_string(transfer.sends));
    if (transfer.error && transfer.sees_other())
      transfer.error = std::move(*transfer.error).with_detail("redirect", "303");
  }
  remove(transfer);
  if (again) {
    queue_.push_front(&transfer);
    return;
  }
  transfer.done = true;
  transfer.wake();
}

bool CurlMulti::start_queued() {
  bool any = false;
  const auto now = queue_.empty() ? Clock::time_point::min() : Clock::now();
  for (std::size_t i = 0; i < queue_.size() && counts_.connecting < kMostConnects;) {
    CurlTransfer* const next = queue_[i];
    if (held_back(*next, now)) {
      ++i;
      continue;
    }
    queue_.erase(queue_.begin() + static_cast<std::ptrdiff_t>(i));
    add(*next);
    any = true;
  }
  return any;
}

// A connection to the same server is about to become free.
bool CurlMulti::held_back(const CurlTransfer& transfer, Clock::time_point now) const {
  return !transfer.fresh && now < transfer.not_before &&
         std::any_of(
             drained_.begin(), drained_.end(),
             [&](const auto& one) { return one->origin() == transfer.origin(); });
}

void CurlMulti::add(CurlTransfer& transfer) {
  CurlEasy easy;
  if (idle_.empty()) {
    easy.curl = new_easy();
  } else {
    easy = std::move(idle_.back());
    idle_.pop_back();
  }
  if (easy.curl)
    transfer.error = prepare_easy(easy, transfer);
  else
    transfer.error = Error(Errc::kOutOfMemory, "no memory for a request");
  if (!transfer.error && curl_multi_add_handle(multi_, easy.curl) != CURLM_OK)
    transfer.error = Error(Errc::kOutOfMemory, "libcurl takes no further request");
  if (transfer.error) {
    if (easy.curl) curl_easy_cleanup(easy.curl);
    transfer.done = true;
    transfer.wake();
    return;
  }
  transfer.begin(std::move(easy));
  any_tls_ = any_tls_ || transfer.origin().tls;
  ++active_;
  allow_connections();
  act(CURL_SOCKET_TIMEOUT, 0);
}

// Of a transfer that is under way the connection is closed.
void CurlMulti::remove(CurlTransfer& transfer) noexcept {
  if (!transfer.easy) return;
  curl_multi_remove_handle(multi_, transfer.easy);
  CurlEasy easy = transfer.end();
  clear_easy(easy.curl);
  --active_;
  allow_connections();
  try {
    if (idle_.size() < kIdleEasies) {
      idle_.push_back(std::move(easy));
      return;
    }
  } catch (const std::bad_alloc&) {
  }
  curl_easy_cleanup(easy.curl);
}

// Connections in use and a few more: what a thousand replies leave must not stay for ever.
void CurlMulti::allow_connections() noexcept {
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(active_ + kIdleConnections));
}

// Mostly it is the same URL as before.
Result<std::shared_ptr<const Origin>> CurlMulti::origin(const std::string& url) {
  std::lock_guard lock(mutex_);
  if (last_origin_ && url == last_url_) return last_origin_;
  auto found = origin_of(url);
  if (!found) return found.error();
  last_url_ = url;
  last_origin_ = std::make_shared<const Origin>(std::move(*found));
  return last_origin_;
}

std::unique_ptr<CurlTransfer> CurlMulti::start(HttpRequest request,
                                               std::shared_ptr<const Origin> origin, Waker waker) {
  std::lock_guard lock(mutex_);
  const SigpipeGuard guard(any_tls_);  // dead connections may be closed on the way
  auto transfer =
      std::make_unique<CurlTransfer>(std::move(request), std::move(origin), &blocks_, &counts_);
  transfer->waker = std::move(waker);
  if (!drained_.empty()) {
    read_drained();
    transfer->not_before = Clock::now() + kHoldOff;
  }
  queue_.push_back(transfer.get());
  settle();
  return transfer;
}

// What has come of the rest of proven answers since this poller was last waited in.
void CurlMulti::read_drained() {
  for (std::size_t i = 0; i < drained_.size(); ++i) {
    curl_socket_t fd = CURL_SOCKET_BAD;
    curl_easy_getinfo(drained_[i]->easy, CURLINFO_ACTIVESOCKET, &fd);
    if (fd != CURL_SOCKET_BAD) act(fd, CURL_CSELECT_IN);
  }
  collect();
}

void CurlMulti::drop_late_drains(Clock::time_point now) {
  for (std::size_t i = 0; i < drained_.size();) {
    if (drained_[i]->drop_at > now) {
      ++i;
      continue;
    }
    const SigpipeGuard guard(any_tls_);
    remove(*drained_[i]);
    drained_.erase(drained_.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

void CurlMulti::arm() {
  Clock::time_point when = curl_time_;
  for (const auto& one : drained_) when = std::min(when, one->drop_at);
  if (!drained_.empty())
    for (const CurlTransfer* one : queue_) when = std::min(when, one->not_before);
  if (when == armed_time_) return;
  armed_time_ = when;
  poller_.set_io_time(when);
}

Step CurlMulti::pull(CurlTransfer& transfer, bool head_known, std::string_view& bytes) {
  std::lock_guard lock(mutex_);
  bytes = transfer.body.take();
  if (transfer.paused && transfer.easy && transfer.body.size() < CurlTransfer::kResumeBelow) {
    resume(transfer);
    if (bytes.empty()) bytes = transfer.body.take();
  }
  if (!bytes.empty() || (transfer.head_complete && !head_known)) return Step::kEvent;
  if (transfer.done) return transfer.error ? Step::kError : Step::kEnd;
  transfer.armed = true;
  return Step::kPending;
}

// libcurl delivers what it held back from inside the first call, and reads on in the second.
void CurlMulti::resume(CurlTransfer& transfer) {
  transfer.paused = false;
  CURLcode code = CURLE_OK;
  {
    const SigpipeGuard guard(counts_.tls_writers != 0);
    code = curl_easy_pause(transfer.easy, CURLPAUSE_CONT);
  }
  if (code != CURLE_OK)
    finish(transfer, code);
  else
    act(CURL_SOCKET_TIMEOUT, 0);
  settle();
}

void CurlMulti::abandon(std::unique_ptr<CurlTransfer> gone, bool proven) noexcept {
  std::lock_guard lock(mutex_);
  const SigpipeGuard guard(any_tls_);
  CurlTransfer* const transfer = gone.get();
  const auto queued = std::find(queue_.begin(), queue_.end(), transfer);
  if (queued != queue_.end()) queue_.erase(queued);
  if (proven && transfer->easy && transfer->head_complete && !transfer->error) {
    try {
      drained_.push_back(std::move(gone));
    } catch (const std::bad_alloc&) {
    }
  }
  const bool gone_now = gone != nullptr;
  if (gone_now) {
    remove(*transfer);
    gone.reset();
  } else {
    transfer->drop_at = Clock::now() + kDrain;
    transfer->discard();
  }
  try {
    if (!gone_now && transfer->paused) return resume(*transfer);
    settle();
  } catch (const std::bad_alloc&) {  // what waits is looked at with the next event
  }
}

}  // namespace infer::http
