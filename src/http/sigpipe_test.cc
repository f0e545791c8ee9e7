#include "src/http/sigpipe.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

namespace infer::http {
namespace {

bool is_pending() {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, SIGPIPE) == 1;
}
bool is_blocked() {
  sigset_t now;
  pthread_sigmask(SIG_SETMASK, nullptr, &now);
  return sigismember(&now, SIGPIPE) == 1;
}
int write_to_nobody() {
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  close(ends[0]);
  const auto n = write(ends[1], "x", 1);
  const int why = errno;
  close(ends[1]);
  EXPECT_EQ(n, -1);
  return why;
}

// With the signal's default action, which would end this program.
TEST(SigpipeGuard, AWriteToNobodyIsAnErrorOnly) {
  {
    const SigpipeGuard guard(true);
    EXPECT_EQ(write_to_nobody(), EPIPE);
    EXPECT_TRUE(is_pending());
    {
      const SigpipeGuard inner(true);  // one waits already: not this one's
      EXPECT_EQ(write_to_nobody(), EPIPE);
    }
    EXPECT_TRUE(is_pending());
  }
  EXPECT_FALSE(is_pending());
  EXPECT_FALSE(is_blocked());
  const SigpipeGuard none(false);
  EXPECT_FALSE(is_blocked());
}

TEST(SigpipeGuard, LeavesOtherPeoplesSignalAndMask) {
  sigset_t pipe_only, before;
  sigemptyset(&pipe_only);
  sigaddset(&pipe_only, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe_only, &before);
  EXPECT_EQ(write_to_nobody(), EPIPE);
  {
    const SigpipeGuard guard(true);
    EXPECT_EQ(write_to_nobody(), EPIPE);
  }
  EXPECT_TRUE(is_pending());
  EXPECT_TRUE(is_blocked());
  int taken = 0;
  sigwait(&pipe_only, &taken);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

}  // namespace
}  // namespace infer::http
