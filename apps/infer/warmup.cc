#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>

#include "apps/infer/commands.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/info.h"
#include "apps/infer/load_options.h"
#include "apps/infer/signals.h"
#include "apps/infer/terminal.h"

namespace infer::cli {

int warm_up(const WarmupOptions& o) {
  Output out(STDOUT_FILENO);
  const Interrupt interrupt;
  const auto failed = [&](const Error& error) {
    return fail(interrupt.explain(error), out, o.json);
  };
  const auto config = api_config_of(o.cloud);
  if (!config) return failed(config.error());
  if (is_terminal(STDERR_FILENO)) complain("waiting until " + o.model + " answers");
  const auto start = std::chrono::steady_clock::now();
  const auto warm = warmup(o.model, *config, call_of(o.times, interrupt.token()));
  if (!warm) return failed(warm.error());
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (o.json) return print_json(core::Json{{"id", o.model}, {"ok", true}, {"seconds", seconds}});
  char text[48];
  std::snprintf(text, sizeof text, " answers, after %.1f s\n", seconds);
  return print(o.model + text);
}

}  // namespace infer::cli
