#include "apps/infer/load.h"

#include <unistd.h>

#include <string_view>

#include "apps/infer/exit_code.h"
#include "apps/infer/load_options.h"
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

template <class Open>
auto with_bar(Open open, const std::string& id, const Config& config, const StopToken& stop) {
  Output terminal(STDERR_FILENO);
  ProgressBar bar(terminal, "Loading " + id, is_terminal(STDERR_FILENO));
  Load load;
  load.stop = stop;
  load.progress = [&bar](double fraction) { bar.update(fraction); };
  return open(id, config, load);
}

}  // namespace

std::string model_or_shipped(const std::string& name) {
  if (!name.empty()) return model_id(name);
  complain(std::string("no model named: using ") + kShippedModel +
           ", a tiny demonstration model; name another with -m (infer models lists them)");
  return kShippedModel;
}

Result<TextModel> load_model(const std::string& id, const Config& config, const StopToken& stop) {
  return with_bar(&text, id, config, stop);
}
Result<EmbeddingModel> load_embedding_model(const std::string& id, const Config& config,
                                            const StopToken& stop) {
  return with_bar(&embedding, id, config, stop);
}
Result<RerankModel> load_rerank_model(const std::string& id, const Config& config,
                                      const StopToken& stop) {
  return with_bar(&rerank, id, config, stop);
}

void show_engine_log(bool all) { set_log(all ? &log_line : &log_fatal, nullptr); }

}  // namespace infer::cli
