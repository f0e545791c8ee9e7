// Base64 as RFC 4648 section 4 has it: '+' and '/', padded.
#ifndef INFER_SRC_CORE_BASE64_H_
#define INFER_SRC_CORE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>

namespace infer::core {

void append_base64(std::string& out, std::string_view bytes);
std::string to_base64(std::string_view bytes);
// Nothing if it is not canonical base64: a foreign character, white space, missing padding, bits
// that are left over.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_BASE64_H_
