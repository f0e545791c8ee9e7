/* The threads of the process's budget are taken and never given back. Breaks unload.budget. */
#include "broken.h"

static const infer_host* host;

static int init(const infer_host* theirs, infer_error* error) {
  host = theirs;
  return echo_init(theirs, error);
}

static int load(const infer_load* how, infer_model** out, infer_error* error) {
  host->cpu_acquire(host->ctx, 1);
  return echo_load(how, out, error);
}

BROKEN_PLUGIN(.init = init, .load = load)
