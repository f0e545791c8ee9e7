/* next sleeps until there is something, in place of saying PENDING. Breaks next.waits. */
#define _POSIX_C_SOURCE 199309L
#include <time.h>

#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  const struct timespec pause = {0, 60 * 1000 * 1000};
  if (s->stage != BEFORE_WAKE) return echo_next(s, out, error);
  s->stage = START;
  nanosleep(&pause, NULL);
  return echo_next(s, out, error);
}

BROKEN_PLUGIN(.next = next)
