/* The table is of an ABI that nobody asked for. Breaks abi.version. */
#include "broken.h"

BROKEN_PLUGIN(.abi = INFER_ABI + 1)
