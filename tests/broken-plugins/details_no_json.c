/* The details of an error are for people, not for machines. Breaks error.details. */
#include "broken.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = echo_open(model, how, out, error);
  if (result < 0) strcpy(error->details, "see the message");
  return result;
}

BROKEN_PLUGIN(.open = open_source)
