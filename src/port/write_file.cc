#include "src/port/write_file.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>

#include "src/port/write_all.h"

namespace infer::port {
namespace {

bool begins(std::string_view text, std::string_view with) {
  return text.substr(0, with.size()) == with;
}

// What a link leads to, where that is there; else the path as it is.
std::string without_links(const std::string& path) {
  char* const real = ::realpath(path.c_str(), nullptr);
  if (!real) return path;
  std::string out(real);
  std::free(real);
  return out;
}

// Where a link leads by its own words; nothing for what is no link.
std::optional<std::string> target_of(const std::string& link) {
  char words[PATH_MAX];
  const ssize_t n = ::readlink(link.c_str(), words, sizeof words);
  if (n <= 0 || n == static_cast<ssize_t>(sizeof words)) return std::nullopt;
  const std::string target(words, static_cast<std::size_t>(n));
  return target.front() == '/' ? target : link.substr(0, link.rfind('/') + 1) + target;
}

// In the same directory, and no longer than a name may be.
std::string name_beside(const std::string& path) {
  static std::atomic<unsigned> count{0};
  constexpr std::size_t kKept = 200;
  const std::size_t name = path.rfind('/') + 1;
  return path.substr(0, name) + path.substr(name, kKept) + "." + std::to_string(::getpid()) + "." +
         std::to_string(count.fetch_add(1, std::memory_order_relaxed)) + ".new";
}

// Some file systems have nothing to bring to a disk, and say so.
int to_disk(int fd) {
  while (::fsync(fd) != 0) {
    if (errno == EINTR) continue;
    return errno == EINVAL || errno == ENOTSUP ? 0 : errno;
  }
  return 0;
}

// 0, or the errno of what failed; so do the others.
int write_to(const std::string& path, int flags, mode_t mode, std::string_view bytes) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | flags, mode);
  if (fd < 0) return errno;
  int failed = write_all(fd, bytes);
  if (failed == 0 && (flags & O_EXCL) != 0) failed = to_disk(fd);
  if (::close(fd) != 0 && failed == 0) failed = errno;
  return failed;
}

// `there`: what the file that is replaced is like, or null.
int write_beside(const std::string& path, const struct stat* there, std::string_view bytes) {
  // A name may be taken by what a process of the same number left behind.
  constexpr int kTries = 100;
  const mode_t mode = there ? there->st_mode & 07777 : 0666;
  int failed = EEXIST;
  for (int i = 0; i < kTries && failed == EEXIST; ++i) {
    const std::string beside = name_beside(path);
    failed = write_to(beside, O_EXCL, mode, bytes);
    if (failed == EEXIST) continue;
    // The umask had its say when it was made.
    if (failed == 0 && there && ::chmod(beside.c_str(), mode) != 0) failed = errno;
    if (failed == 0 && std::rename(beside.c_str(), path.c_str()) != 0) failed = errno;
    if (failed != 0) ::unlink(beside.c_str());
  }
  return failed;
}

int write_any(const std::string& path, std::string_view bytes) {
  struct stat there{};
  const bool open_elsewhere = begins(path, "/dev/") || begins(path, "/proc/");
  if (::stat(path.c_str(), &there) != 0) {
    const int failed = errno;
    if (open_elsewhere) return write_to(path, O_TRUNC, 0666, bytes);
    const auto target = target_of(path);
    if (!target) return write_beside(path, nullptr, bytes);
    // What it leads to is to be made; of links in a circle that would have no end.
    return failed == ENOENT ? write_any(*target, bytes) : failed;
  }
  if (::access(path.c_str(), W_OK) != 0) return errno;
  if (open_elsewhere || !S_ISREG(there.st_mode)) return write_to(path, O_TRUNC, 0666, bytes);
  return write_beside(without_links(path), &there, bytes);
}

}  // namespace

Result<void> write_file(const std::string& path, std::string_view bytes) {
  // The system would take the name up to there.
  const int failed = path.find('\0') == std::string::npos ? write_any(path, bytes) : EINVAL;
  if (failed == 0) return {};
  return Error(Errc::kIo, path + " cannot be written: " + std::strerror(failed));
}

}  // namespace infer::port
