#include "bench/client_bare.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace infer::bench {

// ---- the decoder

void BareDecoder::add(const char* bytes, std::size_t size) {
  if (used_ + size + simdjson::SIMDJSON_PADDING > buffer_.size())
    buffer_.resize(2 * (used_ + size + simdjson::SIMDJSON_PADDING));
  std::memcpy(buffer_.data() + used_, bytes, size);
  used_ += size;
}

void BareDecoder::feed(const char* bytes, std::size_t size) {
  add(bytes, size);
  const char* at = buffer_.data();
  const char* search = at + used_ - size;
  const char* const end = at + used_;
  while (const void* newline = std::memchr(search, '\n', static_cast<std::size_t>(end - search))) {
    line(at, static_cast<const char*>(newline));
    at = search = static_cast<const char*>(newline) + 1;
  }
  used_ = static_cast<std::size_t>(end - at);
  std::memmove(buffer_.data(), at, used_);
}

void BareDecoder::line(const char* begin, const char* end) {
  if (end - begin < 7 || std::memcmp(begin, "data: ", 6) != 0 || begin[6] == '[') return;
  const char* const data = begin + 6;
  const auto size = static_cast<std::size_t>(end - data);
  const auto room = static_cast<std::size_t>(buffer_.data() + buffer_.size() - data);
  simdjson::ondemand::document document;
  if (parser_.iterate(simdjson::padded_string_view(data, size, room)).get(document) != 0)
    fail("the bare decoder met what is not JSON");
  std::string_view text;
  if (dialect_ == Dialect::kAnthropic) {
    std::string_view type;
    if (document["type"].get_string().get(type) != 0 || type != "content_block_delta") return;
    if (document["delta"]["text"].get_string().get(text) == 0) found(text);
    return;
  }
  simdjson::ondemand::array choices;
  if (document["choices"].get_array().get(choices) != 0) return;
  for (auto choice : choices)
    if (choice["delta"]["content"].get_string().get(text) == 0) found(text);
}

void BareDecoder::whole() {
  simdjson::ondemand::document document;
  if (parser_.iterate(simdjson::padded_string_view(buffer_.data(), used_, buffer_.size()))
          .get(document) != 0)
    fail("the bare decoder met what is not JSON");
  std::string_view text;
  if (dialect_ == Dialect::kAnthropic) {
    for (auto block : document["content"])
      if (block["text"].get_string().get(text) == 0) found(text);
  } else {
    for (auto choice : document["choices"])
      if (choice["message"]["content"].get_string().get(text) == 0) found(text);
  }
  used_ = 0;
}

void BareDecoder::clear() {
  used_ = 0;
  pieces_ = bytes_ = 0;
}

void BareDecoder::found(std::string_view text) {
  if (text.empty()) return;
  ++pieces_;
  bytes_ += text.size();
  if (keep) keep->append(text);
}

std::string bare_body(const Load& load) {
  std::string body = "{\"model\":\"" + std::string(kModel) +
                     "\",\"messages\":[{\"role\":\"user\",\"content\":\"" + std::string(kQuestion) +
                     "\"}]";
  if (load.dialect == Dialect::kAnthropic) body += ",\"max_tokens\":4096";
  if (load.stream) body += ",\"stream\":true";
  if (load.stream && load.dialect == Dialect::kOpenAi)
    body += ",\"stream_options\":{\"include_usage\":true}";
  return body + "}";
}

namespace {

const char* endpoint(Dialect dialect) {
  return dialect == Dialect::kAnthropic ? "/v1/messages" : "/v1/chat/completions";
}

// ---- sockets

class RawClient {
 public:
  explicit RawClient(const Load& load) : load_(load), epoll_(epoll_create1(EPOLL_CLOEXEC)) {}
  ~RawClient() {
    for (auto& one : connections_) close(one->fd);
    close(epoll_);
  }
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  Found run() {
    const double before = cpu_seconds();
    for (std::size_t i = 0; i < load_.together && started_ < load_.requests; ++i) open();
    epoll_event events[256];
    while (ended_ < load_.requests) {
      const int n = epoll_wait(epoll_, events, 256, -1);
      for (int i = 0; i < n; ++i) read_all(*static_cast<Connection*>(events[i].data.ptr));
    }
    found_.cpu_seconds = cpu_seconds() - before;
    return found_;
  }

 private:
  enum class At : std::uint8_t { kHead, kSize, kData, kDataEnd, kLast, kWhole };
  struct Connection {
    explicit Connection(Dialect dialect) : decoder(dialect) {}
    int fd = -1;
    At at = At::kHead;
    std::size_t left = 0;  // of a chunk or of the body
    std::string line{};
    BareDecoder decoder;
  };

