// infer run: a prompt in, text or JSON lines out.
#ifndef INFER_APPS_RUN_H_
#define INFER_APPS_RUN_H_

#include <optional>
#include <string>

#include "infer/registry.h"
#include "infer/request.h"

namespace infer::cli {

struct RunOptions {
  std::string model{};                  // empty: the shipped one
  std::optional<std::string> prompt{};  // "-": stdin
  std::string system{};
  TextRequest request{};  // all but its messages
  LocalConfig local{};
  std::optional<std::string> config{};  // JSON
  struct {
    std::optional<double> total{}, connect{}, first{}, idle{};  // seconds
  } timeouts{};
  bool json = false;
  bool stats = false;
  bool verbose = false;
};

// The exit code.
int run(const RunOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_RUN_H_
