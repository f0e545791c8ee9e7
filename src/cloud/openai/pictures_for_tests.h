// For the tests of this room: files that begin as pictures do.
#ifndef INFER_SRC_CLOUD_OPENAI_PICTURES_FOR_TESTS_H_
#define INFER_SRC_CLOUD_OPENAI_PICTURES_FOR_TESTS_H_

#include <cstdint>
#include <string>

#include "infer/message.h"

namespace infer::cloud::reading {

// The header of a PNG, and `more` behind it. `coding`: 0 grey, 2 RGB, 3 palette, 6 RGBA.
inline std::string png(std::uint32_t width = 4, std::uint32_t height = 4, char coding = 6,
                       const std::string& more = {}) {
  const auto number = [](std::uint32_t n) {
    std::string out;
    for (int shift = 24; shift >= 0; shift -= 8) out += static_cast<char>(n >> shift & 255u);
    return out;
  };
  return "\x89PNG\r\n\x1a\n" + number(13) + "IHDR" + number(width) + number(height) + '\x08' +
         coding + std::string(3, '\0') + number(0) + more;
}
inline std::string jpeg(const std::string& more = {}) { return "\xff\xd8\xff\xe0" + more; }

inline Media picture(std::string bytes, std::string name = {}) {
  return {.source = Blob(std::move(bytes)), .name = std::move(name)};
}

}  // namespace infer::cloud::reading

#endif  // INFER_SRC_CLOUD_OPENAI_PICTURES_FOR_TESTS_H_
