// Request bodies, written by hand and in the order of the request, since schemas, arguments and
// unknown items must go out with the bytes that they have.
#ifndef INFER_SRC_CLOUD_OBJECT_WRITER_H_
#define INFER_SRC_CLOUD_OBJECT_WRITER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cloud/raw_json.h"
#include "src/cloud/raw_object.h"

namespace infer::cloud {

// With quotes.
std::string json_string(std::string_view text);
// Whole numbers without a point.
std::string number_text(double value);
// Of values that are JSON already.
std::string array_of(const std::vector<std::string>& elements);

// A RawObject that is being written: a name that comes again replaces what it had.
class ObjectWriter {
 public:
  void raw(std::string_view name, std::string value) { object_.set(name, std::move(value)); }
  void text(std::string_view name, std::string_view value) { object_.set_string(name, value); }
  void text_if(std::string_view name, std::string_view value) {
    if (!value.empty()) text(name, value);
  }
  void flag(std::string_view name, bool value) { raw(name, value ? "true" : "false"); }
  template <class Number>
  void number(std::string_view name, const std::optional<Number>& value) {
    if (value) raw(name, number_text(static_cast<double>(*value)));
  }
  void integer(std::string_view name, std::int64_t value) { raw(name, std::to_string(value)); }
  bool has(std::string_view name) const { return object_.find(name) != nullptr; }
  std::string str() const { return object_.text(); }
  RawObject& object() { return object_; }

 private:
  RawObject object_{};
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OBJECT_WRITER_H_
