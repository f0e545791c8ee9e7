// What the tests drive a plugin with: the shared object opened as a host opens it, and handles that
// close themselves.
#ifndef INFER_ENGINES_LLAMA_PLUGIN_DRIVER_H_
#define INFER_ENGINES_LLAMA_PLUGIN_DRIVER_H_

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engines/common/abi.h"
#include "infer/plugin.h"

namespace infer::test {

inline infer_str str(std::string_view text) { return engine::to_str(text); }

struct Failure {
  int code = 0;
  std::string message, details;
};

// A copied event.
struct Seen {
  int kind = 0, part_kind = 0;
  uint32_t choice = 0, part = 0, finish = 0;
  std::string data, id, extra, raw;
  std::vector<float> vectors;
  uint32_t dimensions = 0, rows = 0;
  bool with_usage = false;
  infer_usage usage = {};
};

// A reply from its first event to its end.
struct Outcome {
  std::vector<Seen> events;
  int result = INFER_PENDING;  // INFER_END or an error
  Failure failure;

  std::string text(uint32_t choice = 0) const {
    std::string out;
    for (const Seen& e : events) {
      if (e.kind == INFER_EV_DELTA && e.choice == choice) out += e.data;
    }
    return out;
  }
  const Seen* last(int kind) const {
    for (auto it = events.rbegin(); it != events.rend(); ++it) {
      if (it->kind == kind) return &*it;
    }
    return nullptr;
  }
  uint32_t finish() const {
    const Seen* e = last(INFER_EV_FINISH);
    return e == nullptr ? 0 : e->finish;
  }
  infer_usage usage() const {
    const Seen* e = last(INFER_EV_FINISH);
    return e == nullptr ? infer_usage{} : e->usage;
  }
};

// What the plugin did with its host: the processor shares it holds and has asked for, the error
// lines it logged.
inline std::atomic<int> g_cpu_held{0}, g_cpu_asked{0}, g_error_lines{0};

// The table of the plugin that the build made, initialised once in this process and never unloaded.
inline const infer_plugin& plugin() {
  static const infer_plugin* const table = [] {
    void* library = dlopen(INFER_TEST_PLUGIN, RTLD_NOW | RTLD_LOCAL);
    if (library == nullptr) ADD_FAILURE() << dlerror();
    using Entry = const infer_plugin* (*)(uint32_t);
    const auto entry = reinterpret_cast<Entry>(dlsym(library, "infer_plugin_v1"));
    static infer_host host = {};
    host.size = sizeof(host);
    host.abi = INFER_ABI;
    host.log = [](void*, int32_t level, infer_str) { g_error_lines.fetch_add(level == 3); };
    host.cpu_acquire = [](void*, uint32_t want) {
      g_cpu_held.fetch_add(1);
      g_cpu_asked.fetch_add(1);
      return want;
    };
    host.cpu_release = [](void*, uint32_t) { g_cpu_held.fetch_sub(1); };
    const infer_plugin* found = entry(INFER_ABI);
    infer_error error = {};
    error.size = sizeof(error);
    EXPECT_EQ(found->init(&host, &error), INFER_OK) << error.message;
    return found;
  }();
  return *table;
}

class Model {
 public:
  Model() = default;
  explicit Model(const std::string& path, const std::string& config = "{\"threads\":1}") {
    load(path, config);
  }
  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;
  ~Model() {
    if (handle_ != nullptr) plugin().unload(handle_);
  }

  // INFER_OK or the failure's code.
  int load(const std::string& path, const std::string& config, int fd = -1,
           int (*progress)(void*, float) = nullptr, void* ctx = nullptr) {
    infer_file file = {};
    file.size = sizeof(file);
    file.fd = fd;
    file.role = str("model");
    file.path = str(path);
    const infer_file* files[] = {&file};
    infer_load how = {};
    how.size = sizeof(how);
    how.name = str(path);
    how.files = files;
    how.n_files = path.empty() && fd < 0 ? 0 : 1;
    how.config = str(config);
    how.progress = progress;
    how.ctx = ctx;
    infer_error error;
    error.size = sizeof(error);
    failure_.code = plugin().load(&how, &handle_, &error);
    if (failure_.code < 0) {
      failure_.message = error.message;
      failure_.details = error.details;
    }
    return failure_.code;
  }
  infer_model* get() const { return handle_; }
  const Failure& failure() const { return failure_; }

