// What every benchmark does at its end: a table for people, a JSON file for machines.
//   {"bench": NAME, "machine": TEXT, "metrics": [{"name", "value", "unit", "better", "goal", "met",
//    "note"}]}
// Medians are taken by the benchmark; a goal is "<= 2", "< 2" or ">= 2", or empty.
#ifndef INFER_BENCH_REPORT_H_
#define INFER_BENCH_REPORT_H_

#include <algorithm>
#include <cstddef>
#include <string>
#include <vector>

namespace infer::bench {

struct Metric {
  std::string name{};
  double value = 0;  // NaN: there is none, which misses every goal
  std::string unit{};
  std::string better{};  // "lower" or "higher"
  std::string goal{};
  std::string note{};  // what else there is to know, such as the spread
};

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

// Whether the value meets the goal; an empty goal is met.
bool meets(double value, const std::string& goal);

// Prints the table; writes the file that `--json FILE` names. Non-zero if a goal was missed or the
// file could not be written.
int report(const std::string& bench, const std::vector<Metric>& metrics, int argc, char** argv);

}  // namespace infer::bench

#endif  // INFER_BENCH_REPORT_H_
