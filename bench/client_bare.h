// The baselines of bench client: what a program without this library would do at its shortest.
// Text only: no types, no errors, no proof that an answer is whole.
#ifndef INFER_BENCH_CLIENT_BARE_H_
#define INFER_BENCH_CLIENT_BARE_H_

#include <simdjson.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "bench/client_load.h"

namespace infer::bench {

// Server-sent events cut at line ends, and simdjson On-Demand for the one field. The bytes that are
// fed are copied once, into a buffer with simdjson's padding behind it, and parsed there.
class BareDecoder {
 public:
  explicit BareDecoder(Dialect dialect) : dialect_(dialect) {}

  void feed(const char* bytes, std::size_t size);
  // An answer in one piece: its bytes, then its text.
  void add(const char* bytes, std::size_t size);
  void whole();
  void clear();

  std::size_t pieces() const { return pieces_; }
  std::size_t bytes() const { return bytes_; }
  // Of every piece, if it is set: to compare decoders, not while they are timed.
  std::string* keep = nullptr;

 private:
  void line(const char* begin, const char* end);
  void found(std::string_view text);

  Dialect dialect_;
  std::string buffer_{};
  std::size_t used_ = 0;
  std::size_t pieces_ = 0;
  std::size_t bytes_ = 0;
  simdjson::ondemand::parser parser_{};
};

// The request that both baselines send.
std::string bare_body(const Load& load);

// Sockets, epoll, HTTP/1.1 by hand: less than any program does. Plain HTTP only.
Found run_raw(const Load& load);

// libcurl's multi_socket_action and epoll; one handle and one BareDecoder for each of the requests
// that run together, CAPATH unset so that libcurl keeps its certificates. Every request is set up
// anew, as a program does whose requests differ.
Found run_curl(const Load& load);

// Opens the streams, waits for a piece of text of each, and holds them.
class CurlHolder {
 public:
  explicit CurlHolder(const Load& load);
  ~CurlHolder();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace infer::bench

#endif  // INFER_BENCH_CLIENT_BARE_H_
