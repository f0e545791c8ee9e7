#include "host.h"

#include <mutex>
#include <string_view>

#include "ggml.h"
#include "infer_sd.h"

namespace infer::diffusion {
namespace {

thread_local Watcher* t_watcher;
// What the watcher said last while a file was loaded.
thread_local bool t_give_up;
thread_local preview_t t_preview_mode;

void hear(int level, std::string_view line) {
  // The first error is the reason, later ones are what followed from it.
  if (level >= 3 && engine_error().empty()) engine::remember_error(line);
}

int host_level(sd_log_level_t level) {
  switch (level) {
    case SD_LOG_INFO: return 1;
    case SD_LOG_WARN: return 2;
    case SD_LOG_ERROR: return 3;
    default: return 0;
  }
}

int host_level(ggml_log_level level) {
  switch (level) {
    case GGML_LOG_LEVEL_INFO: return 1;
    case GGML_LOG_LEVEL_WARN: return 2;
    case GGML_LOG_LEVEL_ERROR: return 3;
    default: return 0;
  }
}

void on_ggml_log(ggml_log_level level, const char* text, void*) {
  engine::log_piece(host_level(level), level != GGML_LOG_LEVEL_CONT, text, hear);
}

// "FILE:LINE - what": the place is of no use to who reads a message.
const char* without_place(const char* text) {
  const std::string_view line(text);
  const std::size_t dash = line.find(" - ");
  return dash == std::string_view::npos || dash > 64 ? text : text + dash + 3;
}

void on_log(sd_log_level_t level, const char* text, void*) {
  engine::log_piece(host_level(level), true, without_place(text), hear);
}

void on_progress(int step, int steps, float seconds, void*) {
  if (t_watcher == nullptr) return;
  // Threads of the engine read the file meanwhile and would outlive an exception.
  if (infer_sd_loading())
    t_give_up = !t_watcher->loading(step, steps) || t_give_up;
  else if (infer_sd_sampling())
    t_watcher->sampled(step, steps, seconds);
  else
    t_watcher->tiled(step, steps);
}

void on_preview(int, int frames, sd_image_t* pictures, bool, void*) {
  if (t_watcher != nullptr && frames > 0) t_watcher->preview(pictures[0]);
}

// The engine reads files on threads of its own, whose failures belong to the thread that waits for
// them.
struct WorkerErrors {
  std::mutex mutex;
  std::string error;
};
thread_local WorkerErrors* t_worker_errors;  // of this thread's own loads

void* token() { return t_worker_errors; }

void enter(void*) {
  // For the whole life of the thread, which ends with leave().
  static thread_local AbortGuard guard;
  (void)guard;
}

void leave(void* of) {
  if (of == nullptr) return;
  auto& loading = *static_cast<WorkerErrors*>(of);
  const std::lock_guard<std::mutex> lock(loading.mutex);
  if (loading.error.empty()) loading.error = engine_error();
}

bool stop() {
  // Asked many times a second, where progress is told seldom.
  if (t_watcher != nullptr && !t_watcher->loading(-1, -1)) t_give_up = true;
  return t_give_up;
}

}  // namespace

void attach_engine(const infer_host* host) {
  engine::attach_host(host);
  ggml_set_abort_callback(engine::on_engine_abort);
  ggml_log_set(on_ggml_log, nullptr);
  sd_set_log_callback(on_log, nullptr);
  sd_set_progress_callback(on_progress, nullptr);
  infer_sd_set_hooks(infer_sd_hooks_t{token, enter, leave, stop});
}

Watcher::Watcher() {
  t_watcher = this;
  t_give_up = false;
  t_worker_errors = new WorkerErrors;
}

Watcher::~Watcher() {
  // The reason, of which this thread was told no more than that the load failed.
  if (!t_worker_errors->error.empty()) engine::remember_error(t_worker_errors->error);
  delete t_worker_errors;
  t_worker_errors = nullptr;
  t_watcher = nullptr;
}

void begin_previews(preview_t mode) {
  t_preview_mode = mode;
  preview_next_step(false);
}

void preview_next_step(bool wanted) {
  // The callback of this thread alone: the engine keeps one for each (upstream/CMakeLists.txt). It
  // is fetched when a painting begins, whether it is called at each step.
  sd_set_preview_callback(t_preview_mode == PREVIEW_NONE ? nullptr : on_preview, t_preview_mode, 1,
                          wanted, false, nullptr);
}

}  // namespace infer::diffusion
