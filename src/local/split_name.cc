#include "src/local/split_name.h"

#include <cstdio>

namespace infer::local {

std::string SplitName::piece(int n) const {
  char ending[40];
  std::snprintf(ending, sizeof ending, "-%05d-of-%05d.gguf", n, count);
  return prefix + ending;
}

std::optional<SplitName> split_name(const std::string& path) {
  constexpr std::size_t kEnding = sizeof("-00001-of-00001.gguf") - 1;
  if (path.size() <= kEnding) return std::nullopt;
  SplitName name;
  name.prefix = path.substr(0, path.size() - kEnding);
  const std::string ending = path.substr(name.prefix.size());
  if (std::sscanf(ending.c_str(), "-%5d-of-%5d", &name.number, &name.count) != 2 ||
      name.number < 1 || name.number > name.count || name.piece(name.number) != path)
    return std::nullopt;
  return name;
}

}  // namespace infer::local
