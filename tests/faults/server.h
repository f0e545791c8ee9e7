// For tests: programs that serve on a port of their own for as long as an object lives, and the
// fault server among them (fault_server.py says what it can do).
#ifndef INFER_TESTS_FAULTS_SERVER_H_
#define INFER_TESTS_FAULTS_SERVER_H_

#include <sys/types.h>

#include <iosfwd>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "infer/cloud.h"

namespace infer::faults {

// A program that runs for as long as this object lives. Thread rule: one thread.
class Program {
 public:
  explicit Program(const std::vector<std::string>& command);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  // The next line of what it prints, without its end; empty once it has ended.
  std::string read_line();

 private:
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
  std::string unread_{};
};

// The body of the answer to GET `path` at a port of this machine; empty where there is none.
std::string fetch(int port, std::string_view path);

// A text wire, as a program asks for it.
struct Spoken {
  std::string name{};  // of the tests
  std::string scheme{};
  TextApi text_api = TextApi::kChat;  // OpenAI has two
  std::string path = "/v1";           // of a base URL

  // "groq:MODEL".
  std::string id(std::string_view model) const { return scheme + ":" + std::string(model); }
};
std::ostream& operator<<(std::ostream& out, const Spoken& wire);

inline const Spoken kOpenAiChat{.name = "openai", .scheme = "openai"};
inline const Spoken kOpenAiResponses{
    .name = "responses", .scheme = "openai", .text_api = TextApi::kResponses};
inline const Spoken kGroq{.name = "groq", .scheme = "groq", .path = "/openai/v1"};
inline const Spoken kModal{.name = "modal", .scheme = "modal"};
inline const Spoken kAnthropic{.name = "anthropic", .scheme = "anthropic"};

// What the server counted since its last reset.
struct Stats {
  struct Request {
    double time = 0;  // seconds of CLOCK_MONOTONIC
    std::string method{};
    std::string target{};
    std::map<std::string, std::string> headers{};  // names in lower case
  };
  int connections = 0;
  int handshakes = 0;
  int other = 0;                 // requests at the other origin
  int proxied = 0;               // requests that were sent as to a proxy
  std::vector<double> closed{};  // when clients closed what waited for that
  std::map<std::string, double> facts{};
  std::vector<Request> requests{};
  int count() const { return static_cast<int>(requests.size()); }
};

class FaultServer {
 public:
  // With TLS too, where both files are named.
  explicit FaultServer(const std::string& certificate = {}, const std::string& key = {});

  // "http://127.0.0.1:PORT/FAULT/v1".
  std::string base(std::string_view fault) const;
  std::string tls_base(std::string_view fault, std::string_view host = "127.0.0.1") const;
  int port() const { return port_; }
  // A model behind that fault: a key (Modal: its proxy's token too), no HTTP proxy.
  ApiConfig config(std::string_view fault, const Spoken& wire = kOpenAiChat) const;

  void reset() const;
  Stats stats() const;

 private:
  Program program_;
  int port_ = 0;
  int other_ = 0;
  int tls_ = 0;
};

}  // namespace infer::faults

#endif  // INFER_TESTS_FAULTS_SERVER_H_
