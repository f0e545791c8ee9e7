/* The event is copied whole, also to a host whose event is shorter. Breaks size.overrun. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  infer_event mine = {.size = sizeof mine};
  int result = echo_next(s, &mine, error);
  mine.size = out->size;
  if (result == INFER_EVENT) memcpy(out, &mine, sizeof mine);
  return result;
}

BROKEN_PLUGIN(.next = next)
