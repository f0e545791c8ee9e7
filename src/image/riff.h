// The parts of a WebP file (RFC 9649, section 2.3): four letters, a length, bytes to an even end.
#ifndef INFER_SRC_IMAGE_RIFF_H_
#define INFER_SRC_IMAGE_RIFF_H_

#include <cstddef>
#include <string_view>

#include "src/core/header_bytes.h"

namespace infer::pictures {

struct RiffChunk {
  std::string_view type{};
  std::string_view data{};
};

class RiffChunks {
 public:
  explicit RiffChunks(std::string_view webp) : webp_(webp) {}

  // False at the end, and where a part is not whole.
  bool next(RiffChunk& out) noexcept {
    const core::HeaderBytes in(webp_);
    if (at_ > webp_.size() || webp_.size() - at_ < 8) return false;
    const std::size_t length = in.little(at_ + 4, 4);
    if (webp_.size() - at_ - 8 < length) return false;
    out = {webp_.substr(at_, 4), webp_.substr(at_ + 8, length)};
    at_ += 8 + length + length % 2;
    return true;
  }

 private:
  std::string_view webp_;
  std::size_t at_ = 12;  // "RIFF", the file's length, "WEBP"
};

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_RIFF_H_
