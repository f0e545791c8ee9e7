#include "src/port/cpu.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif

namespace infer::port {
namespace {

// cgroup v2's "QUOTA PERIOD" or "max PERIOD"; 0 where there is no limit.
unsigned quota() {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(
      std::fopen("/sys/fs/cgroup/cpu.max", "re"), &std::fclose);
  char line[64] = "";
  if (!file || !std::fgets(line, sizeof line, file.get())) return 0;
  char* end = line;
  const double allowed = std::strtod(line, &end);  // 0 for "max"
  const double period = std::strtod(end, nullptr);
  return allowed > 0 && period > 0 ? static_cast<unsigned>((allowed + period - 1) / period) : 0;
}

}  // namespace

unsigned usable_cpus() {
  unsigned n = std::thread::hardware_concurrency();
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) n = static_cast<unsigned>(CPU_COUNT(&set));
#endif
  if (const unsigned limit = quota(); limit != 0) n = std::min(n, limit);
  return std::max(n, 1u);
}

}  // namespace infer::port
