// An app that is not running: asked again until it is.
#ifndef INFER_SRC_CLOUD_MODAL_COLD_START_H_
#define INFER_SRC_CLOUD_MODAL_COLD_START_H_

#include <chrono>
#include <memory>

#include "infer/backend.h"

namespace infer::cloud {

inline constexpr std::chrono::milliseconds kColdStart = std::chrono::minutes(20);

struct ColdStart {
  std::chrono::milliseconds limit = kColdStart;  // for how long it is asked again
  std::chrono::milliseconds first_wait{250};     // doubled each time
  std::chrono::milliseconds most_wait{5000};
};

// Whether this is how an app that is not running yet answers. `may_run_twice`: a request that may
// have run can be sent again.
bool is_cold(const Error& error, bool may_run_twice);

// Whether it is Modal's proxy that refuses, and not the app behind it.
bool said_by_modal(const Error& error);

// The backend, asked again while its app is cold and nothing of an answer has come. The wait for
// the first content (`first`, what a Call leaves unset) covers all attempts. What still fails when
// the limit is over has the detail "cold_start", how long it was waited in milliseconds, and the
// hint kNo: a Retry outside does not wait the same time again. What is no sign of a cold app goes
// through as it is, with its own hint.
std::shared_ptr<const Backend> make_cold_start(ColdStart policy, std::chrono::milliseconds first,
                                               std::shared_ptr<const Backend> inner);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_MODAL_COLD_START_H_
