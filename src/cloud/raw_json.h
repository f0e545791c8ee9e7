// The bytes of values inside of JSON text, for what must be kept as it came. Only for text that
// core::parse_json has accepted, or that is certain to be JSON for another reason; of anything else
// these give nonsense, but never read outside of the text.
#ifndef INFER_SRC_CLOUD_RAW_JSON_H_
#define INFER_SRC_CLOUD_RAW_JSON_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace infer::cloud {

struct RawMember {
  std::string key{};         // without escapes
  std::string_view value{};  // views into the text, without white space around them
};

// The members of an object in their order, all of a name that is there twice; none of what is not
// an object.
std::vector<RawMember> raw_members(std::string_view object);
// The last member of that name.
std::optional<std::string_view> raw_member(std::string_view object, std::string_view key);
// The elements of an array; none of what is not an array.
std::vector<std::string_view> raw_elements(std::string_view array);

// `text` as a JSON string, quotes included.
void append_json_string(std::string& to, std::string_view text);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_RAW_JSON_H_
