#include "src/cloud/object_writer.h"

#include <cmath>

#include "src/core/json.h"

namespace infer::cloud {

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}
std::string number_text(double value) {
  const bool whole = std::floor(value) == value && std::fabs(value) < 1e15;
  return whole ? std::to_string(static_cast<std::int64_t>(value))
               : core::dump_json(core::Json(value));
}

std::string array_of(const std::vector<std::string>& elements) {
  std::string out = "[";
  for (const std::string& element : elements) {
    if (out.size() > 1) out += ',';
    out += element;
  }
  return out + "]";
}

}  // namespace infer::cloud
