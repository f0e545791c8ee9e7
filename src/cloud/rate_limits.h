// What the headers of an answer say of the limits on an account. Every provider has them in one of
// two families of names:
//
//   x-ratelimit-{limit,remaining,reset}-WHAT            OpenAI, Groq, and those who do as they do
//   anthropic-ratelimit-WHAT-{limit,remaining,reset}    Anthropic
//
// WHAT is taken as it comes, so that a new one needs no edit here.
#ifndef INFER_SRC_CLOUD_RATE_LIMITS_H_
#define INFER_SRC_CLOUD_RATE_LIMITS_H_

#include <chrono>
#include <vector>

#include "infer/event.h"
#include "src/http/transport.h"

namespace infer::cloud {

// How long a provider's windows are, where its documents say so and its headers do not; 0: not
// known.
struct RateWindows {
  std::chrono::seconds requests{0};
  std::chrono::seconds tokens{0};
};

// In the order of their headers. A value that is no number, or is negative, is left out; a reset
// that has passed is 0. `now` is what dates are counted from.
std::vector<RateLimit> typed_rate_limits(
    const http::HttpHead& head, const RateWindows& windows = {},
    std::chrono::system_clock::time_point now = std::chrono::system_clock::now());

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_RATE_LIMITS_H_
