#include <unistd.h>

#include <string>

#include "apps/infer/commands.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"

namespace infer::cli {

int show_plugins(bool json) {
  const auto plugins = list_plugins();
  if (json) {
    core::Json list = core::Json::array();
    for (const PluginFile& plugin : plugins) list.push_back(to_json(plugin));
    return print_json(core::Json{{"plugins", list}});
  }
  if (plugins.empty()) {
    std::string searched;
    for (const std::string& directory : plugin_directories())
      searched += (searched.empty() ? "" : ", ") + directory;
    complain("no plugin found in " + (searched.empty() ? "any plugin directory" : searched));
  }
  return print(plugins_table(plugins));
}

int show_version(bool json) {
  if (json) return print_json(version_json());
  return print("infer " + std::string(version()) + "\n");
}

#if !defined(INFER_CLI_CHECK)
int check_plugin_file(const CheckOptions& options) {
  Output out(STDOUT_FILENO);
  return fail(Error(Errc::kUnsupported, "this program was built without the conformance suite"),
              out, options.json);
}
#endif

}  // namespace infer::cli
