#include "apps/infer/load.h"

#include <unistd.h>

#include <string_view>

#include "apps/infer/exit_code.h"
#include "apps/infer/load_options.h"
#include "apps/infer/output.h"
#include "apps/infer/terminal.h"
#include "infer/layers.h"

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

Retry patiently(bool told) {
  Retry retry;
  if (!told) return retry;
  retry.on_retry = [attempts = retry.max_retries + 1](const Error& error, std::uint32_t attempt,
                                                      std::chrono::milliseconds wait) {
    complain(retry_text(error, attempt, wait, attempts));
  };
  return retry;
}

// As the options say, and of a provider asked again where that may help. `note`, if there is one,
// is told once the options are known to be good.
template <class Open>
auto open_by(Open open, const std::string& id, const LoadOptions& o, const StopToken& stop,
             const std::string& note = {}) -> decltype(open(id, Config(), Load())) {
  const auto config = config_of(o, id);
  if (!config) return config.error();
  if (!note.empty()) complain(note);
  auto model = with_bar(open, id, *config, stop);
  if (!model || !provider_of(id) || o.cloud.no_retry) return model;
  return *model | patiently(o.verbose || is_terminal(STDERR_FILENO));
}

std::string shipped_note(const std::string& id) {
  return "no model named: using " + id +
         ", a tiny demonstration model; name another with -m (infer models lists them)";
}

Result<ImageModel> open_painter(const std::string& id, const Config& config, const Load& load) {
  auto model = infer::image(id, config, load);
  if (!model) return without_painter(model.error(), id);
  return model;
}

}  // namespace

Error without_painter(const Error& error, const std::string& id) {
  constexpr std::string_view kScheme = "diffusion";
  if (error.code() != Errc::kNotFound || id.rfind(kScheme, 0) != 0) return error;
  for (const PluginFile& plugin : list_plugins())
    if (std::string_view(plugin.scheme).starts_with(kScheme)) return error;
  return Error(Errc::kNotFound, error.message() +
                                    "; it is built with the CMake option INFER_DIFFUSION, or "
                                    "found in the directories of INFER_PLUGIN_PATH")
      .with_detail("field", "model");
}

std::string model_or_shipped(const std::string& name) {
  return name.empty() ? kShippedModel : model_id(name);
}

Result<TextModel> open_text(const std::string& name, const LoadOptions& o, const StopToken& stop) {
  const std::string id = model_or_shipped(name);
  return open_by(&infer::text, id, o, stop, name.empty() ? shipped_note(id) : std::string());
}
Result<ImageModel> open_image(const std::string& name, const LoadOptions& o,
                              const StopToken& stop) {
  const std::string id = name.empty() ? kShippedPainter : image_model_id(name);
  return open_by(&open_painter, id, o, stop, name.empty() ? shipped_note(id) : std::string());
}
Result<EmbeddingModel> open_embedding(const std::string& name, const LoadOptions& o,
                                      const StopToken& stop) {
  return open_by(&infer::embedding, model_id(name), o, stop);
}
Result<RerankModel> open_rerank(const std::string& name, const LoadOptions& o,
                                const StopToken& stop) {
  return open_by(&infer::rerank, model_id(name), o, stop);
}

Result<TextModel> load_model(const std::string& id, const Config& config, const StopToken& stop) {
  return with_bar(&text, id, config, stop);
}
Result<ImageModel> load_painter(const std::string& id, const Config& config,
                                const StopToken& stop) {
  return with_bar(&open_painter, id, config, stop);
}

void show_engine_log(bool all) { set_log(all ? &log_line : &log_fatal, nullptr); }

}  // namespace infer::cli
