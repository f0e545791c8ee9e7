/* FINISH comes while the text part is open. Breaks part.left_open. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_PART_END) result = echo_next(s, out, error);
  return result;
}

BROKEN_PLUGIN(.next = next)
