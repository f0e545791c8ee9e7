#include "host.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "engines/common/abi.h"
#include "llama.h"

namespace infer::llama {
namespace {

// Constant after init; trivially destructible, because engine threads may outlive static
// destructors.
infer_host g_host;

// llama.cpp logs a line in pieces, all from one thread. Plain arrays: a thread may end after the
// plugin's statics.
struct Line {
  char text[512];
  std::size_t size;
  int level;
};
thread_local Line t_line;
thread_local char t_error[512];
thread_local bool t_not_locked;
thread_local int t_guards;  // AbortGuards that live on this thread

void host_log(int level, std::string_view line) {
  if (g_host.log != nullptr) g_host.log(g_host.ctx, level, engine::to_str(line));
}

// What llama.cpp says last is often only that the load failed; the reason is the line before.
bool tells_nothing(std::string_view line) {
  return line.find("failed to load model") != std::string_view::npos &&
         line.find(": error") == std::string_view::npos;
}

void end_line() {
  const std::string_view line(t_line.text, t_line.size);
  if (line.empty()) return;
  if (t_line.level >= 3 && (t_error[0] == '\0' || !tells_nothing(line))) {
    std::memcpy(t_error, t_line.text, t_line.size);
    t_error[t_line.size] = '\0';
  }
  if (line.find("failed to mlock") != std::string_view::npos) t_not_locked = true;
  host_log(t_line.level, line);
  t_line.size = 0;
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
  if (level != GGML_LOG_LEVEL_CONT) {
    end_line();
    t_line.level = host_level(level);
  }
  for (const char* c = text; *c != '\0'; ++c) {
    if (*c == '\n') {
      end_line();
    } else if (t_line.size < sizeof(t_line.text) - 1) {
      // Names in a file may be any bytes; the host gets UTF-8.
      const auto byte = static_cast<unsigned char>(*c);
      t_line.text[t_line.size++] = byte < 0x20 || byte >= 0x7F ? '?' : *c;
    }
  }
}

// "FILE:LINE: what", with the file's directories left out: they are those of the build.
std::string_view without_directories(std::string_view message) {
  const std::size_t slash = message.substr(0, message.find(':')).rfind('/');
  return slash == std::string_view::npos ? message : message.substr(slash + 1);
}

// Called by ggml_abort, which ends the process if this returns.
void on_abort(const char* message) {
  const std::string_view text = without_directories(message);
  host_log(t_guards > 0 ? 3 : 4, text);
  if (t_guards > 0) throw EngineAbort(std::string(text));
}

}  // namespace

void attach_host(const infer_host* host) {
  g_host = engine::read_struct(host);
  llama_log_set(on_log, nullptr);
  ggml_set_abort_callback(on_abort);
}

std::string engine_error() { return t_error; }
void clear_engine_error() {
  t_error[0] = '\0';
  t_not_locked = false;
}
bool engine_could_not_lock() { return t_not_locked; }

AbortGuard::AbortGuard() { ++t_guards; }
AbortGuard::~AbortGuard() { --t_guards; }

CpuShare::CpuShare(uint32_t want)
    : granted_(want), counted_(g_host.cpu_acquire != nullptr && g_host.cpu_release != nullptr) {
  if (counted_) granted_ = std::max<uint32_t>(1, g_host.cpu_acquire(g_host.ctx, want));
}

CpuShare::~CpuShare() {
  if (counted_) g_host.cpu_release(g_host.ctx, granted_);
}

}  // namespace infer::llama
