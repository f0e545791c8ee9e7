// For tests: an HTTP/1.1 server in this process, on an ephemeral port of the loopback, plain or
// TLS. A thread for each connection, requests one after the other; a function answers them, byte by
// byte if it likes. It counts what it sees.
#ifndef INFER_SRC_HTTP_TESTING_TEST_SERVER_H_
#define INFER_SRC_HTTP_TESTING_TEST_SERVER_H_

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "src/http/transport.h"

namespace infer::http::test {

struct TestRequest {
  std::string method, target, body;
  std::vector<Header> headers;
  int number = 0;      // of the server's requests, from 1
  int connection = 0;  // on which connection, from 1

  std::string header(std::string_view name) const {
    for (const Header& h : headers)
      if (same_name(h.name, name)) return h.value;
    return {};
  }
};

class TestConnection {
 public:
  TestConnection(int fd, int its_number) : number(its_number), fd_(fd) {}
  ~TestConnection() { drop(); }
  TestConnection(const TestConnection&) = delete;
  TestConnection& operator=(const TestConnection&) = delete;

  const int number;

  // False when the client is gone.
  bool write(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ssl_ ? SSL_write(ssl_, bytes.data(), static_cast<int>(bytes.size()))
                          : send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }
  // A whole answer.
  bool answer(std::string_view body, std::string_view head = "200 OK",
              std::string_view headers = {}) {
    return write("HTTP/1.1 " + std::string(head) +
                 "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
                 std::string(headers) + "\r\n" + std::string(body));
  }
  // A body in pieces.
  bool begin_chunks(std::string_view headers = {}) {
    return write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + std::string(headers) +
                 "\r\n");
  }
  bool chunk(std::string_view bytes) {
    char size[32];
    snprintf(size, sizeof size, "%zx\r\n", bytes.size());
    return write(size + std::string(bytes) + "\r\n");
  }
  bool end_chunks() { return write("0\r\n\r\n"); }

