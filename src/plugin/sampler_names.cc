// What requests may name, as the plugin of a scheme tells it.
#include "infer/registry.h"
#include "src/core/json.h"
#include "src/plugin/abi_structs.h"
#include "src/plugin/codes.h"
#include "src/plugin/exit.h"
#include "src/plugin/library.h"

namespace infer {
namespace plugin {
namespace {

// False: it is no list of texts.
bool read_names(const core::Json& json, const char* key, std::vector<std::string>& out) {
  const core::Json* list = core::find(json, key);
  if (!list) return true;
  if (!list->is_array()) return false;
  for (const core::Json& name : *list) {
    if (!name.is_string()) return false;
    out.push_back(name.get<std::string>());
  }
  return true;
}

Result<SamplerNames> names_of(const Library& library) {
  if (!has(*library.table, &infer_plugin::names))
    return Error(Errc::kUnsupported,
                 "plugin " + library.path + " tells no names of sample methods and schedulers");
  Gate gate;
  if (!gate) return Gate::why();
  infer_str text{};
  infer_error error{};
  error.size = sizeof error;
  if (const int code = library.table->names(&text, &error); code < 0) return error_of(code, error);
  const auto json = core::parse_json(view(text));
  SamplerNames names;
  if (!json || !json->is_object() || !read_names(*json, "sample_methods", names.sample_methods) ||
      !read_names(*json, "schedulers", names.schedulers))
    return Error(Errc::kEngine, "plugin " + library.path + " tells its names in broken JSON");
  return names;
}

}  // namespace
}  // namespace plugin

inline namespace v0 {

Result<SamplerNames> sampler_names(std::string_view scheme) {
  const auto library = plugin::find(scheme);
  if (!library) return library.error();
  auto names = plugin::names_of(**library);
  if (!names) return std::move(names.error()).with_provider(std::string(scheme));
  return names;
}

}  // namespace v0
}  // namespace infer
