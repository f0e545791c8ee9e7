#include "src/port/cpu.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <set>
#include <thread>
#if defined(__linux__)
#include <sched.h>
#endif

namespace infer::port {
namespace {

// The first line of a file; empty if there is none.
std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// The lower of two limits, of which 0 is none.
double lower(double a, double b) {
  if (!(a > 0)) return b;
  return b > 0 ? std::min(a, b) : a;
}

double share(double time, double period) { return time > 0 && period > 0 ? time / period : 0; }

// Version 2: "QUOTA PERIOD", or "max PERIOD", which reads as no number and so as no limit.
double limit_v2(const std::string& directory) {
  const std::string line = first_line(directory + "/cpu.max");
  char* end = nullptr;
  const double time = std::strtod(line.c_str(), &end);
  return share(time, std::strtod(end, nullptr));
}

// Version 1: a file each; the quota is -1 where there is no limit.
double limit_v1(const std::string& directory) {
  const std::string time = first_line(directory + "/cpu.cfs_quota_us");
  const std::string period = first_line(directory + "/cpu.cfs_period_us");
  return share(std::strtod(time.c_str(), nullptr), std::strtod(period.c_str(), nullptr));
}

// The lowest limit of a group and of all groups above it. Inside a container the group's path may
// be one of the machine outside; then the levels that do not exist here limit nothing, and the top
// one is the container's own.
double limit_up(const std::string& mount, std::string group, double (*limit)(const std::string&)) {
  double lowest = 0;
  while (group.size() > 1) {
    lowest = lower(lowest, limit(mount + group));
    group.erase(group.rfind('/'));
  }
  return lower(lowest, limit(mount));
}

bool names(const std::string& list, const std::string& word) {
  return ("," + list + ",").find("," + word + ",") != std::string::npos;
}

// The groups of this process, a line each: "ID:CONTROLLERS:/PATH"; version 2 has no controllers.
double quota_below(const std::string& root) {
  const std::string mounts = root + "/sys/fs/cgroup";
  std::ifstream file(root + "/proc/self/cgroup");
  double quota = 0;
  for (std::string line; std::getline(file, line);) {
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string group = line.substr(second + 1);
    if (!group.empty() && group.front() != '/') continue;
    if (controllers.empty()) {
      quota = lower(quota, limit_up(mounts, group, limit_v2));
      quota = lower(quota, limit_up(mounts + "/unified", group, limit_v2));
    } else if (names(controllers, "cpu")) {
      for (const std::string& mount : std::set<std::string>{"cpu", controllers, "cpu,cpuacct"})
        quota = lower(quota, limit_up(mounts + "/" + mount, group, limit_v1));
    }
  }
  return quota;
}

// Hyper-threads of one core name the same list of siblings. Without a list a processor is a core.
unsigned cores_below(const std::string& root, const std::vector<unsigned>& allowed) {
  std::set<std::string> cores;
  for (const unsigned cpu : allowed) {
    const std::string own = std::to_string(cpu);
    const std::string topology = root + "/sys/devices/system/cpu/cpu" + own + "/topology/";
    std::string siblings = first_line(topology + "core_cpus_list");
    if (siblings.empty()) siblings = first_line(topology + "thread_siblings_list");
    cores.insert(siblings.empty() ? "cpu " + own : siblings);
  }
  return static_cast<unsigned>(cores.size());
}

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> allowed;
#if defined(__linux__)
  // A machine may have more processors than a cpu_set_t; then all of them count.
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu)
      if (CPU_ISSET(cpu, &set)) allowed.push_back(cpu);
  }
#endif
  if (allowed.empty()) {
    for (unsigned cpu = 0; cpu < std::max(std::thread::hardware_concurrency(), 1U); ++cpu)
      allowed.push_back(cpu);
  }
  return allowed;
}

unsigned capped(unsigned count, double limit) {
  if (limit > 0) count = static_cast<unsigned>(std::min<double>(count, limit));
  return std::max(count, 1U);
}

}  // namespace

Cpus cpus() { return cpus_below("", allowed_cpus()); }

Cpus cpus_below(const std::string& root, const std::vector<unsigned>& allowed) {
  Cpus found;
  found.logical = std::max(static_cast<unsigned>(allowed.size()), 1U);
  found.physical = std::max(cores_below(root, allowed), 1U);
  found.quota = quota_below(root);
  return found;
}

unsigned usable_cpus(const Cpus& cpus) { return capped(cpus.logical, std::ceil(cpus.quota)); }

unsigned physical_cores(const Cpus& cpus) {
  const double whole = cpus.quota > 0 ? std::max(std::floor(cpus.quota), 1.0) : 0;
  return capped(cpus.physical, whole);
}

}  // namespace infer::port
