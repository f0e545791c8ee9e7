/* describe gives a text that is no JSON. Breaks describe.json. */
#include "broken.h"

static int describe(infer_model* model, infer_str* json, infer_error* error) {
  (void)model, (void)error;
  *json = str("echo, version 1");
  return INFER_OK;
}

BROKEN_PLUGIN(.describe = describe)
