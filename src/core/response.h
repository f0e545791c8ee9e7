// Collecting a reply's events into a Response.
#ifndef INFER_SRC_CORE_RESPONSE_H_
#define INFER_SRC_CORE_RESPONSE_H_

#include "infer/event.h"
#include "infer/model.h"

namespace infer::core {

// Adds one event. Strings grow geometrically, so a delta costs no allocation of its own. Events
// that break the grammar are taken as well as they can be: the suite names them, this loses
// nothing.
void accumulate(const Event& event, Response& response);

}  // namespace infer::core

#endif  // INFER_SRC_CORE_RESPONSE_H_
