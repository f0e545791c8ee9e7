/* A function of the table is missing. Breaks table.incomplete. */
#include "broken.h"

BROKEN_PLUGIN(.cancel = NULL)
