/* A part begins as text and goes on as reasoning. Breaks part.kind. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_DELTA) out->part_kind = INFER_PART_REASONING;
  return result;
}

BROKEN_PLUGIN(.next = next)
