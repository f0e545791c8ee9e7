// Only a layer goes around a model.
// expect: no match for 'operator\|'
// expect: invalid operands to binary expression
#include "infer/infer.h"

struct NotALayer {};

void wrap(const infer::TextModel& model) {
#ifdef OK
  auto wrapped = model | infer::Tap{};
#else
  auto wrapped = model | NotALayer{};
#endif
  (void)wrapped;
}
