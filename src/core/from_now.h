// Times that a caller gives, added to the clock.
#ifndef INFER_SRC_CORE_FROM_NOW_H_
#define INFER_SRC_CORE_FROM_NOW_H_

#include <algorithm>
#include <chrono>
#include <optional>

#include "infer/poller.h"

namespace infer::core {

// Now + `time`; the end of all times where it is unset or beyond what the clock can count.
inline Clock::time_point from_now(std::optional<std::chrono::milliseconds> time) {
  if (!time) return Clock::time_point::max();
  const auto now = Clock::now();
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(Clock::time_point::max() - now);
  if (*time >= left) return Clock::time_point::max();
  return now + std::max(*time, std::chrono::milliseconds(0));
}

}  // namespace infer::core

#endif  // INFER_SRC_CORE_FROM_NOW_H_
