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
#include "infer/image.h"
#include "infer/plugin.h"

namespace infer::cli {
namespace {

constexpr const char* kPaths[] = {"INFER_PLUGIN_PATH", "MODELS_PATH", "DIFFUSION_MODELS_PATH"};

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

// Formats of picture files that this library reads and writes.
std::vector<std::string> picture_formats() {
  std::vector<std::string> names;
  const Pixels pixel{Blob(std::string(3, '\0')), 1, 1, 3, 3};
  for (const ImageFormat format : {ImageFormat::kPng, ImageFormat::kJpeg, ImageFormat::kWebp})
    if (encode_image(pixel, {.format = format})) names.emplace_back(to_string(format));
  return names;
}

// A shipped model, and whether it does what it is for.
struct Proof {
  const char* id;
  const char* does;       // "answers"
  double ms = 0;          // from the load to the end of the answer
  bool looked_at = true;  // false: nothing here loads it, and nothing has to
  std::optional<Error> problem{};
};

struct Findings {
  Cpu cpu = this_cpu();
  std::vector<std::string> plugin_directories = infer::plugin_directories();
  std::vector<PluginFile> plugins = list_plugins();
  std::vector<std::string> model_directories = infer::model_directories();
  std::vector<ModelFile> models = list_models();
  std::vector<ProviderStatus> providers = look_at_all();
  std::vector<std::string> picture_formats = cli::picture_formats();
  Proof text{kShippedModel, "answers"};
  Proof picture{kShippedPainter, "paints"};

  bool has_plugin(std::string_view scheme) const {
    return std::any_of(plugins.begin(), plugins.end(),
                       [&](const PluginFile& file) { return file.scheme == scheme; });
  }
  bool well() const { return !text.problem && !picture.problem; }
};

Call in_a_minute() {
  Call call;
  call.timeouts.total = std::chrono::seconds(60);
  return call;
}

// One thread: on a busy machine several wait for each other, which would say nothing of a fault.
LocalConfig one_thread() { return LocalConfig{.threads = 1}; }

std::optional<Error> says_something() {
  auto model = load_model(kShippedModel, one_thread(), {});
  if (!model) return model.error();
  TextRequest request;
  request.messages = {user("Hello!")};
  request.max_tokens = 4;
  request.temperature = 0;
  const auto answer = model->generate(request, in_a_minute());
  if (!answer) return answer.error();
  if (answer->text().empty()) return Error(Errc::kEngine, "the model answers nothing");
  return std::nullopt;
}

std::optional<Error> paints_something() {
  auto model = load_painter(kShippedPainter, one_thread(), {});
  if (!model) return model.error();
  ImageRequest request;
  request.prompt = "a red circle";
  request.steps = 2;
  const auto answer = model->generate(request, in_a_minute());
  if (!answer) return answer.error();
  for (const Part& part : answer->message().parts)
    if (part.get<Media>()) return std::nullopt;
  return Error(Errc::kEngine, "the model gives no picture");
}

// The one proof that everything works: the shipped models do something.
void prove(Proof& proof, std::optional<Error> (*works)()) {
  const auto start = std::chrono::steady_clock::now();
  proof.problem = works();
  proof.ms =
      std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
}

void try_shipped(Findings& found) {
  prove(found.text, &says_something);
  // Its plugin is left out of many builds.
  found.picture.looked_at = found.has_plugin("diffusion");
  if (found.picture.looked_at) prove(found.picture, &paints_something);
}

std::string what_to_do(const Findings& found, const Proof& proof) {
  const std::string id = proof.id;
  const std::string scheme = id.substr(0, id.find(':'));
  for (const PluginFile& plugin : found.plugins)
    if (plugin.scheme == scheme && !plugin.problem.empty())
      return "the " + scheme + " plugin is refused, the table above says why";
  bool model = false;
  for (const ModelFile& file : found.models) model |= file.id == id;
  if (!found.has_plugin(scheme))
    return "build the " + scheme +
           " plugin (./x build), or name its directory in INFER_PLUGIN_PATH";
  if (!model)
    return id.substr(scheme.size() + 1) +
           ".gguf belongs into share/infer/models beside lib/, or name its directory in "
           "MODELS_PATH";
  return std::string(scheme == "llama" ? "infer run" : "infer image -o a.png") +
         " --verbose Hello shows what the engine says";
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

constexpr const char* kNoPainter =
    "not tried: there is no diffusion plugin here (CMake option INFER_DIFFUSION)";

std::string proof_text(const Findings& found, const Proof& proof) {
  if (!proof.looked_at) return std::string(kNoPainter) + "\n";
  if (proof.problem)
    return std::string(to_string(proof.problem->code())) + ": " + proof.problem->message() +
           "\n  what to do: " + what_to_do(found, proof) + "\n";
  char ms[32];
  std::snprintf(ms, sizeof ms, "%.0f ms", proof.ms);
  return std::string(proof.does) + ", " + ms + " after it was asked\n";
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
  text += "Picture files\n  ";
  for (const std::string& format : found.picture_formats) text += format + " ";
  if (found.picture_formats.empty())
    text += "none: the library was built without the CMake option INFER_IMAGE";
  text += "\n";
  for (const Proof* proof : {&found.text, &found.picture})
    text += "The shipped model, " + std::string(proof->id) + "\n  " + proof_text(found, *proof);
  return text;
}

core::Json json_of_proof(const Findings& found, const Proof& proof) {
  core::Json json{{"id", proof.id}, {"ok", proof.looked_at && !proof.problem}};
  if (proof.problem) {
    json["code"] = std::string(to_string(proof.problem->code()));
    json["message"] = proof.problem->message();
    json["what_to_do"] = what_to_do(found, proof);
  } else if (proof.looked_at) {
    json["ms"] = proof.ms;
  } else {
    json["message"] = kNoPainter;
  }
  return json;
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
  json["picture_formats"] = found.picture_formats;
  json["shipped_model"] = json_of_proof(found, found.text);
  json["shipped_image_model"] = json_of_proof(found, found.picture);
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
  return found.well() ? kOk : kFailed;
}

}  // namespace infer::cli
