/* cancel does nothing: the answer goes on to its end. Breaks cancel.ignored. */
#include "broken.h"

static void cancel(infer_source* s) { (void)s; }

BROKEN_PLUGIN(.cancel = cancel)
