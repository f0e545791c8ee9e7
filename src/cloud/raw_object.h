// A JSON object that is put together from members as they came: their bytes and their order are
// kept, where a library of JSON values would write them anew.
#ifndef INFER_SRC_CLOUD_RAW_OBJECT_H_
#define INFER_SRC_CLOUD_RAW_OBJECT_H_

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer::cloud {

class RawObject {
 public:
  RawObject() = default;
  // The members of an object that core::parse_json has accepted; of a name that is there twice the
  // last one counts.
  explicit RawObject(std::string_view object);

  bool empty() const noexcept { return members_.empty(); }
  // The member's JSON, or null.
  const std::string* find(std::string_view name) const noexcept;
  // In the place of the member of that name, or at the end.
  void set(std::string_view name, std::string json);
  // As a JSON string.
  void set_string(std::string_view name, std::string_view text);
  void erase(std::string_view name);
  // Every member of `object` is set here, but for those that are null where this has a value.
  void update(const RawObject& object);
  // What a delta adds: strings are continued, arrays are appended, null adds nothing, all else
  // takes the place of what was there.
  void append(std::string_view name, std::string_view json);

  const std::vector<std::pair<std::string, std::string>>& members() const noexcept {
    return members_;
  }
  // {"name":json,...}
  std::string text() const;

 private:
  std::size_t place_of(std::string_view name) const noexcept;
  std::string* value(std::string_view name);

  std::vector<std::pair<std::string, std::string>> members_{};
  // Where each one is, once there are many: a server may send any number.
  std::map<std::string, std::size_t, std::less<>> places_{};
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_RAW_OBJECT_H_
