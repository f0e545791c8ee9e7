#include "apps/infer/info.h"

#include <unistd.h>

#include "apps/infer/exit_code.h"
#include "apps/infer/output.h"
#include "apps/infer/table.h"
#include "infer/plugin.h"

namespace infer::cli {

core::Json to_json(const ModelFile& model) {
  core::Json json{{"id", model.id}, {"path", model.path}, {"size_bytes", model.size_bytes}};
  if (!model.task.empty()) json["task"] = model.task;
  if (!model.part.empty()) json["part"] = model.part;
  if (!model.problem.empty()) {
    json["problem"] = model.problem;
    return json;
  }
  json["family"] = model.family;
  json["parameters"] = model.parameters;
  json["quantization"] = model.quantization;
  json["context"] = model.context;
  return json;
}

core::Json to_json(const PluginFile& plugin) {
  core::Json json{{"scheme", plugin.scheme}, {"path", plugin.path}};
  if (!plugin.problem.empty()) {
    json["problem"] = plugin.problem;
    return json;
  }
  json["version"] = plugin.version;
  json["licence"] = plugin.licence;
  if (!plugin.taken_for.empty()) json["taken_for"] = plugin.taken_for;
  json["devices"] = core::Json::array();
  for (const Device& device : plugin.devices) {
    json["devices"].push_back({{"name", device.name},
                               {"description", device.description},
                               {"type", device.type},
                               {"memory_free", device.memory_free},
                               {"memory_total", device.memory_total}});
  }
  return json;
}

core::Json version_json() {
  return {{"version", version()}, {"plugin_abi", INFER_ABI}, {"compiler", INFER_CLI_COMPILER}};
}

std::string models_table(const std::vector<ModelFile>& models) {
  Table table;
  table.row(
      {"MODEL", "TASK", "FAMILY", "PARAMETERS", "QUANTIZATION", "CONTEXT", "SIZE", "PROBLEM"});
  for (const ModelFile& m : models)
    table.row({m.id, m.part.empty() ? m.task : "part: " + m.part, m.family,
               short_count(m.parameters), m.quantization,
               m.context == 0 ? std::string() : std::to_string(m.context), short_size(m.size_bytes),
               m.problem});
  return table.text();
}

std::string plugins_table(const std::vector<PluginFile>& plugins) {
  Table table;
  table.row({"SCHEME", "VERSION", "LICENCE", "FILE", "PROBLEM"});
  for (const PluginFile& p : plugins)
    table.row({p.scheme + ":", p.version, p.licence, p.path, p.problem});
  return table.text();
}

int print(std::string_view text) {
  Output out(STDOUT_FILENO);
  if (out.write(text) || out.reader_gone()) return kOk;
  return fail(out.error(), out, false);
}

int print_json(const core::Json& json) { return print(core::dump_json(json) + "\n"); }

}  // namespace infer::cli
