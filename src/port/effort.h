// For tests alone: how far a test searches that tries many cases. All the way; under a sanitizer,
// which takes ten times as long and finds what it finds in any of the cases, through a part.
#ifndef INFER_SRC_PORT_EFFORT_H_
#define INFER_SRC_PORT_EFFORT_H_

#include <cstddef>

namespace infer::port {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
inline constexpr bool kSanitized = true;
#else
inline constexpr bool kSanitized = false;
#endif
#else
inline constexpr bool kSanitized = false;
#endif

// How many of `n` random cases are tried, and how many of what they must show.
template <typename N>
constexpr N effort(N n) {
  return kSanitized ? static_cast<N>((n + 9) / 10) : n;
}

// From one place to the next that is tried, where otherwise each is: a prime, so that it does not
// keep step with what repeats.
inline constexpr std::size_t kStride = kSanitized ? 11 : 1;

}  // namespace infer::port

#endif  // INFER_SRC_PORT_EFFORT_H_
