/* A line for the developer, in the middle of the program's output. Breaks output.silent. */
#include "broken.h"

static int load(const infer_load* how, infer_model** out, infer_error* error) {
  printf("loading...\n");
  return echo_load(how, out, error);
}

BROKEN_PLUGIN(.load = load)
