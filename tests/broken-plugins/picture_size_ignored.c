/* All pictures have the size that it likes best. Breaks picture.size. */
#include "painter.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = painter_open(model, how, out, error);
  if (result == INFER_OK) (*out)->width = (*out)->height = 16;
  return result;
}

BROKEN_PAINTER(.open = open_source)
