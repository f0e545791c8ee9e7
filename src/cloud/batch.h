// Embedding requests that are larger than what a provider takes at once, as several.
#ifndef INFER_SRC_CLOUD_BATCH_H_
#define INFER_SRC_CLOUD_BATCH_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "infer/backend.h"

namespace infer::cloud {

// Of one request; 0: no limit.
struct BatchLimits {
  std::size_t inputs = 0;
  std::size_t bytes = 0;  // of all its texts
};

// Where each piece ends: the fewest pieces, in order, each within the limits but for a text that is
// over them alone, which is the server's to refuse.
std::vector<std::size_t> batch_ends(const std::vector<std::string>& inputs,
                                    const BatchLimits& limits);

// `inner`, whose embedding requests never go over the limits. A reply is one all the same: rows in
// the order of the inputs, the usage summed, the facts of the first piece and the rate limits of
// the last to end; attempts is the most that a piece took. Up to four pieces run at once. The first
// error ends it, with the details "batch" (which piece, from 0) and "first_input" (which input of
// the request the piece begins with).
std::shared_ptr<const Backend> batched(std::shared_ptr<const Backend> inner, BatchLimits limits);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_BATCH_H_
