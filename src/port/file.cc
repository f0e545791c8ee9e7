#include "src/port/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace infer::port {

File::~File() {
  if (fd_ >= 0) close(fd_);
}

Result<File> File::open(const std::string& path) {
  File file;
  file.fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (file.fd_ >= 0) return file;
  const int why = errno;
  const Errc code = why == ENOENT || why == ENOTDIR ? Errc::kNotFound
                    : why == EACCES || why == EPERM ? Errc::kForbidden
                                                    : Errc::kIo;
  return Error(code, path + ": " + std::strerror(why));
}

std::int64_t File::size() const noexcept {
  struct stat st{};
  return fstat(fd_, &st) == 0 ? static_cast<std::int64_t>(st.st_size) : -1;
}

bool File::is_regular() const noexcept {
  struct stat st{};
  return fstat(fd_, &st) == 0 && S_ISREG(st.st_mode);
}

std::size_t File::read_at(std::int64_t offset, void* to, std::size_t n) const noexcept {
  std::size_t got = 0;
  while (got < n) {
    const ssize_t r = pread(fd_, static_cast<char*>(to) + got, n - got,
                            static_cast<off_t>(offset + static_cast<std::int64_t>(got)));
    if (r < 0 && errno == EINTR) continue;
    if (r <= 0) break;
    got += static_cast<std::size_t>(r);
  }
  return got;
}

}  // namespace infer::port
