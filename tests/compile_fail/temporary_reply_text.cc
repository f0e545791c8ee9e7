// The range of a temporary Reply outlives it: in C++20 the Reply dies before the loop's body runs.
// expect: use of deleted function .*text\(\)
// expect: call to deleted member function 'text'
#include "infer/infer.h"

void read(const infer::TextModel& model) {
#ifdef OK
  auto reply = model.stream("x");
  for (auto chunk : reply.text()) (void)chunk;
#else
  for (auto chunk : model.stream("x").text()) (void)chunk;
#endif
}
