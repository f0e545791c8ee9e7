#include "src/port/append.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>

namespace infer::port {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

// A write beyond the process's file size limit sends a signal that ends it. Here that is an error
// like any other: the signal is held off, and taken away before it is let in again.
class NoSizeSignal {
 public:
  NoSizeSignal() {
    sigemptyset(&signal_);
    sigaddset(&signal_, SIGXFSZ);
    pthread_sigmask(SIG_BLOCK, &signal_, &before_);
  }
  ~NoSizeSignal() {
    const int why = errno;
    if (sigismember(&before_, SIGXFSZ) == 0) {
      const timespec at_once{};
      while (sigtimedwait(&signal_, nullptr, &at_once) < 0 && errno == EINTR) {
      }
      pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }
    errno = why;
  }
  NoSizeSignal(const NoSizeSignal&) = delete;
  NoSizeSignal& operator=(const NoSizeSignal&) = delete;

 private:
  sigset_t signal_, before_;
};

bool write_all(int fd, std::string_view bytes) {
  const NoSizeSignal guard;
  while (!bytes.empty()) {
    const ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

bool ends_a_line(int fd, off_t size) {
  char last = '\n';
  return pread(fd, &last, 1, size - 1) != 1 || last == '\n';
}

Error failed(const std::string& path, const char* why) {
  return Error(Errc::kIo, path + ": cannot be appended to: " + why);
}

}  // namespace

Result<void> append(const std::string& path, std::string_view head, std::string_view lines) {
  // O_NONBLOCK: a pipe without a reader is refused below, not waited for here.
  const Descriptor file{
      open(path.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0666)};
  struct stat st{};
  if (file.fd < 0 || fstat(file.fd, &st) != 0) return failed(path, std::strerror(errno));
  if (!S_ISREG(st.st_mode) && !S_ISCHR(st.st_mode)) return failed(path, "it is not a regular file");
  // The lock goes with the descriptor, and excludes threads too, for each has a descriptor of its
  // own. A file system without locks still appends whole writes.
  while (flock(file.fd, LOCK_EX) != 0 && errno == EINTR) {
  }
  if (fstat(file.fd, &st) != 0) return failed(path, std::strerror(errno));
  std::string bytes;
  if (st.st_size == 0)
    bytes = head;
  else if (!lines.empty() && !ends_a_line(file.fd, st.st_size))
    bytes = "\n";
  bytes += lines;
  if (write_all(file.fd, bytes)) return {};
  const int why = errno;
  if (S_ISREG(st.st_mode) && ftruncate(file.fd, st.st_size) != 0)
    return failed(path, (std::string(std::strerror(why)) + "; a part of it was written").c_str());
  return failed(path, std::strerror(why));
}

}  // namespace infer::port
