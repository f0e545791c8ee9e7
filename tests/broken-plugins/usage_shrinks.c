/* The usage of FINISH counts fewer input tokens than the one before. Breaks usage.shrinks. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_FINISH) s->usage.input = 0;
  return result;
}

BROKEN_PLUGIN(.next = next)
