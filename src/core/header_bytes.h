#ifndef INFER_SRC_CORE_HEADER_BYTES_H_
#define INFER_SRC_CORE_HEADER_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace infer::core {

// Numbers out of bytes that may end anywhere: what is not there is 0.
class HeaderBytes {
 public:
  explicit HeaderBytes(std::string_view bytes) : bytes_(bytes) {}

  std::uint32_t at(std::size_t offset) const noexcept {
    return offset < bytes_.size() ? static_cast<unsigned char>(bytes_[offset]) : 0;
  }
  std::uint32_t little(std::size_t offset, std::size_t n) const noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = n; i > 0; --i) value = value << 8 | at(offset + i - 1);
    return value;
  }
  std::uint32_t big(std::size_t offset, std::size_t n) const noexcept {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < n; ++i) value = value << 8 | at(offset + i);
    return value;
  }
  bool has(std::size_t n) const noexcept { return bytes_.size() >= n; }
  bool says(std::size_t offset, std::string_view what) const noexcept {
    return has(offset) && bytes_.substr(offset, what.size()) == what;
  }
  std::size_t size() const noexcept { return bytes_.size(); }

 private:
  std::string_view bytes_;
};

}  // namespace infer::core

#endif  // INFER_SRC_CORE_HEADER_BYTES_H_
