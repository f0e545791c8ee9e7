// A conversation as Responses have it: a list of items.
//
//   - what Responses issued goes back byte for byte, ids and encrypted content included, in its
//     order (responses_items.h); parts that were changed since go as plain items;
//   - of other issuers texts, refusals, calls and their results are plain items; reasoning, unknown
//     items and calls that somebody else has run are left out, with the warning "dropped_part".
#ifndef INFER_SRC_CLOUD_OPENAI_RESPONSES_INPUT_H_
#define INFER_SRC_CLOUD_OPENAI_RESPONSES_INPUT_H_

#include <string>
#include <vector>

#include "infer/event.h"
#include "infer/request.h"
#include "infer/result.h"
#include "src/cloud/openai/openai.h"

namespace infer::cloud {

struct ResponsesInput {
  std::string items{};     // JSON array
  bool reasoning = false;  // items of reasoning are among them
};

// kUnsupported, naming the part, for what has no place in a request; kInvalidRequest for an item
// that is no JSON object.
Result<ResponsesInput> write_responses_input(const ServerModel& model, const TextRequest& request,
                                             std::vector<Warning>& warnings);

// The names of the free-text tools that the request offers, in its tools or in items that bring
// tools along.
std::vector<std::string> custom_tools_of(const TextRequest& request);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_RESPONSES_INPUT_H_
