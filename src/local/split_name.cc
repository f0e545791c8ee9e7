#include "src/local/split_name.h"

#include <cstdio>

namespace infer::local {

std::string SplitName::piece(int n) const {
  char numbers[32];
  std::snprintf(numbers, sizeof numbers, "-%05d-of-%05d", n, count);
  return prefix + numbers + ending;
}

std::optional<SplitName> split_name(const std::string& path) {
  constexpr std::size_t kNumbers = sizeof("-00001-of-00001") - 1;
  SplitName name;
  if (path.ends_with(".safetensors")) name.ending = ".safetensors";
  const std::size_t after = kNumbers + name.ending.size();
  if (path.size() <= after) return std::nullopt;
  name.prefix = path.substr(0, path.size() - after);
  const std::string numbers = path.substr(name.prefix.size(), kNumbers);
  if (std::sscanf(numbers.c_str(), "-%5d-of-%5d", &name.number, &name.count) != 2 ||
      name.number < 1 || name.number > name.count || name.piece(name.number) != path)
    return std::nullopt;
  return name;
}

}  // namespace infer::local
