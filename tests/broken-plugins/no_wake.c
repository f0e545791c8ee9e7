/* PENDING, and nobody ever says when to go on. Breaks wake.missing. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  s->wake = NULL;
  return echo_next(s, out, error);
}

BROKEN_PLUGIN(.next = next)
