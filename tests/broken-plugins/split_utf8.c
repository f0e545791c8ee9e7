/* The last byte of a word goes out with the next word, even if it is half of a character. Breaks
   text.split_utf8. */
#include "broken.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  int result = echo_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_DELTA &&
      out->data.data[out->data.size - 1] & 0x80) {
    if (s->left == 0) s->stage = DELTAS, s->left = 1;
    --out->data.size;
    --s->at;
  }
  return result;
}

BROKEN_PLUGIN(.next = next)
