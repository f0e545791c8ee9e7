// A file that is open for reading; closed when it goes.
#ifndef INFER_SRC_PORT_FILE_H_
#define INFER_SRC_PORT_FILE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "infer/result.h"

namespace infer::port {

class File {
 public:
  File() = default;
  File(File&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~File();

  // kNotFound, kForbidden or kIo, naming the path and the reason. Never waits: a pipe that nobody
  // writes to is open at once.
  static Result<File> open(const std::string& path);
  int fd() const noexcept { return fd_; }
  std::int64_t size() const noexcept;  // bytes; -1 unknown
  // A file of bytes that has an end: no directory, device, pipe or socket.
  bool is_regular() const noexcept;
  // Up to `n` bytes from `offset`; fewer only at the end or on an error.
  std::size_t read_at(std::int64_t offset, void* to, std::size_t n) const noexcept;

 private:
  int fd_ = -1;
};

}  // namespace infer::port

#endif  // INFER_SRC_PORT_FILE_H_
