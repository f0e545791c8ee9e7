// The size of a picture out of its header: nothing outside of the bytes is read, whatever they are,
// and what has a size has a type.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "infer/media.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto found = infer::picture_size(bytes);
  if (found && infer::mime_of(bytes).substr(0, 6) != "image/") std::abort();
  return 0;
}
