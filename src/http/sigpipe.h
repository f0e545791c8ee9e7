// A write to a connection that the peer has closed raises SIGPIPE, which ends a program that does
// not expect it. Sockets are written with MSG_NOSIGNAL, but not every TLS library does so.
#ifndef INFER_SRC_HTTP_SIGPIPE_H_
#define INFER_SRC_HTTP_SIGPIPE_H_

#include <csignal>
#include <ctime>

namespace infer::http {

// SIGPIPE is held back from this thread while it lives, and one that came meanwhile is taken away.
class SigpipeGuard {
 public:
  explicit SigpipeGuard(bool wanted) noexcept : active_(wanted) {
    if (!active_) return;
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    // One that waits already is somebody else's.
    active_ =
        sigismember(&pending, SIGPIPE) == 0 && pthread_sigmask(SIG_BLOCK, &pipe_, &before_) == 0;
  }
  ~SigpipeGuard() {
    if (!active_) return;
    sigset_t pending;
    sigpending(&pending);
    if (sigismember(&pending, SIGPIPE) == 1) {
      int taken = 0;
      sigwait(&pipe_, &taken);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  SigpipeGuard(const SigpipeGuard&) = delete;
  SigpipeGuard& operator=(const SigpipeGuard&) = delete;

 private:
  bool active_;
  sigset_t pipe_;
  sigset_t before_;
};

}  // namespace infer::http

#endif  // INFER_SRC_HTTP_SIGPIPE_H_
