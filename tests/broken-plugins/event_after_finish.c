/* Something comes after the last FINISH. Breaks finish.after. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_END) {
    out->kind = INFER_EV_WARNING;
    out->data = str("late");
    result = INFER_EVENT;
  }
  return result;
}

BROKEN_PLUGIN(.next = next)
