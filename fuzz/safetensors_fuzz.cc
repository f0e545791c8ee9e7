// Headers of .safetensors files: what is read is within the file, and all of it.
#include <sys/mman.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "src/local/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const int fd = memfd_create("safetensors", MFD_CLOEXEC);
  if (fd < 0 || write(fd, data, size) != static_cast<ssize_t>(size)) std::abort();
  auto file = infer::port::File::open("/proc/self/fd/" + std::to_string(fd));
  if (!file) std::abort();
  const auto header = infer::local::read_safetensors(*file);
  close(fd);
  if (!header) return 0;
  std::int64_t at = 0;
  for (const auto& tensor : header->tensors) {
    if (tensor.begin != at || tensor.end < at || tensor.count < 0) std::abort();
    at = tensor.end;
  }
  if (at > static_cast<std::int64_t>(size)) std::abort();
  return 0;
}
