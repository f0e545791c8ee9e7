// The server of bench client as a child process, and what it needs and tells.
#ifndef INFER_BENCH_CLIENT_SITE_H_
#define INFER_BENCH_CLIENT_SITE_H_

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "bench/client_load.h"
#include "src/port/temp_dir.h"

namespace infer::bench {

class Site {
 public:
  // `program`: where bench_client_server is.
  explicit Site(const std::string& program);
  ~Site();
  Site(const Site&) = delete;
  Site& operator=(const Site&) = delete;

  // A load on this server; `path` is the server's mode.
  Load load(Dialect dialect, const std::string& path, bool tls = false) const;

  struct Stats {
    std::size_t connections = 0;
    std::size_t handshakes = 0;
    std::size_t requests = 0;
  };
  Stats stats() const;
  // When the idle streams were closed: lines "ID NANOSECONDS" of the steady clock.
  std::string closed() const;
  int port() const { return port_; }
  // The system's certificates and that of this server: what a client's store looks like.
  const std::string& ca_file() const { return ca_file_; }

 private:
  std::string get(const std::string& path) const;

  port::TempDir dir_{};
  std::string ca_file_{};
  pid_t child_ = -1;
  int to_child_ = -1;
  int port_ = 0;
  int tls_port_ = 0;
};

}  // namespace infer::bench

#endif  // INFER_BENCH_CLIENT_SITE_H_
