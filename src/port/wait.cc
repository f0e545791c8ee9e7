#include "src/port/wait.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <new>
#include <vector>
#if defined(__linux__)
#include <sys/epoll.h>
#include <sys/eventfd.h>
#endif

namespace infer::port {

namespace {
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

// How long to sleep. No difference of times that may be far apart is made: it could overflow.
// Longer sleeps than an hour wake up in between, which is harmless.
nanoseconds sleep_time(steady_clock::time_point when) noexcept {
  constexpr nanoseconds kLongest = std::chrono::hours(1);
  if (when == steady_clock::time_point::max()) return kLongest;
  if (when == steady_clock::time_point::min()) return nanoseconds(0);
  const auto now = steady_clock::now();
  if (when <= now) return nanoseconds(0);
  return when - now < kLongest ? nanoseconds(when - now) : kLongest;
}
}  // namespace

#if defined(__linux__)

struct Wait::Watched {
  static constexpr int kMost = 64;  // events taken at once
  int epoll = -1;
  epoll_event events[kMost];
  Ready ready[kMost];

  ~Watched() {
    if (epoll >= 0) close(epoll);
  }
  bool control(int op, int fd, bool readable, bool writable) noexcept {
    epoll_event event{};
    event.events =
        (readable ? std::uint32_t{EPOLLIN} : 0u) | (writable ? std::uint32_t{EPOLLOUT} : 0u);
    event.data.fd = fd;
    return epoll_ctl(epoll, op, fd, &event) == 0;
  }
  std::span<const Ready> until(nanoseconds left, int own, bool& woken) noexcept {
    // Rounded up: a timer that is looked at too early would make the wait spin.
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    const int n = epoll_wait(epoll, events, kMost, static_cast<int>(ms));
    std::size_t found = 0;
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[i];
      if (event.data.fd == own) {
        woken = true;
        continue;
      }
      const bool broken = (event.events & (EPOLLERR | EPOLLHUP)) != 0;
      ready[found++] = {event.data.fd, broken || (event.events & EPOLLIN) != 0,
                        broken || (event.events & EPOLLOUT) != 0};
    }
    return {ready, found};
  }
};

bool Wait::prepare() noexcept {
  if (watched_) return true;
  std::unique_ptr<Watched> made(new (std::nothrow) Watched);
  if (!made) return false;
  made->epoll = epoll_create1(EPOLL_CLOEXEC);
  if (made->epoll < 0 || !made->control(EPOLL_CTL_ADD, read_fd_, true, false)) return false;
  watched_ = std::move(made);
  return true;
}

bool Wait::watch(int fd, bool readable, bool writable, bool known) noexcept {
  if (!watched_) return false;
  const int first = known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
  if (watched_->control(first, fd, readable, writable)) return true;
  // A descriptor that was closed and opened again between two calls is not what it was.
  if (errno != EEXIST && errno != ENOENT) return false;
  return watched_->control(known ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd, readable, writable);
}

void Wait::forget(int fd) noexcept {
  if (watched_) watched_->control(EPOLL_CTL_DEL, fd, false, false);
}

#else

struct Wait::Watched {
  std::vector<pollfd> fds;  // one more has room: the descriptor of wake()
  std::vector<Ready> ready;

  std::span<const Ready> until(nanoseconds left, int own, bool& woken) noexcept {
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    fds.push_back({own, POLLIN, 0});
    const int n = poll(fds.data(), static_cast<nfds_t>(fds.size()), static_cast<int>(ms));
    woken = n > 0 && fds.back().revents != 0;
    fds.pop_back();
    ready.clear();
    for (const pollfd& p : fds) {
      if (n <= 0 || p.revents == 0) continue;
      const bool broken = (p.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0;
      ready.push_back(
          {p.fd, broken || (p.revents & POLLIN) != 0, broken || (p.revents & POLLOUT) != 0});
    }
    return ready;
  }
};

bool Wait::prepare() noexcept {
  if (!watched_) watched_.reset(new (std::nothrow) Watched);
  return watched_ != nullptr;
}

bool Wait::watch(int fd, bool readable, bool writable, bool) noexcept {
  if (!watched_) return false;
  try {
    forget(fd);
    const int events = (readable ? POLLIN : 0) | (writable ? POLLOUT : 0);
    watched_->fds.push_back({fd, static_cast<short>(events), 0});
    watched_->fds.reserve(watched_->fds.size() + 1);
    watched_->ready.reserve(watched_->fds.size());
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

void Wait::forget(int fd) noexcept {
  if (!watched_) return;
  auto& fds = watched_->fds;
  fds.erase(std::remove_if(fds.begin(), fds.end(), [fd](const pollfd& p) { return p.fd == fd; }),
            fds.end());
}

#endif

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

void Wait::drain() noexcept {
  char bytes[64];
  while (read(read_fd_, bytes, sizeof bytes) == sizeof bytes) {
  }
}

std::span<const Ready> Wait::until(steady_clock::time_point when) noexcept {
  nanoseconds left = sleep_time(when);
  if (watched_) {
    bool woken = false;
    const std::span<const Ready> ready = watched_->until(left, read_fd_, woken);
    if (woken) drain();
    return ready;
  }
  constexpr nanoseconds kNoDescriptorNap = std::chrono::milliseconds(1);
  if (read_fd_ < 0) left = std::min(left, kNoDescriptorNap);
  const timespec time{static_cast<time_t>(left.count() / 1000000000),
                      static_cast<long>(left.count() % 1000000000)};
  pollfd fd{read_fd_, POLLIN, 0};  // a negative descriptor is skipped: poll then just sleeps
  if (ppoll(&fd, 1, &time, nullptr) > 0) drain();
  return {};
}

}  // namespace infer::port
