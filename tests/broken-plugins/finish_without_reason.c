/* FINISH does not say why. Breaks finish.reason. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_FINISH) out->finish = 0;
  return result;
}

BROKEN_PLUGIN(.next = next)
