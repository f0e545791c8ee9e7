/* The user has stopped loading, and it goes on. Breaks load.cancel. */
#include "broken.h"

static int load(const infer_load* how, infer_model** out, infer_error* error) {
  infer_load mine = *how;
  mine.progress = NULL;
  if (how->progress) how->progress(how->ctx, 0.5f);
  return echo_load(&mine, out, error);
}

BROKEN_PLUGIN(.load = load)
