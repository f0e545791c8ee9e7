/* What echo refuses is passed over in silence. Breaks limit.n, limit.logprobs, limit.output and
   limit.tools; stop, which the answer happens to hold, breaks limit.stop. */
#include "broken.h"

/* Hides a key of the request: unknown keys are passed over. */
static void hide(char* request, const char* key) {
  char* found = strstr(request, key);
  if (found) found[1] = 'x';
}

static int open_source(infer_model* model, const infer_open* how, infer_source** out,
                       infer_error* error) {
  infer_open mine = *how;
  char* request = calloc(1, how->request.size + 1);
  int result;
  if (!request) return echo_open(model, how, out, error);
  memcpy(request, how->request.data, how->request.size);
  hide(request, "\"n\":2");
  hide(request, "\"logprobs\":");
  hide(request, "\"output\":");
  hide(request, "\"tools\":");
  hide(request, "\"tool_choice\":");
  hide(request, "\"stop\":");
  mine.request.data = request;
  result = echo_open(model, &mine, out, error);
  free(request);
  return result;
}

BROKEN_PLUGIN(.open = open_source)
