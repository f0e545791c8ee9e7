#include "host.h"

#include <string_view>

#include "llama.h"

namespace infer::llama {
namespace {

thread_local bool t_not_locked;

// What llama.cpp says last is often only that the load failed; the reason is the line before.
bool tells_nothing(std::string_view line) {
  return line.find("failed to load model") != std::string_view::npos &&
         line.find(": error") == std::string_view::npos;
}

void hear(int level, std::string_view line) {
  if (level >= 3 && (engine_error().empty() || !tells_nothing(line))) engine::remember_error(line);
  if (line.find("failed to mlock") != std::string_view::npos) t_not_locked = true;
}

int host_level(ggml_log_level level) {
  switch (level) {
    case GGML_LOG_LEVEL_INFO: return 1;
    case GGML_LOG_LEVEL_WARN: return 2;
    case GGML_LOG_LEVEL_ERROR: return 3;
    default: return 0;
  }
}

void on_log(ggml_log_level level, const char* text, void*) {
  engine::log_piece(host_level(level), level != GGML_LOG_LEVEL_CONT, text, hear);
}

}  // namespace

void attach_engine(const infer_host* host) {
  engine::attach_host(host);
  llama_log_set(on_log, nullptr);
  ggml_set_abort_callback(engine::on_engine_abort);
}

void clear_engine_error() {
  engine::clear_engine_error();
  t_not_locked = false;
}
bool engine_could_not_lock() { return t_not_locked; }

}  // namespace infer::llama
