// What is tried with every text backend, plugin or C++.
#ifndef INFER_CONFORMANCE_SCENARIOS_H_
#define INFER_CONFORMANCE_SCENARIOS_H_

#include "src/conformance/stream.h"

namespace infer {
inline namespace v0 {

// One whole reply. False where a rule was broken: what follows stands on whole replies, and would
// only say the same again.
bool check_plain_reply(Subject& subject);
// Everything else; after a plain reply that passed.
void check_many_replies(Subject& subject);

}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_SCENARIOS_H_
