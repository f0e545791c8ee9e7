#include "apps/infer/load.h"

#include <unistd.h>

#include <string_view>

#include "apps/infer/exit_code.h"
#include "apps/infer/output.h"
#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

constexpr int kAborting = 4;  // infer_host::log: the process is about to abort

void log_line(void*, int level, std::string_view line) {
  constexpr const char* kNames[] = {"debug", "info", "warning", "error", "fatal"};
  const int known = level < 0 ? 0 : level > kAborting ? kAborting : level;
  complain(std::string("engine: ") + kNames[known] + ": " + std::string(line));
}

void log_fatal(void* context, int level, std::string_view line) {
  if (level >= kAborting) log_line(context, level, line);
}

}  // namespace

Result<TextModel> load_model(const std::string& id, const Config& config, const StopToken& stop) {
  Output terminal(STDERR_FILENO);
  ProgressBar bar(terminal, "Loading " + id, is_terminal(STDERR_FILENO));
  Load load;
  load.stop = stop;
  load.progress = [&bar](double fraction) { bar.update(fraction); };
  return text(id, config, load);
}

void show_engine_log(bool all) { set_log(all ? &log_line : &log_fatal, nullptr); }

}  // namespace infer::cli
