// A failure that nobody looks at.
// flags: -Werror=unused-result
// expect: ignoring returned value of type .*nodiscard
// expect: ignoring return value .*nodiscard
#include "infer/infer.h"

void open() {
#ifdef OK
  auto model = infer::text("echo:");
  (void)model;
#else
  infer::text("echo:");
#endif
}
