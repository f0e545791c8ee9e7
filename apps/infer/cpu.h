// What processor this is, for infer doctor.
#ifndef INFER_APPS_CPU_H_
#define INFER_APPS_CPU_H_

#include <string>
#include <utility>
#include <vector>

namespace infer::cli {

struct Cpu {
  std::string name{};   // empty: the system does not tell
  unsigned usable = 1;  // processors that this process may use
  unsigned cores = 1;   // physical cores of these: the threads that engines share
  // What the engines' kernels are built for, and whether it is there. Empty on other machines.
  std::vector<std::pair<std::string, bool>> features{};
};
Cpu this_cpu();

}  // namespace infer::cli

#endif  // INFER_APPS_CPU_H_
