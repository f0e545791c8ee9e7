#include "src/plugin/model.h"

#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <map>
#include <mutex>
#include <utility>

#include "src/core/json.h"
#include "src/plugin/abi_structs.h"
#include "src/plugin/codes.h"
#include "src/port/file.h"

namespace infer::plugin {
namespace {

infer_str str(const std::string& s) { return {s.data(), s.size()}; }

// Load::progress and Load::stop as one C callback. Progress never falls, whatever the plugin says.
struct Progress {
  const Load* how;
  double last = 0;

  void report(double now) {
    last = std::clamp(now, last, 1.0);
    if (how->progress) how->progress(last);
  }

  static int step(void* context, float fraction) {
    auto& self = *static_cast<Progress*>(context);
    if (self.how->stop.stop_requested() || Gate::shutting()) return 1;
    if (!std::isnan(fraction)) self.report(static_cast<double>(fraction));
    return 0;
  }
};

Error stopped(const Load& how) {
  return Error(how.stop.reason().value_or(Errc::kCancelled), "the load was stopped");
}

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
  const int code = library.table->load(&load, &handle, &error);
  if (code == INFER_E_CANCELLED && how.stop.stop_requested()) return stopped(how);
  if (code < 0) return error_of(code, error);
  if (!handle) return Error(Errc::kEngine, "the plugin loaded nothing and said so to nobody");
  if (progress.last < 1) progress.report(1);
  return handle;
}

// One for each model that is loaded, or that somebody loads.
struct Entry {
  std::mutex mutex;
  std::condition_variable changed;
  bool loading = false;  // by one thread; others wait for what comes of it
  std::weak_ptr<Model> model;

  bool is_over() {
    std::lock_guard lock(mutex);
    return model.expired();
  }
};
std::shared_ptr<Entry> entry_of(const std::string& key) {
  static std::mutex* const mutex = new std::mutex;
  static auto* const entries = new std::map<std::string, std::shared_ptr<Entry>>;
  std::lock_guard lock(*mutex);
  if (const auto found = entries->find(key); found != entries->end()) return found->second;
  // Those that nobody holds but the map: a program may load ever new models, one after the other.
  std::erase_if(*entries, [](const auto& old) {
    return old.second.use_count() == 1 && old.second->is_over();
  });
  return entries->emplace(key, std::make_shared<Entry>()).first->second;
}

}  // namespace

Model::~Model() {
  Gate gate;
  leave();
  if (gate && handle_) table().unload(handle_);
}

Result<std::shared_ptr<Model>> Model::load_now(const Library& library, const ModelSpec& spec,
                                               const Load& how) {
  Gate gate;
  if (!gate) return Gate::why();
  auto handle = call_load(library, spec, how);
  register_exit_handler();
  if (!handle) return handle.error();
  return std::make_shared<Model>(library, *handle);
}

void Model::shut() { table().unload(std::exchange(handle_, nullptr)); }

Result<std::shared_ptr<Model>> Model::load(const Library& library, const ModelSpec& spec,
                                           const Load& how) {
  const std::string key =
      library.path + '\n' + (spec.path.empty() ? spec.name : spec.path) + '\n' + spec.config;
  const std::shared_ptr<Entry> shared_entry = entry_of(key);
  Entry& entry = *shared_entry;
  const StopCallback on_stop(how.stop, [&entry] {
    std::lock_guard lock(entry.mutex);
    entry.changed.notify_all();
  });
  std::unique_lock lock(entry.mutex);
  entry.changed.wait(lock, [&] { return !entry.loading || how.stop.stop_requested(); });
  if (how.stop.stop_requested()) return stopped(how);
  if (auto shared = entry.model.lock()) {
    lock.unlock();
    if (how.progress) how.progress(1.0);
    return shared;
  }
  entry.loading = true;
  lock.unlock();
  auto model = load_now(library, spec, how);
  lock.lock();
  entry.loading = false;
  if (model) entry.model = *model;
  entry.changed.notify_all();
  return model;
}

Result<ModelInfo> Model::describe(const ModelSpec& spec) const {
  ModelInfo info;
  info.provider = library_.scheme;
  info.name = spec.name;
  infer_str text{};
  infer_error error{};
  error.size = sizeof error;
  Gate gate;
  if (!gate) return Gate::why();
  if (const int code = table().describe(handle_, &text, &error); code < 0)
    return error_of(code, error);
  auto json = core::parse_json(view(text));
  if (!json)
    return Error(Errc::kEngine,
                 "the plugin describes its model in broken JSON: " + json.error().message());
  info.family = core::string_or(*json, "family");
  info.quantization = core::string_or(*json, "quantization");
  info.context = core::int_at(*json, "context");
  info.parameters = core::int_at(*json, "parameters");
  info.size_bytes = core::int_at(*json, "size_bytes");
  if (const core::Json* image = core::find(*json, "image")) {
    info.width = core::int_at(*image, "width");
    info.height = core::int_at(*image, "height");
    info.size_multiple = core::int_at(*image, "multiple");
  }
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
