/* max_tokens is taken without a word, and the answer is longer. Breaks limit.max_tokens. */
#include "broken.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  int result = echo_open(model, how, out, error);
  if (result == INFER_OK) (*out)->left = (*out)->usage.input, (*out)->cut = 0;
  return result;
}

BROKEN_PLUGIN(.open = open_source)
