/* Whatever task is asked for, text comes. Breaks request.task. */
#include "broken.h"

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  infer_open mine = *how;
  mine.task = INFER_TASK_TEXT;
  return echo_open(model, &mine, out, error);
}

BROKEN_PLUGIN(.open = open_source)
