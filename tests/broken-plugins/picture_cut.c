/* The last row of each picture is not there. Breaks picture.bytes. */
#include "painter.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = painter_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_MEDIA) s->blob.bytes -= s->blob.stride;
  return result;
}

BROKEN_PAINTER(.next = next)
