// One reply is one running request: it moves, and has no copy.
// expect: use of deleted function .*Reply
// expect: call to .*deleted .*constructor of '(infer::)?(v0::)?Reply'
#include <utility>

#include "infer/infer.h"

void copy(infer::Reply reply) {
#ifdef OK
  infer::Reply other = std::move(reply);
#else
  infer::Reply other = reply;
#endif
  (void)other;
}
