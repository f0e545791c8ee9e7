#include "bench/soak_watch.h"

#include <dirent.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <thread>

namespace infer::bench {
namespace {

constexpr std::chrono::seconds kDeadlock{60};

long status_line(const char* name) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind(name, 0) == 0) return std::atol(line.c_str() + std::strlen(name));
  }
  return 0;
}

}  // namespace

Held held() {
  Held out;
#if defined(__GLIBC__)
  malloc_trim(0);  // what the allocator keeps for later is not held by anybody
#endif
  if (DIR* directory = opendir("/proc/self/fd")) {
    while (readdir(directory) != nullptr) ++out.files;
    closedir(directory);
  }
  out.threads = status_line("Threads:");
  out.rss_kib = status_line("VmRSS:");
  return out;
}

void give_back_large_blocks() {
#if defined(__GLIBC__)
  mallopt(M_MMAP_THRESHOLD, 128 * 1024);
#endif
}

void watch(const std::atomic<long>& progress, const std::atomic<bool>& over) {
  using Clock = std::chrono::steady_clock;
  long seen = -1;
  auto since = Clock::now();
  while (!over.load()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    const long now = progress.load();
    if (now != seen) {
      seen = now;
      since = Clock::now();
    } else if (Clock::now() - since > kDeadlock) {
      std::fprintf(stderr, "bench soak: DEADLOCK: nothing for a minute after %ld events\n", now);
      std::_Exit(1);
    }
  }
}

Metric growth(const char* name, long from, long to, const char* goal) {
  return Metric{name, static_cast<double>(to - from),
                "",   "lower",
                goal, "from " + std::to_string(from) + " to " + std::to_string(to)};
}

}  // namespace infer::bench
