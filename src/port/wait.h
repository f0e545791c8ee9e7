// The one place where a thread sleeps: until somebody calls wake(), or until a time.
// wake() may come from any thread; wait() from one thread at a time. What is POSIX only is in
// wait.cc.
#ifndef INFER_SRC_PORT_WAIT_H_
#define INFER_SRC_PORT_WAIT_H_

#include <chrono>

namespace infer::port {

class Wait {
 public:
  Wait();
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  // Ends the running or the next until(). Several calls count as one.
  void wake() noexcept;
  // Sleeps until wake() or `when`; may return early for no reason.
  void until(std::chrono::steady_clock::time_point when) noexcept;

 private:
  int read_fd_ = -1;
  int write_fd_ = -1;  // the same descriptor where there is an eventfd
};

}  // namespace infer::port

#endif  // INFER_SRC_PORT_WAIT_H_
