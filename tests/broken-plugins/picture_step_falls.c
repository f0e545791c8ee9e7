/* Steps are counted down. Breaks progress.steps. */
#include "painter.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = painter_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_PROGRESS) out->step = out->steps - out->step;
  return result;
}

BROKEN_PAINTER(.next = next)
