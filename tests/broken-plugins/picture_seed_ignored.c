/* No two pictures are the same, whatever the seed. Breaks picture.seed. */
#include "painter.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  static int64_t opened;
  int result = painter_open(model, how, out, error);
  if (result == INFER_OK) (*out)->seed = __atomic_add_fetch(&opened, 1, __ATOMIC_RELAXED);
  return result;
}

BROKEN_PAINTER(.open = open_source)
