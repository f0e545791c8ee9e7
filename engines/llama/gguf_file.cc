#include "gguf_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engines/common/abi.h"
#include "refusal.h"

namespace infer::llama {
namespace {

int open_path(const char* path) {
  int fd = -1;
  do {
    // Without O_NONBLOCK a pipe of that name would be waited for; to a regular file it is nothing.
    fd = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  } while (fd < 0 && errno == EINTR);
  return fd;
}

// A duplicate shares the host's file offset, which a load beside this one would move; opening anew
// does not.
int reopen(int fd) {
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  const int own = open_path(self.c_str());
  return own >= 0 ? own : ::fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

uint64_t little_endian(const unsigned char* bytes, int width) {
  uint64_t value = 0;
  for (int i = width - 1; i >= 0; --i) value = value << 8 | bytes[i];
  return value;
}

}  // namespace

std::string file_name(const infer_file& file) {
  const std::string_view path = engine::to_view(file.path);
  return path.empty() ? "the model file" : std::string(path);
}

FilePtr open_model_file(const infer_file& file) {
  const std::string name = file_name(file);
  const int fd =
      file.fd >= 0 ? reopen(file.fd) : open_path(std::string(engine::to_view(file.path)).c_str());
  if (fd < 0) {
    const int error = errno;
    const int code = error == ENOENT || error == ENOTDIR ? INFER_E_NOT_FOUND
                     : error == EACCES || error == EPERM ? INFER_E_FORBIDDEN
                                                         : INFER_E_IO;
    throw Refusal(code, "cannot open " + name + ": " + std::strerror(error));
  }
  struct stat info = {};
  if (::fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
    ::close(fd);
    throw Refusal(INFER_E_MODEL_INVALID, name + " is not a regular file");
  }
  FilePtr stream(::fdopen(fd, "rb"));
  if (!stream) {
    ::close(fd);
    throw Refusal(INFER_E_IO, "cannot read " + name + ": " + std::strerror(errno));
  }
  if (std::fseek(stream.get(), 0, SEEK_SET) != 0)
    throw Refusal(INFER_E_IO, "cannot seek in " + name);
  return stream;
}

void check_gguf_header(std::FILE* file, const std::string& name) {
  constexpr std::size_t kHeader = 24;  // magic, version, number of tensors, number of keys
  constexpr uint64_t kLeastEntry =
      8 + 4;  // a key's or tensor's name length and a type, at the very least
  unsigned char header[kHeader];
  const std::size_t got = std::fread(header, 1, kHeader, file);
  struct stat info = {};
  if (std::fseek(file, 0, SEEK_SET) != 0 || ::fstat(::fileno(file), &info) != 0) {
    throw Refusal(INFER_E_IO, "cannot read " + name);
  }
  if (got == 0) throw Refusal(INFER_E_MODEL_INVALID, name + " is empty");
  if (got < 4 || std::memcmp(header, "GGUF", 4) != 0) {
    throw Refusal(INFER_E_MODEL_INVALID,
                  name + " is not a GGUF file: it does not begin with \"GGUF\"");
  }
  if (got < kHeader) throw Refusal(INFER_E_MODEL_INVALID, name + " ends inside its header");
  const uint64_t version = little_endian(header + 4, 4);
  if (version < 2 || version > 3) {
    throw Refusal(INFER_E_MODEL_INVALID,
                  name + " has GGUF version " + std::to_string(version) + ", known are 2 and 3");
  }
  const uint64_t tensors = little_endian(header + 8, 8), keys = little_endian(header + 16, 8);
  const uint64_t most = static_cast<uint64_t>(info.st_size) / kLeastEntry;
  if (tensors > most || keys > most) {
    throw Refusal(INFER_E_MODEL_INVALID,
                  name + " is damaged: its header counts more entries than it has bytes for");
  }
}

}  // namespace infer::llama
