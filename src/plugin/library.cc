#include "src/plugin/library.h"

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "src/core/json.h"
#include "src/plugin/abi_structs.h"
#include "src/plugin/codes.h"
#include "src/plugin/exit.h"
#include "src/plugin/host.h"
#include "src/port/paths.h"
#include "src/port/shared_object.h"

namespace infer {
namespace plugin {
namespace {

#define INFER_STRING_2(x) #x
#define INFER_STRING(x) INFER_STRING_2(x)
constexpr const char* kEntry = INFER_STRING(INFER_PLUGIN_ENTRY);

constexpr std::string_view kPrefix = "infer-";
constexpr std::string_view kSuffix = ".so";

Result<void> check_table(const infer_plugin& table) {
  if (table.size < offsetof(infer_plugin, init))
    return Error(Errc::kUnsupported, "its table is too small to be one");
  if (table.abi != INFER_ABI)
    return Error(Errc::kUnsupported, "it speaks plugin ABI " + std::to_string(table.abi) +
                                         ", this library speaks " + std::to_string(INFER_ABI));
  if (!has(table, &infer_plugin::init) || !has(table, &infer_plugin::load) ||
      !has(table, &infer_plugin::unload) || !has(table, &infer_plugin::describe) ||
      !has(table, &infer_plugin::open) || !has(table, &infer_plugin::next) ||
      !has(table, &infer_plugin::cancel) || !has(table, &infer_plugin::close))
    return Error(Errc::kUnsupported, "its table lacks a required function");
  return {};
}

Error about(const std::string& path, const Error& error) {
  return Error(error.code(), "plugin " + path + ": " + error.message());
}

// The entry of a file that may be opened.
Result<void*> open_file(const std::string& path) {
  if (auto ok = port::trusted(path); !ok) return about(path, ok.error());
  auto symbol = port::load_symbol(path, kEntry);
  if (!symbol) return about(path, symbol.error());
  return symbol;
}

Result<const Library*> start(const std::string& path, void* symbol) {
  using Entry = const infer_plugin* (*)(std::uint32_t);
  const infer_plugin* table = reinterpret_cast<Entry>(symbol)(INFER_ABI);
  if (!table)
    return about(
        path, Error(Errc::kUnsupported, "it cannot serve plugin ABI " + std::to_string(INFER_ABI)));
  if (auto ok = check_table(*table); !ok) return about(path, ok.error());
  infer_error error{};
  error.size = sizeof error;
  if (const int code = table->init(&host(), &error); code < 0)
    return about(path, error_of(code, error));
  auto library = std::make_unique<Library>();
  library->path = path;
  library->scheme = std::string(view(table->name));
  library->version = std::string(view(table->version));
  library->licence = std::string(view(table->licence));
  library->table = table;
  return library.release();  // for ever: there is no unloading
}

}  // namespace

Result<const Library*> load(const std::string& path) {
  const auto real = port::canonical(path);
  if (!real || port::file_kind(*real) != port::FileKind::kFile)
    return Error(Errc::kNotFound, "no plugin file " + path);
  static std::mutex* const mutex = new std::mutex;
  // Also what went wrong: a plugin is initialised once, and stays loaded either way.
  static auto* const started = new std::map<std::string, Result<const Library*>>;
  std::lock_guard lock(*mutex);
  if (const auto found = started->find(*real); found != started->end()) return found->second;
  Gate gate;
  if (!gate) return Gate::why();
  auto entry = open_file(*real);
  if (!entry) return entry.error();  // not loaded: it may be another file the next time
  register_exit_handler();
  return started->emplace(*real, start(*real, *entry)).first->second;
}

namespace {

// The file of this very name in the first directory that has one.
std::string file_of(std::string_view scheme) {
  for (const std::string& directory : plugin_directories()) {
    std::string path = directory + "/" + std::string(kPrefix) + std::string(scheme);
    path += kSuffix;
    if (port::file_kind(path) == port::FileKind::kFile) return path;
  }
  return {};
}

Result<const Library*> load_as(const std::string& path, std::string_view scheme) {
  auto library = load(path);
  if (library && (*library)->scheme != scheme)
    return Error(Errc::kUnsupported, "plugin " + path + " calls itself '" + (*library)->scheme +
                                         "', not '" + std::string(scheme) + "'");
  return library;
}

Error not_there(std::string_view scheme) {
  std::string searched;
  for (const std::string& directory : plugin_directories())
    searched += (searched.empty() ? "" : ", ") + directory;
  return Error(Errc::kNotFound, "no backend '" + std::string(scheme) +
                                    "': not built in, and no plugin infer-" + std::string(scheme) +
                                    ".so in " +
                                    (searched.empty() ? "any plugin directory" : searched));
}

void say_refused(const Error& error) {
  const std::string line = "taking another flavour: " + error.message();
  host().log(host().ctx, 2, infer_str{line.data(), line.size()});
}

}  // namespace

Result<const Library*> find_exactly(std::string_view scheme) {
  const std::string path = file_of(scheme);
  if (path.empty()) return not_there(scheme);
  return load_as(path, scheme);
}

Result<const Library*> find(std::string_view scheme) {
  std::optional<Error> refused;
  for (const std::string_view flavour : kFlavours) {
    const std::string name = std::string(scheme) + std::string(flavour);
    const std::string path = file_of(name);
    if (path.empty()) continue;
    auto library = load_as(path, name);
    if (library) return library;
    if (flavour.empty()) return library.error();
    say_refused(library.error());
    refused = std::move(library.error());
  }
  if (refused) return std::move(*refused);
  return not_there(scheme);
}

namespace {

std::vector<Device> devices_of(const infer_plugin& table) {
  std::vector<Device> devices;
  if (!has(table, &infer_plugin::devices)) return devices;
  infer_str text{};
  infer_error error{};
  error.size = sizeof error;
  if (table.devices(&text, &error) < 0) return devices;
  const auto json = core::parse_json(view(text));
  if (!json || !json->is_array()) return devices;
  for (const core::Json& item : *json) {
    Device device;
    device.name = core::string_or(item, "name");
    device.description = core::string_or(item, "description");
    device.type = core::string_or(item, "type");
    device.memory_free = core::int_at(item, "memory_free").value_or(0);
    device.memory_total = core::int_at(item, "memory_total").value_or(0);
    devices.push_back(std::move(device));
  }
  return devices;
}

// What the plugin says of itself, or why it is refused.
void fill_in(PluginFile& file) {
  const auto library = find_exactly(file.scheme);
  if (!library) {
    file.problem = library.error().message();
    return;
  }
  file.version = (*library)->version;
  file.licence = (*library)->licence;
  file.devices = devices_of(*(*library)->table);
  const std::size_t dash = file.scheme.rfind('-');
  if (dash == std::string::npos) return;
  const std::string plain = file.scheme.substr(0, dash);
  const auto taken = find(plain);
  if (taken && *taken == *library) file.taken_for = plain;
}

}  // namespace
}  // namespace plugin

inline namespace v0 {

std::vector<std::string> plugin_directories() {
  std::vector<std::string> list = port::path_list("INFER_PLUGIN_PATH");
  const std::string here = port::module_directory();
  if (!here.empty()) {
    list.push_back(here + "/" INFER_PLUGIN_SUBDIR);                          // beside the library
    list.push_back(here + "/../" INFER_REL_LIBDIR "/" INFER_PLUGIN_SUBDIR);  // beside bin/
  }
#if defined(INFER_INSTALL_LIBDIR)
  list.push_back(INFER_INSTALL_LIBDIR "/" INFER_PLUGIN_SUBDIR);
#endif
  return port::existing(list);
}

std::vector<PluginFile> list_plugins() {
  std::map<std::string, PluginFile> by_scheme;  // the first directory wins
  for (const std::string& directory : plugin_directories()) {
    for (const std::string& name : port::list_directory(directory)) {
      const bool fits = name.size() > plugin::kPrefix.size() + plugin::kSuffix.size() &&
                        name.starts_with(plugin::kPrefix) && name.ends_with(plugin::kSuffix);
      if (!fits) continue;
      PluginFile file;
      file.scheme = name.substr(plugin::kPrefix.size(),
                                name.size() - plugin::kPrefix.size() - plugin::kSuffix.size());
      if (by_scheme.count(file.scheme) != 0) continue;
      file.path = directory + "/" + name;
      plugin::fill_in(file);
      by_scheme.emplace(file.scheme, std::move(file));
    }
  }
  std::vector<PluginFile> out;
  for (auto& [scheme, file] : by_scheme) out.push_back(std::move(file));
  return out;
}

}  // namespace v0
}  // namespace infer
