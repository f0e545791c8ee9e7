// The inside of the layer Retry (infer/layers.h): its decision, which is a pure function, and the
// way to put it on with another source of chance.
#ifndef INFER_SRC_LAYERS_RETRY_H_
#define INFER_SRC_LAYERS_RETRY_H_

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "infer/layers.h"
#include "src/layers/retry_budget.h"

namespace infer::layers {

// A failed attempt, as far as the decision depends on it.
struct FailedAttempt {
  std::uint32_t number = 1;   // 1, 2, ...
  bool may_run_twice = true;  // false: pictures
  // Until the Call's deadline; unset: none.
  std::optional<std::chrono::milliseconds> time_left{};
  double chance = 0;  // 0 <= chance < 1
};

struct RetryVerdict {
  // How long to wait before the next attempt; unset: no further one.
  std::optional<std::chrono::milliseconds> wait{};
  // Why an error that may be retried is not: "ambiguous", "attempts", "max_wait", "deadline". Empty
  // for one that may not.
  std::string_view stopped{};
};

// `backoff` doubled retry-1 times, at most `max_backoff`, times 1 - chance/4; whole milliseconds,
// rounded up. Negative times count as 0.
std::chrono::milliseconds back_off(const Retry& policy, std::uint32_t retry, double chance);

RetryVerdict judge(const Retry& policy, const Error& error, const FailedAttempt& attempt);

// Gives numbers 0 <= x < 1; called from several threads at once.
using Chance = std::function<double()>;

std::shared_ptr<const Backend> make_retry(Retry policy, std::shared_ptr<const Backend> inner,
                                          std::shared_ptr<RetryBudget> budget, Chance chance);

}  // namespace infer::layers

#endif  // INFER_SRC_LAYERS_RETRY_H_
