#include "bench/report.h"

#include <cstdio>
#include <cstdlib>
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

bool meets(double value, const std::string& goal) {
  if (goal.empty()) return true;
  const double limit = std::strtod(goal.c_str() + goal.find_first_of("-0123456789"), nullptr);
  if (goal.rfind(">=", 0) == 0) return value >= limit;
  return goal.rfind("<=", 0) == 0 ? value <= limit : value < limit;
}

int report(const std::string& bench, const std::vector<Metric>& metrics, int argc, char** argv) {
  core::Json out = {{"bench", bench}, {"machine", machine()}, {"metrics", core::Json::array()}};
  std::printf("%-32s %12s %-10s %-8s %-6s %s\n", bench.c_str(), "value", "unit", "goal", "",
              "note");
  bool all_met = true;
  for (const Metric& m : metrics) {
    const bool met = meets(m.value, m.goal);
    all_met = all_met && met;
    std::printf("%-32s %12.4g %-10s %-8s %-6s %s\n", m.name.c_str(), m.value, m.unit.c_str(),
                m.goal.c_str(), m.goal.empty() ? "" : (met ? "met" : "MISSED"), m.note.c_str());
    core::Json entry = {
        {"name", m.name}, {"value", m.value}, {"unit", m.unit}, {"better", m.better}};
    entry["goal"] = m.goal.empty() ? core::Json() : core::Json(m.goal);
    if (!m.goal.empty()) entry["met"] = met;
    if (!m.note.empty()) entry["note"] = m.note;
    out["metrics"].push_back(std::move(entry));
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
  return all_met ? 0 : 1;
}

}  // namespace infer::bench
