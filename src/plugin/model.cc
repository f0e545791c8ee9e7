#include "src/plugin/model.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "src/core/json.h"
#include "src/plugin/codes.h"
#include "src/port/file.h"

namespace infer::plugin {
namespace {

infer_str str(const std::string& s) { return {s.data(), s.size()}; }

// Load::progress and Load::stop as one C callback. Progress never falls, whatever the plugin says.
struct Progress {
  const Load* how;
  double last = 0;

  static int step(void* context, float fraction) {
    auto& self = *static_cast<Progress*>(context);
    if (self.how->stop.stop_requested() || Gate::shutting()) return 1;
    const double now = std::clamp(static_cast<double>(fraction), self.last, 1.0);
    self.last = now;
    if (self.how->progress) self.how->progress(now);
    return 0;
  }
};

Result<infer_model*> call_load(const Library& library, const ModelSpec& spec, const Load& how) {
  port::File file;  // open until load returns; the plugin duplicates what it keeps
  const std::string role = "model";
  infer_file described{};
  described.size = sizeof described;
  described.role = str(role);
  described.path = str(spec.path);
  const infer_file* files[] = {&described};
  if (!spec.path.empty()) {
    auto opened = port::File::open(spec.path);
    if (!opened) return opened.error();
    file = std::move(*opened);
    described.fd = file.fd();
  }
  Progress progress{&how};
  infer_load load{};
  load.size = sizeof load;
  load.name = str(spec.name);
  load.files = files;
  load.n_files = spec.path.empty() ? 0 : 1;
  load.config = str(spec.config);
  load.ctx = &progress;
  load.progress = &Progress::step;
  infer_error error{};
  error.size = sizeof error;
  infer_model* handle = nullptr;
  if (const int code = library.table->load(&load, &handle, &error); code < 0)
    return error_of(code, error);
  if (!handle) return Error(Errc::kEngine, "the plugin loaded nothing and said so to nobody");
  return handle;
}

// One entry per model ever asked for; its mutex is held while it loads.
struct Entry {
  std::mutex mutex;
  std::weak_ptr<Model> model;
};
Entry& entry_of(const std::string& key) {
  static std::mutex* const mutex = new std::mutex;
  static auto* const entries = new std::map<std::string, Entry>;
  std::lock_guard lock(*mutex);
  return (*entries)[key];
}

}  // namespace

Model::~Model() {
  leave();
  if (!handle_ || Gate::forked()) return;
  if (Gate gate; gate) table().unload(handle_);
}

void Model::shut() { table().unload(std::exchange(handle_, nullptr)); }

Result<std::shared_ptr<Model>> Model::load(const Library& library, const ModelSpec& spec,
                                           const Load& how) {
  const std::string key = library.scheme + '\n' + (spec.path.empty() ? spec.name : spec.path) +
                          '\n' + spec.config;
  Entry& entry = entry_of(key);
  std::lock_guard lock(entry.mutex);
  if (auto shared = entry.model.lock()) {
    if (how.progress) how.progress(1.0);
    return shared;
  }
  if (how.stop.stop_requested())
    return Error(how.stop.reason().value_or(Errc::kCancelled), "the load was stopped");
  Gate gate;
  if (!gate) return Error(Errc::kEngine, "the process is exiting");
  auto handle = call_load(library, spec, how);
  if (!handle) return handle.error();
  auto model = std::make_shared<Model>(library, *handle);
  entry.model = model;
  return model;
}

Result<ModelInfo> Model::describe(const ModelSpec& spec) const {
  ModelInfo info;
  info.provider = library_.scheme;
  info.name = spec.name;
  infer_str text{};
  infer_error error{};
  error.size = sizeof error;
  if (const int code = table().describe(handle_, &text, &error); code < 0)
    return error_of(code, error);
  auto json = core::parse_json(std::string_view(text.data ? text.data : "", text.size));
  if (!json)
    return Error(Errc::kEngine, "the plugin describes its model in broken JSON: " +
                                    json.error().message());
  info.family = core::string_or(*json, "family");
  info.quantization = core::string_or(*json, "quantization");
  info.context = core::int_at(*json, "context");
  info.parameters = core::int_at(*json, "parameters");
  info.size_bytes = core::int_at(*json, "size_bytes");
  const core::Json* can = core::find(*json, "capabilities");
  const auto known = [&](const char* what) {
    const core::Json* value = can ? core::find(*can, what) : nullptr;
    if (!value || !value->is_boolean()) return Known::kUnknown;
    return value->get<bool>() ? Known::kYes : Known::kNo;
  };
  info.tools = known("tools");
  info.json_schema = known("json_schema");
  info.grammar = known("grammar");
  info.vision = known("vision");
  info.logprobs = known("logprobs");
  info.reasoning = known("reasoning");
  return info;
}

}  // namespace infer::plugin
