#include "tests/faults/server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ostream>
#include <sstream>

namespace infer::faults {

std::ostream& operator<<(std::ostream& out, const Spoken& wire) { return out << wire.name; }

namespace {

std::vector<std::string> server_command(const std::string& certificate, const std::string& key) {
  std::vector<std::string> command = {INFER_PYTHON,
                                      INFER_SOURCE_DIR "/tests/faults/fault_server.py"};
  if (!certificate.empty()) command.insert(command.end(), {certificate, key});
  return command;
}

void take_line(const std::string& line, Stats& stats) {
  std::istringstream words(line);
  std::string kind;
  words >> kind;
  if (kind == "request") {
    stats.requests.emplace_back();
    words >> stats.requests.back().time >> stats.requests.back().method >>
        stats.requests.back().target;
  } else if (kind == "header") {
    std::string name;
    words >> name;
    if (!stats.requests.empty())
      std::getline(words >> std::ws, stats.requests.back().headers[name]);
  } else if (kind == "closed") {
    words >> stats.closed.emplace_back();
  } else if (kind == "connections") {
    words >> stats.connections;
    --stats.connections;  // the one that asks
  } else if (kind == "handshakes") {
    words >> stats.handshakes;
  } else if (kind == "other") {
    words >> stats.other;
  } else if (kind == "proxied") {
    words >> stats.proxied;
  } else {
    words >> stats.facts[kind];
  }
}

}  // namespace

Program::Program(const std::vector<std::string>& command) {
  std::vector<char*> words;
  for (const std::string& word : command) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  int in[2], out[2];
  if (pipe2(in, O_CLOEXEC) != 0) return;
  if (pipe2(out, O_CLOEXEC) != 0) {
    close(in[0]);
    close(in[1]);
    return;
  }
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);  // it does not outlive a test that crashes
    dup2(in[0], STDIN_FILENO);
    dup2(out[1], STDOUT_FILENO);
    execvp(words[0], words.data());
    _exit(127);
  }
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

Program::~Program() {
  if (input_ >= 0) close(input_);
  if (output_ >= 0) close(output_);
  if (pid_ <= 0) return;
  kill(pid_, SIGTERM);
  for (int i = 0; i < 500; ++i) {
    if (waitpid(pid_, nullptr, WNOHANG) != 0) return;
    usleep(10000);
  }
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string Program::read_line() {
  for (;;) {
    const auto end = unread_.find('\n');
    if (end != std::string::npos) {
      std::string line = unread_.substr(0, end);
      unread_.erase(0, end + 1);
      return line;
    }
    char bytes[4096];
    const ssize_t n = read(output_, bytes, sizeof bytes);
    if (n <= 0) return {};
    unread_.append(bytes, static_cast<std::size_t>(n));
  }
}

std::string fetch(int port, std::string_view path) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) {
    const std::string request =
        "GET " + std::string(path) + " HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n";
    if (send(fd, request.data(), request.size(), MSG_NOSIGNAL) > 0) {
      char bytes[65536];
      for (ssize_t n; (n = recv(fd, bytes, sizeof bytes, 0)) > 0;)
        answer.append(bytes, static_cast<std::size_t>(n));
    }
  }
  close(fd);
  const auto body = answer.find("\r\n\r\n");
  return body == std::string::npos ? std::string() : answer.substr(body + 4);
}

FaultServer::FaultServer(const std::string& certificate, const std::string& key)
    : program_(server_command(certificate, key)) {
  std::istringstream words(program_.read_line());
  std::string name;
  for (int number; words >> name >> number;)
    (name == "port" ? port_ : name == "other" ? other_ : tls_) = number;
}

std::string FaultServer::base(std::string_view fault) const {
  return "http://127.0.0.1:" + std::to_string(port_) + "/" + std::string(fault) + "/v1";
}

std::string FaultServer::tls_base(std::string_view fault, std::string_view host) const {
  return "https://" + std::string(host) + ":" + std::to_string(tls_) + "/" + std::string(fault) +
         "/v1";
}

ApiConfig FaultServer::config(std::string_view fault, const Spoken& wire) const {
  ApiConfig config;
  config.key = "sk-of-the-tests";
  config.base_url =
      "http://127.0.0.1:" + std::to_string(port_) + "/" + std::string(fault) + wire.path;
  config.text_api = wire.text_api;
  if (wire.scheme == kModal.scheme) {
    config.modal_key = "wk-of-the-tests";
    config.modal_secret = "ws-of-the-tests";
  }
  config.proxy = "none";
  return config;
}

void FaultServer::reset() const { fetch(port_, "/_reset"); }

Stats FaultServer::stats() const {
  Stats stats;
  std::istringstream lines(fetch(port_, "/_stats"));
  for (std::string line; std::getline(lines, line);) take_line(line, stats);
  return stats;
}

}  // namespace infer::faults
