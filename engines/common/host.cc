#include "host.h"

#include <algorithm>
#include <cstring>

#include "abi.h"

namespace infer::engine {
namespace {

// Constant after init; trivially destructible, because engine threads may outlive static
// destructors.
infer_host g_host;

// Plain arrays: a thread may end after the plugin's statics.
struct Line {
  char text[512];
  std::size_t size;
  int level;
};
thread_local Line t_line;
thread_local char t_error[512];
thread_local int t_guards;  // AbortGuards that live on this thread

void end_line(HearsLine hears) {
  const std::string_view line(t_line.text, t_line.size);
  if (line.empty()) return;
  hears(t_line.level, line);
  host_log(t_line.level, line);
  t_line.size = 0;
}

// "FILE:LINE: what", with the file's directories left out: they are those of the build.
std::string_view without_directories(std::string_view message) {
  const std::size_t slash = message.substr(0, message.find(':')).rfind('/');
  return slash == std::string_view::npos ? message : message.substr(slash + 1);
}

}  // namespace

void attach_host(const infer_host* host) { g_host = read_struct(host); }

void host_log(int level, std::string_view line) {
  if (g_host.log != nullptr) g_host.log(g_host.ctx, level, to_str(line));
}

void log_piece(int level, bool begins, const char* text, HearsLine hears) {
  if (begins) {
    end_line(hears);
    t_line.level = level;
  }
  for (const char* c = text; *c != '\0'; ++c) {
    if (*c == '\n') {
      end_line(hears);
    } else if (t_line.size < sizeof(t_line.text) - 1) {
      // Names in a file may be any bytes; the host gets UTF-8.
      const auto byte = static_cast<unsigned char>(*c);
      t_line.text[t_line.size++] = byte < 0x20 || byte >= 0x7F ? '?' : *c;
    }
  }
}

void remember_error(std::string_view line) {
  const std::size_t size = std::min(line.size(), sizeof(t_error) - 1);
  std::memcpy(t_error, line.data(), size);
  t_error[size] = '\0';
}

std::string engine_error() { return t_error; }
void clear_engine_error() { t_error[0] = '\0'; }

AbortGuard::AbortGuard() { ++t_guards; }
AbortGuard::~AbortGuard() { --t_guards; }

void on_engine_abort(const char* message) {
  const std::string_view text = without_directories(message);
  host_log(t_guards > 0 ? 3 : 4, text);
  if (t_guards > 0) throw EngineAbort(std::string(text));
}

CpuShare::CpuShare(uint32_t want)
    : granted_(want), counted_(g_host.cpu_acquire != nullptr && g_host.cpu_release != nullptr) {
  if (counted_) granted_ = std::max<uint32_t>(1, g_host.cpu_acquire(g_host.ctx, want));
}

CpuShare::~CpuShare() {
  if (counted_) g_host.cpu_release(g_host.ctx, granted_);
}

}  // namespace infer::engine
