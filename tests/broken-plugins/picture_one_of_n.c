/* One picture comes, however many were asked for. Breaks picture.count. */
#include "painter.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = painter_open(model, how, out, error);
  if (result == INFER_OK) (*out)->n = 1;
  return result;
}

BROKEN_PAINTER(.open = open_source)
