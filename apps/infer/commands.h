// The commands that tell and check. Each gives the exit code; `json` prints one JSON document.
#ifndef INFER_APPS_COMMANDS_H_
#define INFER_APPS_COMMANDS_H_

#include <optional>
#include <string>
#include <vector>

#include "apps/infer/answer_options.h"
#include "apps/infer/cloud_options.h"

namespace infer::cli {

struct ModelsOptions {
  std::string provider{};  // its scheme; empty: the local models
  CloudOptions cloud{};
  Times times{};
  bool json = false;
};
int show_models(const ModelsOptions& options);
int show_plugins(bool json);

struct WarmupOptions {
  std::string model{};
  CloudOptions cloud{};
  Times times{};
  bool json = false;
};
// Waits until a model that may have to be started answers.
int warm_up(const WarmupOptions& options);

int show_version(bool json);
// What is found here and what is missing; fails if the shipped model does not answer.
int doctor(bool json);

// The file of a model that discovery finds by its id ("llama:tiny-chat"); empty if it finds none.
std::string find_model_file(const std::string& id);

struct CheckOptions {
  std::string file{};                  // the plugin
  std::optional<std::string> model{};  // what stands behind the scheme
  std::vector<std::string> files{};    // model files
  std::string config{};                // JSON
  bool varies = false;                 // the text differs also at temperature 0
  double wake_limit = 60;              // seconds from "nothing yet" to the wake-up
  double call_limit = 0.05;            // seconds that a call which must not wait may take
  double timeout = 120;                // seconds without progress that count as hanging
  bool json = false;
};
// Runs the conformance suite in a process of its own.
int check_plugin_file(const CheckOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_COMMANDS_H_
