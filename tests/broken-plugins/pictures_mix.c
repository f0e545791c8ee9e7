/* The seed is kept once for all sources. Breaks sources.mix. */
#include "painter.h"

static uint64_t newest; /* what a global would be */

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = painter_open(model, how, out, error);
  if (result == INFER_OK) __atomic_store_n(&newest, (*out)->words, __ATOMIC_RELAXED);
  return result;
}

static int next(infer_source* s, infer_event* out, infer_error* error) {
  s->words = __atomic_load_n(&newest, __ATOMIC_RELAXED);
  return painter_next(s, out, error);
}

BROKEN_PAINTER(.open = open_source, .next = next)
