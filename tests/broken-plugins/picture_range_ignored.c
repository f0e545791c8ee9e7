/* Numbers are brought into their range in silence. Breaks request.range. */
#include "painter.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  static const char request[] = "{\"prompt\":\"whatever it was\",\"task\":\"image\"}";
  infer_open mine = *how;
  int result = painter_open(model, how, out, error);
  if (result == INFER_OK || !strstr(error->message, "range")) return result;
  mine.request.data = request;
  mine.request.size = sizeof request - 1;
  return painter_open(model, &mine, out, error);
}

BROKEN_PAINTER(.open = open_source)
