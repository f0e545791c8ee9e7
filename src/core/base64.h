// Base64 as RFC 4648 section 4 has it: '+' and '/', padded.
#ifndef INFER_SRC_CORE_BASE64_H_
#define INFER_SRC_CORE_BASE64_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace infer::core {

void append_base64(std::string& out, std::string_view bytes);
std::string to_base64(std::string_view bytes);
// Nothing if it is not canonical base64: a foreign character, white space, missing padding, bits
// that are left over.
std::optional<std::string> from_base64(std::string_view text);
// As some servers write it: also with line breaks, without padding, with '-' and '_'.
std::optional<std::string> from_lenient_base64(std::string_view text);
// Numbers of 32 bits (IEEE 754), the low byte first, as vectors come in JSON. False, and nothing is
// appended, if it is not base64, written as above, or does not hold whole numbers.
bool append_floats(std::vector<float>& out, std::string_view base64);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_BASE64_H_
