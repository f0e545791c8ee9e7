/* The first part is counted as part 1. Breaks part.index. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->part_kind == INFER_PART_TEXT) out->part = 1;
  return result;
}

BROKEN_PLUGIN(.next = next)
