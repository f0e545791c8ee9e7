#include "apps/infer/write_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "apps/infer/output.h"

namespace infer::cli {
namespace {

// 0, or the errno of what failed.
int write_all(const std::string& path, int flags, mode_t mode, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | flags, mode);
  if (fd < 0) return errno;
  Output file(fd);
  file.write(text);
  int failed = file.failure();
  if (::close(fd) != 0 && failed == 0) failed = errno;
  return failed;
}

}  // namespace

std::optional<Error> write_file(const std::string& path, std::string_view text) {
  struct stat there{};
  const bool is_new = ::lstat(path.c_str(), &there) != 0;
  int failed = 0;
  if (!is_new && ::access(path.c_str(), W_OK) != 0) {
    failed = errno;
  } else if (is_new || S_ISREG(there.st_mode)) {
    const std::string beside = path + "." + std::to_string(::getpid()) + ".new";
    failed = write_all(beside, O_EXCL, 0666, text);
    if (failed == 0 && !is_new && ::chmod(beside.c_str(), there.st_mode & 07777) != 0)
      failed = errno;
    if (failed == 0 && std::rename(beside.c_str(), path.c_str()) != 0) failed = errno;
    if (failed != 0 && failed != EEXIST) ::unlink(beside.c_str());
  } else {
    failed = write_all(path, O_TRUNC, 0666, text);
  }
  if (failed == 0) return std::nullopt;
  return Error(Errc::kIo, path + " cannot be written: " + std::strerror(failed));
}

}  // namespace infer::cli
