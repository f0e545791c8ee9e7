// Text as the suite looks at it. Its JSON check is its own: an oracle must not share the faults of
// what it judges.
#ifndef INFER_CONFORMANCE_TEXT_H_
#define INFER_CONFORMANCE_TEXT_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer {
inline namespace v0 {

// Whole, shortest-form UTF-8 without surrogates.
bool is_utf8(std::string_view text) noexcept;
// For a message: quoted, clipped, bytes outside printable ASCII as \xNN.
std::string printable(std::string_view text);
// As a JSON string, quotes included.
std::string json_quoted(std::string_view text);

// RFC 8259, at most 128 deep.
bool is_json(std::string_view text);
// The members of a JSON object, keys without their quotes (escapes stay), values as they stand.
// False where the text is not one.
bool json_members(std::string_view text,
                  std::vector<std::pair<std::string_view, std::string_view>>& members);

}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_TEXT_H_
