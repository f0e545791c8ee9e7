// What several commands print.
#ifndef INFER_APPS_INFO_H_
#define INFER_APPS_INFO_H_

#include <string>
#include <string_view>
#include <vector>

#include "infer/registry.h"
#include "src/core/json.h"

namespace infer::cli {

core::Json to_json(const ModelFile& model);
core::Json to_json(const PluginFile& plugin);
core::Json version_json();

// Tables, with a heading.
std::string models_table(const std::vector<ModelFile>& models);
std::string plugins_table(const std::vector<PluginFile>& plugins);

// Writes to stdout; the exit code, kOk or kInputOutput.
int print(std::string_view text);
int print_json(const core::Json& json);

}  // namespace infer::cli

#endif  // INFER_APPS_INFO_H_
