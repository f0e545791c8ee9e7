/* It says that it makes embeddings, and answers with text. Breaks embed.rows. */
#include "broken.h"

static int describe(infer_model* model, infer_str* json, infer_error* error) {
  static const char text[] = "{\"name\":\"broken\",\"tasks\":[\"text\",\"embed\"]}";
  (void)model;
  (void)error;
  json->data = text;
  json->size = sizeof text - 1;
  return INFER_OK;
}

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  static const char request[] =
      "{\"messages\":[{\"parts\":[{\"text\":\"0.1 0.2\",\"type\":\"text\"}],\"role\":\"user\"}],"
      "\"task\":\"text\"}";
  infer_open mine = *how;
  if (how->task != INFER_TASK_EMBED) return echo_open(model, how, out, error);
  mine.task = INFER_TASK_TEXT;
  mine.request.data = request;
  mine.request.size = sizeof request - 1;
  return echo_open(model, &mine, out, error);
}

BROKEN_PLUGIN(.describe = describe, .open = open_source)
