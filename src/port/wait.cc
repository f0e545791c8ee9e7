#include "src/port/wait.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#if defined(__linux__)
#include <sys/eventfd.h>
#endif

namespace infer::port {

// Without a descriptor (the process has none left) waits degrade to short sleeps, so that wake-ups
// arrive late but never get lost.
Wait::Wait() {
#if defined(__linux__)
  read_fd_ = write_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
#else
  int ends[2];
  if (pipe(ends) != 0) return;
  for (int fd : ends) {
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    fcntl(fd, F_SETFL, O_NONBLOCK);
  }
  read_fd_ = ends[0];
  write_fd_ = ends[1];
#endif
}

Wait::~Wait() {
  if (read_fd_ >= 0) close(read_fd_);
  if (write_fd_ >= 0 && write_fd_ != read_fd_) close(write_fd_);
}

void Wait::wake() noexcept {
  const std::uint64_t one = 1;
  if (write_fd_ >= 0) [[maybe_unused]]
    const auto n = write(write_fd_, &one, sizeof one);
}

void Wait::until(std::chrono::steady_clock::time_point when) noexcept {
  using namespace std::chrono;
  constexpr nanoseconds kNoDescriptorNap = milliseconds(1);
  constexpr nanoseconds kLongest = hours(1);  // longer waits wake up in between: harmless
  const auto now = steady_clock::now();
  nanoseconds left(0);  // no difference of times that may be far apart: it could overflow
  if (when > now) left = when - now < kLongest ? nanoseconds(when - now) : kLongest;
  if (read_fd_ < 0) left = std::min(left, kNoDescriptorNap);
  const timespec time{static_cast<time_t>(left.count() / 1000000000),
                      static_cast<long>(left.count() % 1000000000)};
  pollfd fd{read_fd_, POLLIN, 0};  // a negative descriptor is skipped: poll then just sleeps
  if (ppoll(&fd, 1, &time, nullptr) > 0) {
    char drain[64];
    while (read(read_fd_, drain, sizeof drain) == sizeof drain) {
    }
  }
}

}  // namespace infer::port
