/* Whoever asks for a file of some format gets a GIF. Breaks picture.format. */
#include "painter.h"

static int next(infer_source* s, infer_event* out, infer_error* error) {
  static const char gif[] = "GIF89a\20\0\20\0\200\0\0\0\0\0\0\0\0;";
  int result = painter_next(s, out, error);
  if (result == INFER_EVENT && out->kind == INFER_EV_MEDIA && s->format) {
    s->blob.type = INFER_BYTES;
    s->blob.mime = str("image/gif");
    s->blob.data = gif;
    s->blob.bytes = sizeof gif - 1;
  }
  return result;
}

BROKEN_PAINTER(.next = next)
