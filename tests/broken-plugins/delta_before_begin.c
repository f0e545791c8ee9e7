/* Text comes before its part has begun. Breaks part.delta_before_begin. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_USAGE) {
    out->kind = INFER_EV_DELTA;
    out->part_kind = INFER_PART_TEXT;
    out->data = str("too early");
  }
  return result;
}

BROKEN_PLUGIN(.next = next)
