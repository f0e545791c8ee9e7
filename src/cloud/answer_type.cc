#include "src/cloud/answer_type.h"

#include <string_view>

namespace infer::cloud {

std::string answer_type(const http::HttpHead& head) {
  const std::string* const type = head.find("content-type");
  if (!type) return {};
  std::string_view name = std::string_view(*type).substr(0, type->find(';'));
  while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
  return http::lower_name(name);
}

}  // namespace infer::cloud
