// Finding plugins and loading them: from a scheme to a table of functions.
#ifndef INFER_SRC_PLUGIN_LIBRARY_H_
#define INFER_SRC_PLUGIN_LIBRARY_H_

#include <string>
#include <string_view>

#include "infer/plugin.h"
#include "infer/registry.h"
#include "infer/result.h"

namespace infer::plugin {

// A loaded plugin: for ever, and one per file.
struct Library {
  std::string path{};
  std::string scheme{};
  std::string version{};
  std::string licence{};
  const infer_plugin* table = nullptr;  // has all required functions
};

// What the name of a plugin that is built several times ends in, the best first; the plain one is
// the last.
inline constexpr std::string_view kFlavours[] = {"-cuda", "-metal", "-vulkan", ""};

// The plugin of a scheme: the first of infer-SCHEME-cuda.so, -metal.so, -vulkan.so that can be
// used, else infer-SCHEME.so. Why another was not is logged. Each is taken from the first of
// plugin_directories() that has it, checked (owner, permissions, ABI, table, name), loaded and
// initialised on first use. Any thread.
Result<const Library*> find(std::string_view scheme);
// infer-SCHEME.so and no other.
Result<const Library*> find_exactly(std::string_view scheme);
// The plugin in a file; any name will do.
Result<const Library*> load(const std::string& path);

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_LIBRARY_H_
