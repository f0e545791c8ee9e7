/* Something beside the entry is exported. Breaks symbols.extra. */
#include "broken.h"

INFER_EXPORT int broken_helper(void);
int broken_helper(void) { return 0; }

BROKEN_PLUGIN(.name = {"two_symbols", 11})
