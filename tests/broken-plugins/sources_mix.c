/* The place in the answer is kept once for all sources. Breaks sources.mix. */
#include "broken.h"

static infer_source* newest; /* what a global would be */

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = echo_open(model, how, out, error);
  if (result == INFER_OK) __atomic_store_n(&newest, *out, __ATOMIC_RELAXED);
  return result;
}

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_DELTA &&
      __atomic_load_n(&newest, __ATOMIC_RELAXED) != s)
    out->data = str("somebody else's words");
  return result;
}

BROKEN_PLUGIN(.open = open_source, .next = next)
