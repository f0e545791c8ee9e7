// All of the library's JSON goes through here: parsed with a depth limit, written without throwing.
// Keys are kept sorted, so a dump is canonical.
#ifndef INFER_SRC_CORE_JSON_H_
#define INFER_SRC_CORE_JSON_H_

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer::core {

using Json = nlohmann::json;

// Deeper nesting is refused: destroying and writing a value recurses.
inline constexpr int kMaxJsonDepth = 128;
// For JSON inside of a request, which comes to stand some levels down in the request's own JSON.
inline constexpr int kMaxInnerJsonDepth = kMaxJsonDepth - 8;

// kProtocol with detail "offset" (of the first bad byte) if it is not JSON, not UTF-8 or nested
// deeper than `depth`.
Result<Json> parse_json(std::string_view text, int depth = kMaxJsonDepth);
// Without white space; invalid UTF-8 becomes U+FFFD.
std::string dump_json(const Json& json);

// The member as a T, or null / nothing if it is absent, of another type or out of range.
const Json* find(const Json& object, std::string_view key);
std::string string_or(const Json& object, std::string_view key, std::string_view fallback = {});
std::optional<std::int64_t> int_at(const Json& object, std::string_view key);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_JSON_H_
