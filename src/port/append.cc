#include "src/port/append.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "src/port/write_all.h"

namespace infer::port {
namespace {

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) close(fd);
  }
};

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
  const int why = write_all(file.fd, bytes);
  if (why == 0) return {};
  if (S_ISREG(st.st_mode) && ftruncate(file.fd, st.st_size) != 0)
    return failed(path, (std::string(std::strerror(why)) + "; a part of it was written").c_str());
  return failed(path, std::strerror(why));
}

}  // namespace infer::port
