// The parts of a PNG file: a length, four letters, bytes, a checksum.
#ifndef INFER_SRC_IMAGE_PNG_CHUNKS_H_
#define INFER_SRC_IMAGE_PNG_CHUNKS_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace infer::pictures {

inline constexpr std::string_view kPngSignature = "\x89PNG\r\n\x1a\n";

struct PngChunk {
  std::string_view type{};
  std::string_view data{};
  std::string_view whole{};  // with its length and its checksum
};

class PngChunks {
 public:
  explicit PngChunks(std::string_view png) : png_(png) {}

  // False at the end, and where a part is not whole.
  bool next(PngChunk& out) noexcept;
  // The last part has been read: nothing of the file is missing.
  bool at_end() const noexcept { return at_end_; }

 private:
  std::string_view png_;
  std::size_t at_ = kPngSignature.size();
  bool at_end_ = false;
};

bool checksum_fits(const PngChunk& chunk) noexcept;
void append_chunk(std::string& out, std::string_view type, std::string_view data);

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_PNG_CHUNKS_H_
