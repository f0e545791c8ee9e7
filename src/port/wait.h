// The one place where a thread sleeps: until somebody calls wake(), until a watched descriptor is
// ready, or until a time. wake() may come from any thread; until() and watch() from one thread at a
// time, forget() from any where there is epoll. What is POSIX only is in wait.cc.
#ifndef INFER_SRC_PORT_WAIT_H_
#define INFER_SRC_PORT_WAIT_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>

namespace infer::port {

// A descriptor that can be read or written without waiting. An error or a hang-up counts as both:
// whoever tries learns of it.
struct Ready {
  int fd = -1;
  bool readable = false;
  bool writable = false;
};

class Wait {
 public:
  Wait();
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  // Ends the running or the next until(). Several calls count as one.
  void wake() noexcept;
  // Sleeps until wake(), a ready descriptor or `when`; may return early for no reason. The ready
  // descriptors, until the next call; those that found no room come next time.
  std::span<const Ready> until(std::chrono::steady_clock::time_point when) noexcept;

  // Before the first watch(). False when the system has no descriptor left.
  bool prepare() noexcept;
  // From now on until() tells when `fd` is ready for these. `known`: it is watched already. False
  // when the system has no room for it.
  bool watch(int fd, bool readable, bool writable, bool known) noexcept;
  void forget(int fd) noexcept;

 private:
  struct Watched;  // made for the first watched descriptor: most pollers never have one

  void drain() noexcept;

  int read_fd_ = -1;
  int write_fd_ = -1;  // the same descriptor where there is an eventfd
  std::unique_ptr<Watched> watched_;
};

}  // namespace infer::port

#endif  // INFER_SRC_PORT_WAIT_H_