 private:
  infer_model* handle_ = nullptr;
  Failure failure_;
};

// A reader that waits for the wake, and counts wakes that come after close.
class Source {
 public:
  Source(const Model& model, const std::string& request, uint32_t task = INFER_TASK_TEXT) {
    infer_open how = {};
    how.size = sizeof(how);
    how.task = task;
    how.request = str(request);
    how.wake_ctx = this;
    how.wake = [](void* self) { static_cast<Source*>(self)->wake(); };
    infer_error error;
    error.size = sizeof(error);
    outcome_.result = plugin().open(model.get(), &how, &handle_, &error);
    if (outcome_.result < 0)
      outcome_.failure = Failure{outcome_.result, error.message, error.details};
    if (outcome_.result >= 0) outcome_.result = INFER_PENDING;
  }
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  ~Source() { close(); }

  bool opened() const { return handle_ != nullptr; }
  void cancel() { plugin().cancel(handle_); }
  void close() {
    if (handle_ == nullptr) return;
    plugin().close(handle_);
    handle_ = nullptr;
    closed_.store(true);
  }

  // One call of next; the event is kept in the outcome.
  int step() {
    infer_event event = {};
    event.size = sizeof(event);
    infer_error error;
    error.size = sizeof(error);
    const int result = plugin().next(handle_, &event, &error);
    if (result == INFER_EVENT) {
      keep(event);
    } else if (result != INFER_PENDING) {
      outcome_.result = result;
      if (result < 0) outcome_.failure = Failure{result, error.message, error.details};
    }
    return result;
  }

  // Waits for the wake; false after a minute, which only a lost wake can take.
  bool wait() {
    std::unique_lock<std::mutex> lock(mutex_);
    const bool woken = bell_.wait_for(lock, std::chrono::seconds(60), [this] { return woken_; });
    woken_ = false;
    return woken;
  }

  // Steps until it is pending no more: an event came, or the end.
  int advance() {
    for (;;) {
      const int result = step();
      if (result != INFER_PENDING) return result;
      if (!wait()) {
        ADD_FAILURE() << "no wake came";
        return INFER_E_TIMEOUT;
      }
    }
  }

  const Outcome& drain() {
    if (!opened()) return outcome_;
    while (advance() == INFER_EVENT) {
    }
    return outcome_;
  }
  const Outcome& outcome() const { return outcome_; }

 private:
  void wake() {
    EXPECT_FALSE(closed_.load()) << "a wake after close";
    {
      std::lock_guard<std::mutex> lock(mutex_);
      woken_ = true;
    }
    bell_.notify_one();
  }

  void keep(const infer_event& event) {
    Seen seen;
    seen.kind = event.kind;
    seen.part_kind = event.part_kind;
    seen.choice = event.choice;
    seen.part = event.part;
    seen.finish = event.finish;
    seen.data = std::string(engine::to_view(event.data));
    seen.id = std::string(engine::to_view(event.id));
    seen.extra = std::string(engine::to_view(event.extra));
    if (event.kind == INFER_EV_VECTORS && event.blob != nullptr) {
      const auto* values = static_cast<const float*>(event.blob->data);
      EXPECT_EQ(event.blob->type, static_cast<uint32_t>(INFER_F32));
      seen.vectors.assign(values, values + event.blob->bytes / sizeof(float));
      seen.dimensions = event.blob->width;
      seen.rows = event.blob->height;
    }
    if (event.usage != nullptr) {
      seen.with_usage = true;
      seen.usage = *event.usage;
      seen.raw = std::string(engine::to_view(event.usage->raw));
    }
    outcome_.events.push_back(std::move(seen));
  }

  infer_source* handle_ = nullptr;
  Outcome outcome_;
  std::mutex mutex_;
  std::condition_variable bell_;
  bool woken_ = false;
  std::atomic<bool> closed_{false};
};

inline Outcome ask(const Model& model, const std::string& request,
                   uint32_t task = INFER_TASK_TEXT) {
  Source source(model, request, task);
  return source.drain();
}

// {"messages":[one message of the user],"task":"text"} with further members, written as JSON.
inline std::string user_says(const std::string& text, const std::string& more = {}) {
  return "{\"messages\":[{\"parts\":[{\"text\":" + engine::json_quote(text) +
         ",\"type\":\"text\"}],\"role\":\"user\"}]" + (more.empty() ? "" : "," + more) +
         ",\"task\":\"text\"}";
}

}  // namespace infer::test

#endif  // INFER_ENGINES_LLAMA_PLUGIN_DRIVER_H_
