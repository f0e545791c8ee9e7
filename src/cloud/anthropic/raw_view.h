// A JSON object to read from without a tree of values: its members are views into its text.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_RAW_VIEW_H_
#define INFER_SRC_CLOUD_ANTHROPIC_RAW_VIEW_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/cloud/raw_json.h"

namespace infer::cloud {

// Of text that a parser has accepted; lives no longer than the text.
class RawView {
 public:
  explicit RawView(std::string_view json) : members_(raw_members(json)) {}

  const std::vector<RawMember>& members() const noexcept { return members_; }
  // The JSON of the member; of a name that is there twice, the last. Empty: there is none.
  std::string_view find(std::string_view name) const noexcept;
  // As find(), but null counts as absent.
  std::string_view value(std::string_view name) const noexcept;
  // Nothing if it is absent or something else.
  std::optional<std::string> text(std::string_view name) const;
  std::optional<std::int64_t> integer(std::string_view name) const;
  std::string text_or(std::string_view name, std::string_view fallback = {}) const;

 private:
  std::vector<RawMember> members_;
};

inline bool is_raw_object(std::string_view json) { return !json.empty() && json.front() == '{'; }
inline bool is_raw_array(std::string_view json) { return !json.empty() && json.front() == '['; }
inline bool is_raw_string(std::string_view json) { return !json.empty() && json.front() == '"'; }
// What stands between the quotes of a JSON string.
inline std::string_view raw_inside(std::string_view string) {
  return string.size() < 2 ? std::string_view() : string.substr(1, string.size() - 2);
}

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_RAW_VIEW_H_
