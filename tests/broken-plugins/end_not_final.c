/* After the end the answer begins anew. Breaks end.final. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_END) s->stage = START;
  return result;
}

BROKEN_PLUGIN(.next = next)
