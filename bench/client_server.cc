// The server of bench client: one thread, epoll, answers made beforehand, in a process of its own
// so that its time is not the clients'. What to do stands in the path:
//
//   POST /burst/TOKENS/...      a stream as fast as it is taken
//   POST /paced/TOKENS/RATE/... RATE tokens a second, one write each, the first after a part of
//                               the period that differs from stream to stream
//   POST /idle/ID/...           the beginning of a stream and one token, then silence
//   POST /whole/...             an answer in one piece
//   POST /close/...             the same, and the connection is closed
//   GET /stats                  "CONNECTIONS HANDSHAKES REQUESTS"
//   GET /closed                 of each idle stream that ended: "ID NANOSECONDS" (steady clock)
//
// What follows is a provider's own path; ".../messages" means Anthropic. It prints the ports
// without and with TLS, and ends when its standard input does. Usage: bench_client_server CERT KEY
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bench/client_corpus.h"

namespace infer::bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::string chunk(std::string_view data) {
  char size[24];
  std::snprintf(size, sizeof size, "%zx\r\n", data.size());
  return size + std::string(data) + "\r\n";
}

// As many headers as the providers send.
std::string head(std::string_view type, std::string_view framing) {
  return "HTTP/1.1 200 OK\r\nDate: Thu, 26 Nov 2026 12:00:00 GMT\r\nContent-Type: " +
         std::string(type) +
         "\r\nx-request-id: req_5f3c0e1a27b94d2c8e6f\r\nopenai-processing-ms: 212\r\n"
         "openai-version: 2020-10-01\r\nx-ratelimit-limit-requests: 10000\r\n"
         "x-ratelimit-remaining-requests: 9999\r\nx-ratelimit-limit-tokens: 2000000\r\n"
         "x-ratelimit-remaining-tokens: 1999981\r\nx-ratelimit-reset-requests: 6ms\r\n"
         "strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"
         "cache-control: no-cache\r\nserver: bench\r\n" +
         std::string(framing) + "\r\n\r\n";
}

// A streamed answer, ready to be sent: the head with the provider's frame, the tokens, the end.
struct Script {
  std::vector<std::string> writes{};  // one each where it is paced
  std::string all{};                  // the same in one piece
};

class Scripts {
 public:
  const Script& get(Dialect dialect, std::size_t tokens) {
    Script& script = made_[{dialect, tokens}];
    if (script.writes.empty()) make(dialect, tokens, script);
    return script;
  }

 private:
  static void make(Dialect dialect, std::size_t tokens, Script& script) {
    const auto events = stream_events(dialect, tokens, Variety::kReal, 7);
    const std::size_t before = dialect == Dialect::kOpenAi ? 1 : 3;
    std::string open = head("text/event-stream; charset=utf-8", "transfer-encoding: chunked");
    for (std::size_t i = 0; i < before; ++i) open += chunk(events[i]);
    script.writes.push_back(std::move(open));
    for (std::size_t i = 0; i < tokens; ++i) script.writes.push_back(chunk(events[before + i]));
    std::string end;
    for (std::size_t i = before + tokens; i < events.size(); ++i) end += chunk(events[i]);
    script.writes.push_back(end + "0\r\n\r\n");
    for (const std::string& piece : script.writes) script.all += piece;
  }
  std::map<std::pair<Dialect, std::size_t>, Script> made_{};
};

struct Connection {
  int fd = -1;
  SSL* ssl = nullptr;
  bool shaken = true;  // hands
  bool close_after = false;
  std::string in{};
  std::string own{};       // an answer that is no script's
  std::string_view out{};  // what is still to be sent
  std::string idle_id{};   // set: this stream stays silent until it is closed
  const Script* paced = nullptr;
  std::size_t next_write = 0;
  Clock::duration period{};
  Clock::time_point due{};
};

