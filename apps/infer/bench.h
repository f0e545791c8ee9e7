// infer bench: how fast a model reads and writes here.
#ifndef INFER_APPS_BENCH_H_
#define INFER_APPS_BENCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "apps/infer/load_options.h"

namespace infer::cli {

struct BenchOptions {
  std::string model{};
  std::vector<std::int64_t> prompts{};        // tokens to read; empty: 128, 512, what fits
  std::vector<std::int64_t> widths{1, 2, 4};  // answers at once
  std::int64_t tokens = 64;                   // to write, an answer
  std::int64_t repeat = 3;
  LoadOptions load{};
  bool json = false;
};
int bench(const BenchOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_BENCH_H_