  // The client learns of the end: an orderly one, or a reset.
  void close() {
    if (ssl_) SSL_shutdown(ssl_);
    shutdown(fd_, SHUT_RDWR);
    closed_ = true;
  }
  void reset() {
    const linger now{1, 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    const int null = ::open("/dev/null", 0);
    dup2(null, fd_);  // closes the socket, keeps the number
    ::close(null);
    closed_ = true;
  }
  // Waits until the client closes or resets, reading what it sends meanwhile.
  void wait_closed() {
    char bytes[4096];
    while (read(bytes, sizeof bytes) > 0) {
    }
    closed_ = left_ = true;
  }
  // Bytes from here to a server on this machine and back, until one side ends.
  void tunnel(int port) {
    const int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(port));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool open = connect(other, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
    while (open) {
      pollfd both[2] = {{fd_, POLLIN, 0}, {other, POLLIN, 0}};
      if (poll(both, 2, -1) <= 0) break;
      for (int i = 0; i < 2; ++i) {
        if (both[i].revents == 0) continue;
        char bytes[16384];
        const auto n = recv(both[i].fd, bytes, sizeof bytes, 0);
        open = n > 0 && send(both[1 - i].fd, bytes, static_cast<std::size_t>(n), MSG_NOSIGNAL) == n;
        if (!open) break;
      }
    }
    ::close(other);
    closed_ = true;
  }
  long read(char* to, std::size_t n) {
    return ssl_ ? SSL_read(ssl_, to, static_cast<int>(n)) : recv(fd_, to, n, 0);
  }
  bool closed() const { return closed_; }

 private:
  friend class TestServer;
  void drop() {
    if (ssl_) SSL_free(std::exchange(ssl_, nullptr));
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  int fd_;
  SSL* ssl_ = nullptr;
  bool closed_ = false;  // nothing more is served
  bool left_ = false;    // by the client
};

class TestServer {
 public:
  using Handler = std::function<void(TestConnection&, const TestRequest&)>;
  // Before anything is read of a new connection; it may reset() or close() it.
  using Accept = std::function<void(TestConnection&)>;

  explicit TestServer(Handler handler, SSL_CTX* tls = nullptr, Accept accepted = {})
      : handler_(std::move(handler)), accepted_(std::move(accepted)), tls_(tls) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&at), sizeof at);
    listen(listener_, 1024);
    socklen_t size = sizeof at;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port = ntohs(at.sin_port);
    thread_ = std::thread([this] { accept_all(); });
  }
  // Ends all connections. What a handler waits for has to come to an end by that, or before.
  ~TestServer() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      for (Running& one : running_) shutdown(one.connection.fd_, SHUT_RDWR);
    }
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    for (Running& one : running_) one.thread.join();
    ::close(listener_);
  }

  std::string url(std::string_view path = "/", std::string_view host = "localhost") const {
    return (tls_ ? "https://" : "http://") + std::string(host) + ":" + std::to_string(port) +
           std::string(path);
  }
  // Waits until that many connections were closed by the client.
  void wait_closed(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return closed_by_client >= n; });
  }
  // Waits until that many requests have come, whole.
  void wait_requests(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return requests >= n; });
  }

  int port = 0;
  std::atomic<int> connections{0}, handshakes{0}, resumed{0}, requests{0}, closed_by_client{0};

 private:
  struct Running {
    Running(int fd, int number) : connection(fd, number) {}
    TestConnection connection;
    std::thread thread;
  };

  void accept_all() {
    for (;;) {
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      const int one = 1;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      std::lock_guard lock(mutex_);
      if (stopping_) {
        ::close(fd);
        return;
      }
      running_.emplace_back(fd, ++connections);
      Running& made = running_.back();
      made.thread = std::thread([this, &made] { serve(made.connection); });
    }
  }

  void serve(TestConnection& connection) {
    sigset_t pipe;  // TLS writes with write(): nobody is to die of a client that went
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, nullptr);
    if (accepted_) accepted_(connection);
    if (!connection.closed() && (!tls_ || shake_hands(connection))) serve_requests(connection);
    if (!connection.closed_) {
      connection.left_ = true;
      connection.close();
    }
    note([&] {
      connection.drop();
      closed_by_client += connection.left_ ? 1 : 0;
    });
  }
  bool shake_hands(TestConnection& connection) {
    connection.ssl_ = SSL_new(tls_);
    SSL_set_fd(connection.ssl_, connection.fd_);
    if (SSL_accept(connection.ssl_) != 1) return false;
    note([&] {
      ++handshakes;
      if (SSL_session_reused(connection.ssl_)) ++resumed;
    });
    return true;
  }
  void serve_requests(TestConnection& connection) {
    std::string in;
    TestRequest request;
    while (!connection.closed() && read_request(connection, in, request)) {
      request.connection = connection.number;
      note([&] { request.number = ++requests; });
      handler_(connection, request);
    }
  }
  static bool more(TestConnection& connection, std::string& in) {
    char bytes[16384];
    const long n = connection.read(bytes, sizeof bytes);
    if (n <= 0) return false;
    in.append(bytes, static_cast<std::size_t>(n));
    return true;
  }
  static bool read_request(TestConnection& connection, std::string& in, TestRequest& request) {
    std::size_t end = 0;
    while ((end = in.find("\r\n\r\n")) == std::string::npos)
      if (!more(connection, in)) return false;
    request = {};
    std::size_t at = in.find("\r\n");
    const std::string first = in.substr(0, at);
    const std::size_t space = first.find(' '), last = first.rfind(' ');
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, last - space - 1);
    while (at < end) {
      const std::size_t from = at + 2;
      at = in.find("\r\n", from);
      const std::string line = in.substr(from, at - from);
      const std::size_t colon = line.find(':');
      const std::size_t value = line.find_first_not_of(' ', colon + 1);
      request.headers.push_back(
          {line.substr(0, colon), value == std::string::npos ? "" : line.substr(value)});
    }
    const std::string length = request.header("content-length");
    const std::size_t need = end + 4 + (length.empty() ? 0 : std::stoul(length));
    while (in.size() < need)
      if (!more(connection, in)) return false;
    request.body = in.substr(end + 4, need - end - 4);
    in.erase(0, need);
    return true;
  }
  template <class F>
  void note(F change) {
    {
      std::lock_guard lock(mutex_);
      change();
    }
    changed_.notify_all();
  }

  Handler handler_;
  Accept accepted_;
  SSL_CTX* tls_;
  int listener_ = -1;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::list<Running> running_;
};

}  // namespace infer::http::test

#endif  // INFER_SRC_HTTP_TESTING_TEST_SERVER_H_
