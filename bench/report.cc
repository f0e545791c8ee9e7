#include "bench/report.h"

#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

#include "src/core/json.h"

namespace infer::bench {
namespace {

std::string machine() {
  std::string model = "unknown processor";
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    if (line.rfind("model name", 0) != 0) continue;
    model = line.substr(line.find(':') + 2);
    break;
  }
  return model + ", " + std::to_string(std::thread::hardware_concurrency()) + " threads, " +
         "compiler " __VERSION__;
}

}  // namespace

int report(const std::string& bench, const std::vector<Metric>& metrics, int argc, char** argv) {
  core::Json out = {{"bench", bench}, {"machine", machine()}, {"metrics", core::Json::array()}};
  std::printf("%-32s %14s %-12s %-7s %s\n", bench.c_str(), "value", "unit", "better", "goal");
  for (const Metric& m : metrics) {
    std::printf("%-32s %14.4g %-12s %-7s %s\n", m.name.c_str(), m.value, m.unit.c_str(),
                m.better.c_str(), m.goal.c_str());
    out["metrics"].push_back({{"name", m.name},
                              {"value", m.value},
                              {"unit", m.unit},
                              {"better", m.better},
                              {"goal", m.goal.empty() ? core::Json() : core::Json(m.goal)}});
  }
  for (int i = 1; i + 1 < argc; ++i) {
    if (std::strcmp(argv[i], "--json") != 0) continue;
    std::ofstream file(argv[i + 1]);
    file << out.dump(2) << '\n';
    file.close();
    if (!file) {
      std::cerr << "cannot write " << argv[i + 1] << '\n';
      return 1;
    }
  }
  return 0;
}

}  // namespace infer::bench
