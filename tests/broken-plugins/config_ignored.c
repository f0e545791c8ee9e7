/* A misspelt setting goes unnoticed. Breaks load.config and load.bad_config. */
#include "broken.h"

static int load(const infer_load* how, infer_model** out, infer_error* error) {
  infer_load mine = *how;
  mine.config = str("{}");
  return echo_load(&mine, out, error);
}

BROKEN_PLUGIN(.load = load)