  void open() {
    connections_.push_back(std::make_unique<Connection>(load_.dialect));
    Connection& c = *connections_.back();
    c.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(load_.port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (connect(c.fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
      fail("the raw client cannot connect");
    const int yes = 1;
    setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &c;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, c.fd, &event);
    ask(c);
  }
  void ask(Connection& c) {
    if (started_ == load_.requests) return;
    ++started_;
    const std::string body = bare_body(load_);
    const std::string request = "POST /" + load_.path + endpoint(load_.dialect) +
                                " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(load_.port) +
                                "\r\nContent-Type: application/json\r\nAuthorization: Bearer "
                                "none\r\nContent-Length: " +
                                std::to_string(body.size()) + "\r\n\r\n" + body;
    if (write(c.fd, request.data(), request.size()) != static_cast<long>(request.size()))
      fail("the raw client cannot write");
  }

  void read_all(Connection& c) {
    const long n = recv(c.fd, buffer_, sizeof buffer_, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN) return;
    if (n <= 0) fail("the raw client lost its connection");
    const char* p = buffer_;
    const char* const end = buffer_ + n;
    while (p != end)
      p = c.at == At::kData || c.at == At::kWhole ? data(c, p, end) : text(c, p, end);
  }
  // Of what is told by lines: the head, the sizes of chunks, their ends.
  const char* text(Connection& c, const char* p, const char* end) {
    const void* newline = std::memchr(p, '\n', static_cast<std::size_t>(end - p));
    const char* const stop = newline ? static_cast<const char*>(newline) + 1 : end;
    c.line.append(p, stop);
    if (!newline) return stop;
    switch (c.at) {
      case At::kHead: head_line(c); break;
      case At::kSize:
        c.left = std::strtoul(c.line.c_str(), nullptr, 16);
        c.at = c.left == 0 ? At::kLast : At::kData;
        break;
      case At::kLast: done(c); break;
      default: c.at = At::kSize;
    }
    c.line.clear();
    return stop;
  }
  void head_line(Connection& c) {
    if (c.line.rfind("HTTP/1.1 ", 0) == 0 && c.line.compare(9, 3, "200") != 0)
      fail("the raw client got " + c.line);
    if (strncasecmp(c.line.c_str(), "content-length:", 15) == 0)
      c.left = std::strtoul(c.line.c_str() + 15, nullptr, 10);
    if (c.line == "\r\n") c.at = c.left > 0 ? At::kWhole : At::kSize;
  }
  const char* data(Connection& c, const char* p, const char* end) {
    const auto n = std::min(c.left, static_cast<std::size_t>(end - p));
    c.left -= n;
    if (c.at == At::kWhole) {
      c.decoder.add(p, n);
      if (c.left > 0) return p + n;
      c.decoder.whole();
      done(c);
    } else {
      c.decoder.feed(p, n);
      if (c.left == 0) c.at = At::kDataEnd;
    }
    return p + n;
  }
  void done(Connection& c) {
    found_.pieces += c.decoder.pieces();
    found_.bytes += c.decoder.bytes();
    c.decoder.clear();
    c.at = At::kHead;
    ++ended_;
    ask(c);
  }

  const Load& load_;
  int epoll_;
  std::vector<std::unique_ptr<Connection>> connections_{};
  std::size_t started_ = 0;
  std::size_t ended_ = 0;
  Found found_{};
  char buffer_[65536];
};

// ---- libcurl

class CurlClient {
  using Clock = std::chrono::steady_clock;

 public:
  explicit CurlClient(const Load& load)
      : load_(load), multi_(curl_multi_init()), epoll_(epoll_create1(EPOLL_CLOEXEC)) {
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlClient::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlClient::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 2048L);
    headers_ = curl_slist_append(headers_, "Content-Type: application/json");
    headers_ = curl_slist_append(headers_, "Authorization: Bearer none");
    headers_ = curl_slist_append(headers_, "Expect:");
  }
  ~CurlClient() {
    for (auto& one : transfers_) {
      curl_multi_remove_handle(multi_, one->easy);
      curl_easy_cleanup(one->easy);
    }
    curl_multi_cleanup(multi_);
    curl_slist_free_all(headers_);
    close(epoll_);
  }
  CurlClient(const CurlClient&) = delete;
  CurlClient& operator=(const CurlClient&) = delete;

  // Until all requests have ended, or, with `hold`, until each has given a piece of text.
  Found run(bool hold) {
    const double before = cpu_seconds();
    for (std::size_t i = 0; i < load_.together && started_ < load_.requests; ++i) {
      transfers_.push_back(std::make_unique<Transfer>(load_.dialect));
      transfers_.back()->easy = curl_easy_init();
      ask(*transfers_.back());
    }
    while (hold ? !all_have_text() : ended_ < load_.requests) step();
    found_.cpu_seconds = cpu_seconds() - before;
    return found_;
  }

 private:
  struct Transfer {
    explicit Transfer(Dialect dialect) : decoder(dialect) {}
    CURL* easy = nullptr;
    bool stream = true;
    std::string url{}, body{};
    BareDecoder decoder;
  };

  bool all_have_text() const {
    for (const auto& one : transfers_)
      if (one->decoder.pieces() == 0) return false;
    return true;
  }

  void ask(Transfer& t) {
    if (started_ == load_.requests) return;
    ++started_;
    t.stream = load_.stream;
    t.url = load_.origin() + endpoint(load_.dialect);
    t.body = bare_body(load_);
    curl_easy_reset(t.easy);
    curl_easy_setopt(t.easy, CURLOPT_URL, t.url.c_str());
    curl_easy_setopt(t.easy, CURLOPT_HTTPHEADER, headers_);
    curl_easy_setopt(t.easy, CURLOPT_POSTFIELDS, t.body.c_str());
    curl_easy_setopt(t.easy, CURLOPT_POSTFIELDSIZE, static_cast<long>(t.body.size()));
    curl_easy_setopt(t.easy, CURLOPT_WRITEFUNCTION, &CurlClient::on_bytes);
    curl_easy_setopt(t.easy, CURLOPT_WRITEDATA, &t);
    curl_easy_setopt(t.easy, CURLOPT_PRIVATE, &t);
    curl_easy_setopt(t.easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t.easy, CURLOPT_CAPATH, nullptr);
    if (!load_.ca_file.empty()) curl_easy_setopt(t.easy, CURLOPT_CAINFO, load_.ca_file.c_str());
    curl_multi_add_handle(multi_, t.easy);
  }

  void step() {
    int running = 0;
    if (due_ <= Clock::now()) {
      due_ = Clock::time_point::max();
      curl_multi_socket_action(multi_, CURL_SOCKET_TIMEOUT, 0, &running);
      return collect();
    }
    epoll_event events[256];
    const int n = epoll_wait(epoll_, events, 256, milliseconds_left());
    for (int i = 0; i < n; ++i) {
      const int what = ((events[i].events & EPOLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                       ((events[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                       ((events[i].events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0);
      curl_multi_socket_action(multi_, events[i].data.fd, what, &running);
    }
    collect();
  }
  void collect() {
    int left = 0;
    while (CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg == CURLMSG_DONE) done(message->easy_handle, message->data.result);
    }
  }
  void done(CURL* easy, CURLcode result) {
    long status = 0;
    Transfer* t = nullptr;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    if (result != CURLE_OK || status != 200)
      fail("bare curl: " + std::string(curl_easy_strerror(result)) + ", " + std::to_string(status));
    if (!t->stream) t->decoder.whole();
    found_.pieces += t->decoder.pieces();
    found_.bytes += t->decoder.bytes();
    t->decoder.clear();
    ++ended_;
    curl_multi_remove_handle(multi_, easy);
    ask(*t);
  }

  static std::size_t on_bytes(char* bytes, std::size_t, std::size_t size, void* to) {
    auto* t = static_cast<Transfer*>(to);
    t->stream ? t->decoder.feed(bytes, size) : t->decoder.add(bytes, size);
    return size;
  }
  int milliseconds_left() const {
    if (due_ == Clock::time_point::max()) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - Clock::now());
    return static_cast<int>(std::max<long>(left.count(), 0));
  }
  static int on_timer(CURLM*, long milliseconds, void* to) {
    static_cast<CurlClient*>(to)->due_ =
        milliseconds < 0 ? Clock::time_point::max()
                         : Clock::now() + std::chrono::milliseconds(milliseconds);
    return 0;
  }
  static int on_socket(CURL*, curl_socket_t fd, int what, void* to, void* known) {
    auto* self = static_cast<CurlClient*>(to);
    if (what == CURL_POLL_REMOVE) {
      epoll_ctl(self->epoll_, EPOLL_CTL_DEL, fd, nullptr);
      return 0;
    }
    epoll_event event{};
    event.events =
        ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0u) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0u);
    event.data.fd = fd;
    epoll_ctl(self->epoll_, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event);
    if (!known) curl_multi_assign(self->multi_, fd, self);
    return 0;
  }

  const Load load_;
  CURLM* multi_;
  int epoll_;
  Clock::time_point due_ = Clock::time_point::max();
  curl_slist* headers_ = nullptr;
  std::vector<std::unique_ptr<Transfer>> transfers_{};
  std::size_t started_ = 0;
  std::size_t ended_ = 0;
  Found found_{};
};

}  // namespace

Found run_raw(const Load& load) { return RawClient(load).run(); }
Found run_curl(const Load& load) { return CurlClient(load).run(false); }

struct CurlHolder::Impl {
  explicit Impl(const Load& load) : client(load) { client.run(true); }
  CurlClient client;
};
CurlHolder::CurlHolder(const Load& load) : impl_(std::make_unique<Impl>(load)) {}
CurlHolder::~CurlHolder() = default;

}  // namespace infer::bench
