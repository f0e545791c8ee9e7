/* next returns a number that plugin.h does not know. Breaks next.result. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result != INFER_END) return result;
  return fail(error, 0, "the answer is over", none), 3;
}

BROKEN_PLUGIN(.next = next)
