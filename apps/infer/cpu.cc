#include "apps/infer/cpu.h"

#include <fstream>
#include <sstream>

#include "src/port/cpu.h"

namespace infer::cli {
namespace {

// The value of the first line "key : value" of /proc/cpuinfo; empty where there is none.
std::string cpuinfo(const std::string& key) {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(':');
    if (colon == std::string::npos || line.compare(0, key.size(), key) != 0) continue;
    const std::size_t value = line.find_first_not_of(' ', colon + 1);
    return value == std::string::npos ? std::string() : line.substr(value);
  }
  return {};
}

}  // namespace

Cpu this_cpu() {
  Cpu cpu;
  cpu.name = cpuinfo("model name");
  const port::Cpus found = port::cpus();
  cpu.usable = port::usable_cpus(found);
  cpu.cores = port::physical_cores(found);
  const std::string flags = cpuinfo("flags");
  if (flags.empty()) return cpu;
  const std::string padded = " " + flags + " ";
  for (const char* feature : {"avx", "avx2", "fma", "f16c", "bmi2", "avx512f"})
    cpu.features.emplace_back(feature,
                              padded.find(" " + std::string(feature) + " ") != std::string::npos);
  return cpu;
}

}  // namespace infer::cli
