/* close waits for the engine's step instead of leaving the sequence to it. Breaks close.waits. */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "broken.h"

static void close_source(infer_source* s) {
  const struct timespec step = {0, 60 * 1000 * 1000};
  if (s->stage == DELTAS) nanosleep(&step, NULL);
  echo_close(s);
}

BROKEN_PLUGIN(.close = close_source)
