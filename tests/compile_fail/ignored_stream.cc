// A Reply that nobody keeps is cancelled at once.
// flags: -Werror=unused-result
// expect: ignoring returned value of type .*nodiscard
// expect: ignoring return value .*nodiscard
#include "infer/infer.h"

void ask(const infer::TextModel& model) {
#ifdef OK
  auto reply = model.stream("x");
  (void)reply;
#else
  model.stream("x");
#endif
}
