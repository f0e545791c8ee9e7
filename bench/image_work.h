// What both sides of bench image are asked for, and what they give.
#ifndef INFER_BENCH_IMAGE_WORK_H_
#define INFER_BENCH_IMAGE_WORK_H_

#include <chrono>
#include <cstdint>
#include <ctime>
#include <string>

namespace infer::bench {

// One picture, with everything said that its pixels and its time depend on.
struct Painting {
  std::string prompt{};
  std::uint64_t seed = 0;
  std::uint32_t side = 64;  // pixels
  std::uint32_t steps = 8;
  double guidance = 1;
  const char* method = "euler";
  const char* scheduler = "discrete";
};

struct Painted {
  double seconds = 0;    // from the call to its return
  double processor = 0;  // seconds of processor time of the whole process
  std::string pixels{};  // RGB, without gaps
};

// Both clocks from its making.
class Watch {
 public:
  double seconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  }
  double processor() const { return now() - processor_; }

 private:
  static double now() {
    timespec spent{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent);
    return static_cast<double>(spent.tv_sec) + static_cast<double>(spent.tv_nsec) * 1e-9;
  }
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  double processor_ = now();
};

}  // namespace infer::bench

#endif  // INFER_BENCH_IMAGE_WORK_H_
