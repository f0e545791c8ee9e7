/* The one choice finishes again. Breaks finish.twice. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_END) {
    out->kind = INFER_EV_FINISH;
    out->finish = INFER_FIN_STOP;
    result = INFER_EVENT;
  }
  return result;
}

BROKEN_PLUGIN(.next = next)
