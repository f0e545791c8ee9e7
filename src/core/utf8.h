// UTF-8 as RFC 3629 has it: no surrogates, nothing over U+10FFFF, no overlong forms.
#ifndef INFER_SRC_CORE_UTF8_H_
#define INFER_SRC_CORE_UTF8_H_

#include <cstddef>
#include <string>
#include <string_view>

namespace infer::core {

inline constexpr std::size_t kValidUtf8 = static_cast<std::size_t>(-1);

// The offset of the first byte that is not valid UTF-8, or kValidUtf8.
std::size_t utf8_error(std::string_view text) noexcept;

// The text with every invalid byte replaced by U+FFFD.
std::string utf8_repaired(std::string_view text);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_UTF8_H_
