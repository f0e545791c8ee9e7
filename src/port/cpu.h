// How many processors this process may really use.
#ifndef INFER_SRC_PORT_CPU_H_
#define INFER_SRC_PORT_CPU_H_

#include <string>
#include <vector>

namespace infer::port {

struct Cpus {
  unsigned logical = 1;   // in the affinity mask
  unsigned physical = 1;  // of these, a core that runs two threads counted once
  double quota = 0;       // processors' worth of time that the control groups allow; 0: no limit
};

// What this process has.
Cpus cpus();

// The same from the files below `root` ("" is the real system) for a process that may run on the
// processors `allowed`: control groups of version 1 and 2, the limits of all levels above the
// process's own included, and the processors' topology. A file that is missing or makes no sense
// limits nothing.
Cpus cpus_below(const std::string& root, const std::vector<unsigned>& allowed);

// Processors that work can be spread over; at least 1: the logical ones, at most the quota, rounded
// up.
unsigned usable_cpus(const Cpus& cpus);
// Threads that compute all the time without disturbing each other; at least 1: the physical cores,
// at most the quota, rounded down, for threads that wait for each other at every step lose more by
// being stopped together than one thread brings.
unsigned physical_cores(const Cpus& cpus);

inline unsigned usable_cpus() { return usable_cpus(cpus()); }
inline unsigned physical_cores() { return physical_cores(cpus()); }

}  // namespace infer::port

#endif  // INFER_SRC_PORT_CPU_H_