class Server {
 public:
  Server(const char* certificate, const char* key) {
    context_ = SSL_CTX_new(TLS_server_method());
    if (!context_ || SSL_CTX_use_certificate_file(context_, certificate, SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(context_, key, SSL_FILETYPE_PEM) != 1) {
      ERR_print_errors_fp(stderr);
      std::exit(1);
    }
    // Every handshake is a full one: that is what a new connection costs.
    SSL_CTX_set_options(context_, SSL_OP_NO_TICKET);
    SSL_CTX_set_num_tickets(context_, 0);
    SSL_CTX_set_session_cache_mode(context_, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(context_, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    epoll_ = epoll_create1(EPOLL_CLOEXEC);
    timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    watch(timer_, EPOLLIN);
    watch(STDIN_FILENO, EPOLLIN);
    for (int& fd : listeners_) {
      fd = listen_on_loopback();
      watch(fd, EPOLLIN);
    }
    std::printf("%d %d\n", port(listeners_[0]), port(listeners_[1]));
    std::fflush(stdout);
  }

  void run() {
    epoll_event events[256];
    for (;;) {
      const int n = epoll_wait(epoll_, events, 256, -1);
      if (n < 0 && errno != EINTR) die("epoll_wait");
      for (int i = 0; i < n; ++i) {
        const int fd = events[i].data.fd;
        if (fd == STDIN_FILENO) return;
        if (fd == timer_)
          tick();
        else if (fd == listeners_[0] || fd == listeners_[1])
          accept_all(fd);
        else if (connections_[static_cast<std::size_t>(fd)])
          serve(*connections_[static_cast<std::size_t>(fd)], events[i].events);
      }
      arm();
    }
  }

 private:
  struct Due {
    Clock::time_point when{};
    int fd = -1;
    bool operator<(const Due& other) const { return when > other.when; }
  };

  static int listen_on_loopback() {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        listen(fd, 4096) != 0)
      die("listen");
    return fd;
  }
  static int port(int fd) {
    sockaddr_in address{};
    socklen_t size = sizeof address;
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.sin_port);
  }
  void watch(int fd, unsigned what) {
    epoll_event event{};
    event.events = what;
    event.data.fd = fd;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  void accept_all(int listener) {
    for (;;) {
      const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
      if (fd < 0) return;
      const int yes = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
      const auto at = static_cast<std::size_t>(fd);
      if (connections_.size() <= at) connections_.resize(at + 1);
      connections_[at] = std::make_unique<Connection>();
      Connection& c = *connections_[at];
      c.fd = fd;
      ++accepted_;
      if (listener == listeners_[1]) {
        c.ssl = SSL_new(context_);
        SSL_set_fd(c.ssl, fd);
        SSL_set_accept_state(c.ssl);
        c.shaken = false;
      }
      watch(fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
    }
  }
  void drop(Connection& c) {
    if (!c.idle_id.empty()) {
      closed_ += c.idle_id + " " +
                 std::to_string(Clock::now().time_since_epoch() / std::chrono::nanoseconds(1)) +
                 "\n";
    }
    if (c.ssl) SSL_free(c.ssl);
    close(c.fd);
    connections_[static_cast<std::size_t>(c.fd)].reset();
  }

  // False: the connection is gone.
  bool serve(Connection& c, unsigned what) {
    if (!c.shaken) {
      const int rc = SSL_accept(c.ssl);
      if (rc != 1) {
        const int why = SSL_get_error(c.ssl, rc);
        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return true;
        ERR_clear_error();
        drop(c);
        return false;
      }
      c.shaken = true;
      ++handshakes_;
    }
    if ((what & (EPOLLHUP | EPOLLERR)) != 0) {
      drop(c);
      return false;
    }
    return read_all(c) && send(c) && requests(c);
  }

  bool read_all(Connection& c) {
    char buffer[16384];
    for (;;) {
      const long n =
          c.ssl ? SSL_read(c.ssl, buffer, sizeof buffer) : read(c.fd, buffer, sizeof buffer);
      if (n > 0) {
        c.in.append(buffer, static_cast<std::size_t>(n));
        continue;
      }
      const bool again = c.ssl ? SSL_get_error(c.ssl, static_cast<int>(n)) == SSL_ERROR_WANT_READ
                               : n < 0 && errno == EAGAIN;
      if (again) return true;
      ERR_clear_error();
      drop(c);
      return false;
    }
  }

  // Sends as much as is taken; the edge of EPOLLOUT tells of the rest.
  bool send(Connection& c) {
    while (!c.out.empty()) {
      const long n = c.ssl ? SSL_write(c.ssl, c.out.data(), static_cast<int>(c.out.size()))
                           : ::send(c.fd, c.out.data(), c.out.size(), MSG_NOSIGNAL);
      if (n > 0) {
        c.out.remove_prefix(static_cast<std::size_t>(n));
        continue;
      }
      const bool again = c.ssl ? SSL_get_error(c.ssl, static_cast<int>(n)) == SSL_ERROR_WANT_WRITE
                               : errno == EAGAIN;
      if (again) return true;
      ERR_clear_error();
      drop(c);
      return false;
    }
    if (c.close_after) {
      if (c.ssl) SSL_shutdown(c.ssl);
      drop(c);
      return false;
    }
    return true;
  }

  bool requests(Connection& c) {
    while (c.out.empty() && !c.paced && c.idle_id.empty()) {
      const std::size_t end = c.in.find("\r\n\r\n");
      if (end == std::string::npos) return true;
      const std::size_t total = end + 4 + body_size(std::string_view(c.in).substr(0, end));
      if (c.in.size() < total) return true;
      const std::size_t from = c.in.find(' ') + 1;
      const std::string path = c.in.substr(from, c.in.find(' ', from) - from);
      c.in.erase(0, total);
      ++requests_;
      answer(c, path);
      if (!send(c)) return false;
    }
    return true;
  }

  static std::size_t body_size(std::string_view head) {
    static constexpr std::string_view kName = "\r\ncontent-length:";
    for (std::size_t at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at + 2)) {
      const std::string_view line = head.substr(at);
      if (line.size() > kName.size() && strncasecmp(line.data(), kName.data(), kName.size()) == 0)
        return std::strtoul(std::string(line.substr(kName.size(), 20)).c_str(), nullptr, 10);
    }
    return 0;
  }

  static std::size_t number(const std::vector<std::string>& words, std::size_t at) {
    return at < words.size() ? std::strtoul(words[at].c_str(), nullptr, 10) : 0;
  }

  void answer(Connection& c, const std::string& path) {
    std::vector<std::string> words;
    for (std::size_t at = 1; at <= path.size();) {
      const std::size_t end = std::min(path.find('/', at), path.size());
      words.push_back(path.substr(at, end - at));
      at = end + 1;
    }
    const std::string mode = words.empty() ? "" : words[0];
    const Dialect dialect = path.size() > 9 && path.compare(path.size() - 9, 9, "/messages") == 0
                                ? Dialect::kAnthropic
                                : Dialect::kOpenAi;
    if (mode == "burst") {
      c.out = scripts_.get(dialect, number(words, 1)).all;
    } else if (mode == "paced") {
      start_paced(c, scripts_.get(dialect, number(words, 1)), number(words, 2));
    } else if (mode == "idle" && words.size() > 1) {
      const Script& script = scripts_.get(dialect, 8);
      c.own = script.writes[0] + script.writes[1];
      c.idle_id = words[1];
      c.out = c.own;
    } else if (mode == "whole" || mode == "close") {
      c.close_after = mode == "close";
      whole(c, whole_answer(dialect), "application/json");
    } else if (mode == "stats") {
      whole(c,
            std::to_string(accepted_) + " " + std::to_string(handshakes_) + " " +
                std::to_string(requests_),
            "text/plain");
    } else if (mode == "closed") {
      whole(c, closed_, "text/plain");
    } else {
      c.own = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
      c.out = c.own;
    }
  }

  static void whole(Connection& c, const std::string& body, std::string_view type) {
    std::string framing = "content-length: " + std::to_string(body.size());
    if (c.close_after) framing += "\r\nconnection: close";
    c.own = head(type, framing) + body;
    c.out = c.own;
  }

  void start_paced(Connection& c, const Script& script, std::size_t rate) {
    c.paced = &script;
    c.next_write = 1;
    c.period = Clock::duration(std::chrono::seconds(1)) / static_cast<long>(rate == 0 ? 1 : rate);
    c.out = script.writes[0];
    // Multiples of the golden ratio: evenly spread for any number of streams.
    phase_ += 0.6180339887498949;
    phase_ -= static_cast<double>(static_cast<long>(phase_));
    c.due = Clock::now() + std::chrono::duration_cast<Clock::duration>(c.period * phase_);
    due_.push({c.due, c.fd});
  }

  void tick() {
    std::uint64_t count = 0;
    if (read(timer_, &count, sizeof count) < 0 && errno != EAGAIN) die("timer");
    const auto now = Clock::now();
    while (!due_.empty() && due_.top().when <= now) {
      const Due due = due_.top();
      due_.pop();
      Connection* c = connections_[static_cast<std::size_t>(due.fd)].get();
      if (!c || !c->paced || c->due != due.when) continue;
      if (c->out.empty()) c->out = c->paced->writes[c->next_write++];
      const bool last = c->next_write == c->paced->writes.size();
      if (last) c->paced = nullptr;
      if (!last) due_.push({c->due += c->period, c->fd});
      if (send(*c) && last) requests(*c);
    }
  }

  void arm() {
    itimerspec spec{};
    if (!due_.empty()) {
      const auto left = std::max(due_.top().when - Clock::now(), Clock::duration(1000));
      spec.it_value.tv_sec = left / std::chrono::seconds(1);
      spec.it_value.tv_nsec = static_cast<long>((left % std::chrono::seconds(1)).count());
    }
    timerfd_settime(timer_, 0, &spec, nullptr);
  }

  SSL_CTX* context_ = nullptr;
  int epoll_ = -1;
  int timer_ = -1;
  int listeners_[2] = {-1, -1};
  Scripts scripts_{};
  std::vector<std::unique_ptr<Connection>> connections_{};  // by descriptor
  std::priority_queue<Due> due_{};
  double phase_ = 0;
  std::size_t accepted_ = 0;
  std::size_t handshakes_ = 0;
  std::size_t requests_ = 0;
  std::string closed_{};
};

}  // namespace
}  // namespace infer::bench

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench_client_server CERTIFICATE KEY\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  infer::bench::Server(argv[1], argv[2]).run();
  return 0;
}
