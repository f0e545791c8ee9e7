// What the soaks share: what the process holds, and a watch that ends it when nothing goes on.
#ifndef INFER_BENCH_SOAK_WATCH_H_
#define INFER_BENCH_SOAK_WATCH_H_

#include <atomic>
#include <random>
#include <string>

#include "bench/report.h"

namespace infer::bench {

// A sanitizer keeps freed memory to see who still uses it.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr char kMemoryGoal[] = "";
#else
inline constexpr char kMemoryGoal[] = "<= 16384";
#endif

class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // From 0 to below n.
  unsigned below(unsigned n) { return static_cast<unsigned>(engine_() % n); }

 private:
  std::mt19937_64 engine_;
};

struct Held {
  long files = 0, threads = 0, rss_kib = 0;
};
// Now, after what the allocator keeps for later went back to the system.
Held held();
// Large blocks go back to the system when they are freed, so that memory which grows is held by
// somebody. By default the allocator learns to keep them, hundreds of megabytes in a soak. First
// thing in main.
void give_back_large_blocks();

// Ends the process, whose figures would be worth nothing, when `progress` does not grow for a
// minute. Returns once `over`.
void watch(const std::atomic<long>& progress, const std::atomic<bool>& over);

Metric growth(const char* name, long from, long to, const char* goal);

}  // namespace infer::bench

#endif  // INFER_BENCH_SOAK_WATCH_H_
