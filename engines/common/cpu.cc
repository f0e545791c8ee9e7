#include "cpu.h"

#if defined(__x86_64__)
#include <cpuid.h>

#include <cstdint>
#endif

namespace infer::engine {

#if defined(__x86_64__)
namespace {

// Which register states the operating system saves; bits 1 and 2 are the SSE and AVX halves.
uint32_t saved_states() {
  uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}

}  // namespace

// The list is that of engines/*/upstream/CMakeLists.txt.
const char* missing_cpu_feature() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0) return "CPUID";
  if ((c & (1u << 20)) == 0) return "SSE4.2";
  if ((c & (1u << 27)) == 0 || (c & (1u << 28)) == 0 || (saved_states() & 6u) != 6u) return "AVX";
  if ((c & (1u << 12)) == 0) return "FMA";
  if ((c & (1u << 29)) == 0) return "F16C";
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0 || (b & (1u << 5)) == 0) return "AVX2";
  if ((b & (1u << 8)) == 0) return "BMI2";
  return nullptr;
}
#else
const char* missing_cpu_feature() { return nullptr; }
#endif

}  // namespace infer::engine
