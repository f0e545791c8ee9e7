// Whether bytes are JSON, without making anything of them: what follows may take them apart as raw
// text.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_JSON_CHECK_H_
#define INFER_SRC_CLOUD_ANTHROPIC_JSON_CHECK_H_

#include <cstddef>
#include <string_view>

namespace infer::cloud {

inline constexpr std::size_t kGoodJson = static_cast<std::size_t>(-1);

// The offset of the first byte that is not JSON (RFC 8259), not UTF-8, or nested deeper than
// core::kMaxJsonDepth; kGoodJson if there is none. More lenient than a parser in one thing: half of
// a pair of surrogates may be escaped, as some servers do that cut text between the halves.
std::size_t json_error(std::string_view text) noexcept;

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_JSON_CHECK_H_
