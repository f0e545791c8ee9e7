/* A request is refused, and nobody learns why. Breaks error.no_message. */
#include "broken.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = echo_open(model, how, out, error);
  if (result < 0) error->message[0] = '\0';
  return result;
}

BROKEN_PLUGIN(.open = open_source)
