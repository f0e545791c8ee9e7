/* Nothing is wrong with it: what the others here are before they are broken. */
#include "painter.h"

BROKEN_PAINTER(.name = {"sound", 5})
