#include "apps/infer/run.h"

#include <unistd.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "apps/infer/answer.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/json_lines.h"
#include "apps/infer/load.h"
#include "apps/infer/output.h"
#include "apps/infer/prompt.h"
#include "apps/infer/signals.h"
#include "apps/infer/stats.h"
#include "apps/infer/terminal.h"
#include "infer/layers.h"

namespace infer::cli {
namespace {

bool has_local_options(const LocalConfig& l) {
  return l.context || l.batch || l.threads || l.parallel || l.gpu_layers || l.mmap;
}

std::optional<Error> check_config(const RunOptions& o) {
  if (!o.config || !has_local_options(o.local)) return std::nullopt;
  return Error(Errc::kInvalidRequest,
               "--config cannot be used beside --context, --threads, --parallel, --batch, "
               "--gpu-layers and --no-mmap; put them into it")
      .with_detail("field", "config");
}

Config config_of(const RunOptions& o) {
  Config config;
  if (o.config)
    config.emplace<PluginConfig>().json = *o.config;
  else if (has_local_options(o.local))
    config.emplace<LocalConfig>(o.local);
  return config;
}

Call call_of(const RunOptions& o, const StopToken& stop) {
  const auto ms = [](const std::optional<double>& seconds) {
    using Ms = std::chrono::milliseconds;
    std::optional<Ms> time;
    if (seconds) time = Ms(static_cast<Ms::rep>(*seconds * 1000));
    return time;
  };
  Call call;
  call.stop = stop;
  call.timeouts.total = ms(o.timeouts.total);
  call.timeouts.connect = ms(o.timeouts.connect);
  call.timeouts.first = ms(o.timeouts.first);
  call.timeouts.idle = ms(o.timeouts.idle);
  return call;
}

TextRequest request_of(const RunOptions& o, std::string prompt) {
  TextRequest request = o.request;
  if (!o.system.empty()) request.messages.push_back(system(o.system));
  request.messages.push_back(user(std::move(prompt)));
  return request;
}

std::string model_of(const RunOptions& o) {
  if (!o.model.empty()) return o.model;
  complain(std::string("no model named: using ") + kShippedModel +
           ", a tiny demonstration model; name another with -m (infer models lists them)");
  return kShippedModel;
}

// Reads the reply to its end; false if the answer could not be written.
bool print(Reply& reply, Output& out, bool json) {
  Answer answer(out, is_terminal(STDOUT_FILENO));
  while (const Event* event = reply.next()) {
    if (json) {
      append_event(out.buffer(), *event, reply.response().usage);
    } else {
      answer.add(*event);
      if (event->kind == Event::Kind::kWarning) complain("warning: " + std::string(event->id));
    }
    if (!out.flush()) return false;
  }
  if (!json) answer.finish(reply.response());
  return out.flush();
}

// Who asked to stop is known here.
Error by_interrupt(const Error& error) {
  Error mine(Errc::kCancelled, "stopped by Ctrl-C");
  if (error.partial())
    mine = std::move(mine).with_partial(std::make_shared<const Response>(*error.partial()));
  return mine;
}

}  // namespace

int run(const RunOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    const bool stopped = error.code() == Errc::kCancelled && interrupt.requested();
    return fail(stopped ? by_interrupt(error) : error, out, o.json);
  };

  auto prompt = read_prompt(o.prompt, interrupt.token());
  if (!prompt) return failed(prompt.error());
  if (const auto wrong = check_config(o)) return failed(*wrong);
  show_engine_log(o.verbose);
  auto model = load_model(model_of(o), config_of(o), interrupt.token());
  if (!model) return failed(model.error());

  Stats stats;
  const TextModel counted = *model | stats.tap();
  stats.start();
  Reply reply = counted.stream(request_of(o, std::move(*prompt)), call_of(o, interrupt.token()));
  const bool written = print(reply, out, o.json);
  if (!written && !out.reader_gone()) return failed(out.error());
  if (o.stats) Output(STDERR_FILENO).write(stats.text(reply.response().usage));
  if (!written) return kOk;  // the reader has what it wanted: `infer run ... | head -1`
  if (const Error* error = reply.error()) return failed(*error);
  return kOk;
}

}  // namespace infer::cli
