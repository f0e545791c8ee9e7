#include "src/http/curl_transfer.h"

#include <algorithm>
#include <chrono>
#include <new>
#include <utility>

namespace infer::http {

namespace {

// Made before it is needed: to make one takes memory.
const Error& no_memory() {
  static const Error* const one =
      new Error(Errc::kOutOfMemory, "no memory for the answer of a server");
  return *one;
}
std::string_view trimmed(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// How long the connection took; nothing where it was there already.
std::optional<std::chrono::nanoseconds> connect_time(CURL* easy) {
  long connects = 0;
  curl_off_t tcp = 0, tls = 0;
  if (curl_easy_getinfo(easy, CURLINFO_NUM_CONNECTS, &connects) != CURLE_OK || connects == 0)
    return {};
  curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &tcp);
  curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls);
  return std::chrono::microseconds(std::max(tcp, tls));
}
}  // namespace

CurlTransfer::CurlTransfer(HttpRequest what, std::shared_ptr<const Origin> to, BodyBlocks* blocks,
                           CurlCounts* counts)
    : request(std::move(what)),
      body(blocks),
      fresh(request.once),
      origin_(std::move(to)),
      counts_(counts) {
  (void)no_memory();
}

void CurlTransfer::begin(CurlEasy with) noexcept {
  handle_ = std::move(with);
  easy = handle_.curl;
  head = {};
  head_complete = paused = sent_any = false;
  head_bytes = 0;
  discarded_ = 0;
  reason[0] = 0;
  connecting_ = true;
  ++counts_->connecting;
  if ((tls_writer_ = origin_->tls)) ++counts_->tls_writers;
}

CurlEasy CurlTransfer::end() noexcept {
  easy = nullptr;
  header_list.reset();
  connected();
  written();
  return std::exchange(handle_, {});
}

void CurlTransfer::connected() noexcept {
  if (std::exchange(connecting_, false)) --counts_->connecting;
}
void CurlTransfer::written() noexcept {
  if (std::exchange(tls_writer_, false)) --counts_->tls_writers;
}

bool CurlTransfer::follow() {
  if (next_url_.empty()) return false;
  request.url = std::exchange(next_url_, {});
  sends = looks_ = 0;
  ++redirects_;
  if (std::exchange(next_get_, false)) {
    request.method = "GET";
    request.body.clear();
    // To look at a result runs nothing: any connection will do, and it may be looked at again.
    request.once = fresh = tried_again = false;
    see_other_ = true;
    auto& headers = request.headers;
    headers.erase(std::remove_if(headers.begin(), headers.end(),
                                 [](const Header& h) {
                                   return same_name(h.name, "content-type") ||
                                          same_name(h.name, "content-length");
                                 }),
                  headers.end());
  }
  discard_ = false;
  return true;
}

void CurlTransfer::discard() noexcept {
  discard_ = true;
  armed = false;
  waker = {};
  body.clear();
}

bool CurlTransfer::fail(Error why) noexcept {
  if (!error) error = std::move(why);
  return false;
}

std::size_t CurlTransfer::on_header(char* line, std::size_t, std::size_t n, void* self) noexcept {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  try {
    if (transfer.take_line({line, n})) return n;
  } catch (const std::bad_alloc&) {
    transfer.fail(no_memory());
  }
  return n == 0 ? 1 : 0;  // any other number ends the transfer
}

bool CurlTransfer::take_line(std::string_view line) {
  const std::size_t limit = request.options->limits.header_bytes;
  head_bytes += line.size();
  if (head_bytes > limit)
    return fail(Error(Errc::kTooLarge, "the headers of the answer from " + origin_->name() +
                                           " are larger than limits.header_bytes, " +
                                           std::to_string(limit) + " bytes")
                    .with_retry(RetryHint::kNo)
                    .with_detail("limit", "header_bytes")
                    .with_detail("phase", "head"));
  if (head_complete || discard_) return true;  // trailers; a redirect's
  if (line.substr(0, 5) == "HTTP/") return take_status(line);
  const std::string_view text = trimmed(line);
  if (text.empty()) {
    if (head.status >= 200) return end_of_head();
    head = {};
    return true;
  }
  if (line.front() == ' ' || line.front() == '\t') {  // the last one goes on
    if (!head.headers.empty()) head.headers.back().value.append(" ").append(text);
    return true;
  }
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return true;
  head.headers.push_back(
      {std::string(text.substr(0, colon)), std::string(trimmed(text.substr(colon + 1)))});
  return true;
}

// Several heads may come, one after the other: 100, 103, then the answer.
bool CurlTransfer::take_status(std::string_view line) {
  head = {};
  const std::size_t space = line.find(' ');
  if (space == std::string_view::npos) return true;
  for (const char c : line.substr(space + 1, 3))
    if (c >= '0' && c <= '9') head.status = head.status * 10 + (c - '0');
  return true;
}

