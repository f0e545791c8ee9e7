// Reading what a plugin allocated: strings may be empty, structs may be shorter than ours.
#ifndef INFER_SRC_PLUGIN_ABI_STRUCTS_H_
#define INFER_SRC_PLUGIN_ABI_STRUCTS_H_

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <string_view>

#include "infer/plugin.h"

namespace infer::plugin {

inline std::string_view view(infer_str s) noexcept {
  return s.data ? std::string_view(s.data, s.size) : std::string_view();
}

// A copy in which what lies beyond the size that the plugin was compiled with is zero.
template <class T>
T whole(const T& theirs) noexcept {
  T ours{};
  std::memcpy(&ours, &theirs, std::min<std::size_t>(theirs.size, sizeof ours));
  return ours;
}

// The function is within the table's own size and there.
template <class F>
bool has(const infer_plugin& table, F infer_plugin::* member) noexcept {
  const auto offset =
      reinterpret_cast<const char*>(&(table.*member)) - reinterpret_cast<const char*>(&table);
  return static_cast<std::size_t>(offset) + sizeof(F) <= table.size && table.*member != nullptr;
}

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_ABI_STRUCTS_H_
