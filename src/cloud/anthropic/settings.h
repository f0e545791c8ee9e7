// The settings of a text request, but for its messages, as members of Anthropic's request.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_SETTINGS_H_
#define INFER_SRC_CLOUD_ANTHROPIC_SETTINGS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "infer/error.h"
#include "infer/event.h"
#include "infer/request.h"
#include "src/cloud/raw_object.h"

namespace infer::cloud {

// The wire must be told how long an answer may be. Where the request does not say, as much as every
// Claude since version 4 can write, so that nothing is cut that the model would have said; an older
// model refuses so much by name, and max_tokens is to be set. An answer that ends at this limit
// carries the warning "default_max_tokens".
inline constexpr std::int64_t kDefaultMaxTokens = 32000;

// Tools, tool choice, the form of the answer and reasoning: what counting takes as well.
std::optional<Error> put_anthropic_shape(const TextRequest& request, RawObject& body,
                                         std::vector<Warning>& warnings);
// Length, sampling and labels; after put_anthropic_shape, on which they depend.
void put_anthropic_sampling(const TextRequest& request, RawObject& body,
                            std::vector<Warning>& warnings);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_SETTINGS_H_
