// What the readers of bench client have in common: what is asked of them, what they found.
#ifndef INFER_BENCH_CLIENT_LOAD_H_
#define INFER_BENCH_CLIENT_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "bench/client_corpus.h"

namespace infer::bench {

// The prompt of every request.
inline constexpr const char* kQuestion = "What is the capital of Denmark? Answer in one sentence.";
inline constexpr const char* kModel = "gpt-5-nano";

struct Load {
  Dialect dialect = Dialect::kOpenAi;
  int port = 0;
  bool tls = false;
  std::string ca_file{};
  std::string path{};  // the server's mode: "burst/500"
  bool stream = true;
  std::size_t requests = 1;  // in all
  std::size_t together = 1;  // at most this many at a time
  // From the beginning of the first to the end of the last; CPU time of the whole process.
  std::string origin() const {
    return (tls ? "https://localhost:" : "http://127.0.0.1:") + std::to_string(port) + "/" + path;
  }
};

struct Found {
  double cpu_seconds = 0;
  std::size_t pieces = 0;  // of text
  std::size_t bytes = 0;   // of text
};

// User and system time of this process so far, seconds.
double cpu_seconds();
// Resident memory of this process, KiB.
double resident_kib();

[[noreturn]] void fail(const std::string& what);

}  // namespace infer::bench

#endif  // INFER_BENCH_CLIENT_LOAD_H_
