/* An error gets its message and nothing else, though it comes with only its size set. Breaks
   error.unset. */
#include "broken.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  infer_error mine = {.size = sizeof mine};
  int result = echo_open(model, how, out, &mine);
  if (result < 0) memcpy(error->message, mine.message, sizeof mine.message);
  return result;
}

BROKEN_PLUGIN(.open = open_source)