bool CurlTransfer::end_of_head() {
  const int status = head.status;
  if (status == 301 || status == 302 || status == 303 || status == 307 || status == 308)
    if (const std::string* location = head.find("location")) return redirect(status, *location);
  head.connect = connect_time(easy);
  head.see_other = see_other_;
  request.headers = {};  // it is not sent again
  const std::string* encoding = head.find("content-encoding");
  inflating_ = encoding && *encoding != "identity";
  head_complete = true;
  // HTTP/1.1 only reads from here on, once the request is out; HTTP/2 acknowledges what it reads.
  if (tls_writer_) {
    long version = 0;
    curl_off_t sent = 0;
    curl_easy_getinfo(easy, CURLINFO_HTTP_VERSION, &version);
    curl_easy_getinfo(easy, CURLINFO_SIZE_UPLOAD_T, &sent);
    if (version <= CURL_HTTP_VERSION_1_1 && sent >= static_cast<curl_off_t>(request.body.size()))
      written();
  }
  wake();
  return true;
}

// By hand, and within the server's own origin only: libcurl would send a key in a header of ours to
// wherever the answer points.
bool CurlTransfer::redirect(int status, const std::string& location) {
  const auto refuse = [&](const std::string& why) {
    return fail(Error(Errc::kProtocol, origin_->name() + " answers with a redirect (" +
                                           std::to_string(status) + ") " + why)
                    .with_http_status(status)
                    .with_detail("phase", "head"));
  };
  const std::string url = resolve(request.url, location);
  if (url.empty()) return refuse("to an address that is none");
  const auto to = origin_of(url);
  if (!to) return refuse("to what is neither http nor https");
  if (*to != *origin_)
    return refuse("to another origin, " + std::string(to->tls ? "https://" : "http://") +
                  to->name() +
                  ", which is not followed: the key would go there; if that is the right server, "
                  "name it in base_url");
  const bool read_only = request.method == "GET" || request.method == "HEAD";
  if ((status == 301 || status == 302) && !read_only)
    return refuse("that drops the request's body; set base_url to where the API is");
  if ((status == 307 || status == 308) && request.once)
    return refuse("that asks to send again what must not run twice");
  if (redirects_ >= request.options->most_redirects)
    return refuse("more than " + std::to_string(request.options->most_redirects) +
                  " times in a row");
  next_url_ = url;
  next_get_ = status == 303 && !read_only;
  discard_ = true;
  return true;
}

std::size_t CurlTransfer::on_body(char* bytes, std::size_t, std::size_t n, void* self) noexcept {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  if (transfer.discard_) {
    transfer.discarded_ += n;
    return transfer.discarded_ > kMostDiscarded ? 0 : n;
  }
  if (transfer.body.size() >= kPauseAbove) {
    transfer.paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (transfer.inflating_ && transfer.inflated_too_far(n)) return 0;
  try {
    transfer.body.append(bytes, n);
  } catch (const std::bad_alloc&) {
    transfer.fail(no_memory());
    return 0;
  }
  transfer.wake();
  return n;
}

// "identity" is asked for; what comes compressed all the same is decompressed on the way, but a few
// bytes must not become gigabytes.
bool CurlTransfer::inflated_too_far(std::size_t n) {
  constexpr std::uint64_t kFree = std::uint64_t{1024} * 1024, kRatio = 100;
  body_bytes_ += n;
  if (body_bytes_ <= kFree) return false;
  curl_off_t wire = 0;
  curl_easy_getinfo(easy, CURLINFO_SIZE_DOWNLOAD_T, &wire);
  // libcurl counts a piece after it has been delivered: one more may be on its way.
  const auto came = static_cast<std::uint64_t>(wire) + BodyBlock::kBytes;
  if (body_bytes_ / kRatio <= came) return false;
  fail(Error(Errc::kTooLarge, "the body of the answer from " + origin_->name() +
                                  " is compressed more than 100 : 1, which no honest answer is")
           .with_retry(RetryHint::kNo)
           .with_detail("limit", "compression")
           .with_detail("phase", "body"));
  return true;
}

int CurlTransfer::on_connected(void* self, char*, char*, int, int) noexcept {
  auto& transfer = *static_cast<CurlTransfer*>(self);
  transfer.connected();
  transfer.sent_any = true;
  ++transfer.sends;
  // A pooled connection that turns out dead is replaced by a new one, not by the next of the pool,
  // which may be dead as well: the server sees a request twice at most.
  curl_easy_setopt(transfer.easy, CURLOPT_FRESH_CONNECT, 1L);
  transfer.handle_.fresh = 1;
  return CURL_PREREQFUNC_OK;
}

}  // namespace infer::http
