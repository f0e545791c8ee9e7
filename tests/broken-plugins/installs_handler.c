/* The program's Ctrl-C is taken over. Breaks process.state. */
#include <signal.h>

#include "broken.h"

static int load(const infer_load* how, infer_model** out, infer_error* error) {
  signal(SIGINT, SIG_IGN);
  return echo_load(how, out, error);
}

BROKEN_PLUGIN(.load = load)
