#include "tools.h"

#include "infer/plugin.h"
#include "parse.h"

namespace infer::llama {
namespace {

void parse_tool_choice(const Json& value) {
  if (value.is_string() && (value == "auto" || value == "none")) return;
  unsupported("tool_choice", "a tool cannot be forced: tools are not supported in this version");
}

}  // namespace

bool parse_tool_setting(const std::string& key, const Json& v, TextRequest&) {
  if (key == "tools") {
    if (!v.is_array()) invalid(key, "must be an array");
    if (!v.empty()) unsupported(key, "not supported in this version");
  } else if (key == "tool_choice") {
    parse_tool_choice(v);
  } else {
    return key == "parallel_tools";
  }
  return true;
}

}  // namespace infer::llama
