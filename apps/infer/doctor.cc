#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "apps/infer/cloud_options.h"
#include "apps/infer/commands.h"
#include "apps/infer/cpu.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"
#include "apps/infer/load.h"
#include "apps/infer/table.h"
#include "apps/infer/terminal.h"
#include "infer/plugin.h"

namespace infer::cli {
namespace {

constexpr const char* kPaths[] = {"INFER_PLUGIN_PATH", "MODELS_PATH"};

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

// Whether they are set is told, never what they hold.
std::vector<const char*> key_variables() {
  std::vector<const char*> names;
  for (const CloudProvider& provider : cloud_providers()) {
    names.push_back(provider.key_variable);
    for (const char* token : provider.token_variables)
      if (token != nullptr) names.push_back(token);
  }
  return names;
}

std::vector<ProviderStatus> look_at_all() {
  std::vector<ProviderStatus> found;
  for (const CloudProvider& provider : cloud_providers()) found.push_back(look_at(provider));
  return found;
}

struct Findings {
  Cpu cpu = this_cpu();
  std::vector<std::string> plugin_directories = infer::plugin_directories();
  std::vector<PluginFile> plugins = list_plugins();
  std::vector<std::string> model_directories = infer::model_directories();
  std::vector<ModelFile> models = list_models();
  std::vector<ProviderStatus> providers = look_at_all();
  double shipped_ms = 0;         // from the load to the end of a short answer
  std::optional<Error> problem;  // why the shipped model does not answer
};

// The one proof that everything works: the shipped model says something.
void try_shipped(Findings& found) {
  const auto start = std::chrono::steady_clock::now();
  // One thread: on a busy machine several wait for each other, which would say nothing of a fault.
  auto model = load_model(kShippedModel, LocalConfig{.threads = 1}, {});
  if (!model) {
    found.problem = model.error();
    return;
  }
  TextRequest request;
  request.messages = {user("Hello!")};
  request.max_tokens = 4;
  request.temperature = 0;
  Call call;
  call.timeouts.total = std::chrono::seconds(60);
  auto answer = model->generate(request, call);
  if (!answer)
    found.problem = answer.error();
  else if (answer->text().empty())
    found.problem = Error(Errc::kEngine, "the model answers nothing");
  found.shipped_ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

std::string what_to_do(const Findings& found) {
  for (const PluginFile& plugin : found.plugins)
    if (plugin.scheme == "llama" && !plugin.problem.empty())
      return "the llama plugin is refused, the table above says why";
  bool plugin = false, model = false;
  for (const PluginFile& file : found.plugins) plugin |= file.scheme == "llama";
  for (const ModelFile& file : found.models) model |= file.id == kShippedModel;
  if (!plugin)
    return "build the llama plugin (./x build), or name its directory in INFER_PLUGIN_PATH";
  if (!model)
    return "tiny-chat.gguf belongs into share/infer/models beside lib/, or name its directory in "
           "MODELS_PATH";
  return "infer run --verbose Hello shows what the engine says";
}

std::string list(const char* title, const std::vector<std::string>& items) {
  std::string text = title;
  for (const std::string& item : items) text += "\n  " + item;
  return text + (items.empty() ? "\n  none\n" : "\n");
}

std::string indented(const std::string& table) {
  std::string text;
  for (std::size_t at = 0; at < table.size();) {
    const std::size_t end = table.find('\n', at) + 1;
    text += "  " + table.substr(at, end - at);
    at = end;
  }
  return text;
}

std::string cpu_text(const Cpu& cpu) {
  std::string text = "Processor\n  " + (cpu.name.empty() ? "unknown" : cpu.name) + "\n  " +
                     std::to_string(cpu.usable) + " usable, " + std::to_string(cpu.cores) +
                     " of them for engines (physical cores within the quota)\n";
  if (cpu.features.empty()) return text;
  text += " ";
  for (const auto& [feature, there] : cpu.features) text += (there ? " " : " no ") + feature;
  return text + "\n";
}

// Which plugin each scheme takes: of an engine with flavours for graphics processors the best one.
std::string taken_text(const std::vector<PluginFile>& plugins) {
  std::string text;
  for (const PluginFile& plugin : plugins) {
    if (!plugin.problem.empty()) continue;
    if (!plugin.taken_for.empty())
      text += "  " + plugin.taken_for + ": takes " + plugin.scheme + "\n";
    const bool other = std::any_of(plugins.begin(), plugins.end(), [&](const PluginFile& flavour) {
      return flavour.taken_for == plugin.scheme;
    });
    if (!other && plugin.taken_for.empty())
      text += "  " + plugin.scheme + ": takes " + plugin.scheme + "\n";
  }
  return text;
}

std::string devices_table(const std::vector<PluginFile>& plugins) {
  Table table;
  table.row({"PLUGIN", "DEVICE", "KIND", "FREE", "MEMORY", "WHAT"});
  const auto size = [](std::int64_t bytes) { return bytes > 0 ? short_size(bytes) : ""; };
  for (const PluginFile& plugin : plugins)
    for (const Device& device : plugin.devices)
      table.row({plugin.scheme, device.name, device.type, size(device.memory_free),
                 size(device.memory_total), device.description});
  return table.text();
}

// No one is asked: only what would be used is told.
std::string providers_table(const std::vector<ProviderStatus>& providers) {
  Table table;
  table.row({"PROVIDER", "KEY", "ADDRESS", "FROM", "PROBLEM"});
  for (const ProviderStatus& p : providers)
    table.row({std::string(p.provider->scheme) + ":", p.key ? "set" : "not set", p.address,
               p.from.empty() ? "built in" : p.from, p.problem});
  return table.text();
}

std::string environment_text() {
  std::string text = "Environment\n";
  for (const char* name : kPaths)
    text += "  " + std::string(name) + "  " + (is_set(name) ? std::getenv(name) : "not set") + "\n";
  for (const char* name : key_variables())
    text += "  " + std::string(name) + "  " + (is_set(name) ? "set" : "not set") + "\n";
  return text;
}

std::string text_of(const Findings& found) {
  std::string text = "infer " + std::string(version()) + ", plugin ABI " +
                     std::to_string(INFER_ABI) + ", compiled by " + INFER_CLI_COMPILER + "\n";
  text += cpu_text(found.cpu);
  text += list("Plugin directories", found.plugin_directories);
  text += "Plugins\n" + indented(plugins_table(found.plugins));
  text += taken_text(found.plugins);
  text += "Devices\n" + indented(devices_table(found.plugins));
  text += list("Model directories", found.model_directories);
  text += "Models\n" + indented(models_table(found.models));
  text += "Providers\n" + indented(providers_table(found.providers));
  text += environment_text();
  text += "The shipped model, " + std::string(kShippedModel) + "\n  ";
  if (found.problem)
    return text + std::string(to_string(found.problem->code())) + ": " + found.problem->message() +
           "\n  what to do: " + what_to_do(found) + "\n";
  char ms[32];
  std::snprintf(ms, sizeof ms, "%.0f ms", found.shipped_ms);
  return text + "answers, " + ms + " after it was asked for\n";
}

core::Json json_of(const Findings& found) {
  core::Json json = version_json();
  core::Json features = core::Json::object();
  for (const auto& [feature, there] : found.cpu.features) features[feature] = there;
  json["cpu"] = {{"name", found.cpu.name},
                 {"usable", found.cpu.usable},
                 {"cores", found.cpu.cores},
                 {"features", features}};
  json["plugin_directories"] = found.plugin_directories;
  json["model_directories"] = found.model_directories;
  json["plugins"] = json["models"] = core::Json::array();
  for (const PluginFile& plugin : found.plugins) json["plugins"].push_back(to_json(plugin));
  for (const ModelFile& model : found.models) json["models"].push_back(to_json(model));
  for (const char* name : kPaths)
    json["environment"][name] = is_set(name) ? core::Json(std::getenv(name)) : core::Json();
  for (const char* name : key_variables()) json["keys"][name] = is_set(name);
  for (const ProviderStatus& p : found.providers) {
    core::Json& entry = json["providers"][p.provider->scheme];
    entry = {{"key", p.key}, {"address", p.address}};
    if (!p.from.empty()) entry["from"] = p.from;
    if (!p.problem.empty()) entry["problem"] = p.problem;
  }
  core::Json& shipped = json["shipped_model"];
  shipped = {{"id", kShippedModel}, {"ok", !found.problem}};
  if (found.problem) {
    shipped["code"] = std::string(to_string(found.problem->code()));
    shipped["message"] = found.problem->message();
    shipped["what_to_do"] = what_to_do(found);
  } else {
    shipped["ms"] = found.shipped_ms;
  }
  return json;
}

}  // namespace

int doctor(bool json) {
  show_engine_log(false);
  Findings found;
  try_shipped(found);
  std::string text;
  if (!json) append_visible(text, text_of(found), Lines::kMany);
  const int printed = json ? print_json(json_of(found)) : print(text);
  if (printed != kOk) return printed;
  return found.problem ? kFailed : kOk;
}

}  // namespace infer::cli
