// The tools that a request offers, whether one must be used, and how much the model should think.
#ifndef INFER_ENGINES_LLAMA_TOOLS_H_
#define INFER_ENGINES_LLAMA_TOOLS_H_

#include <optional>
#include <string>
#include <vector>

#include "messages.h"

namespace infer::llama {

struct Tool {
  std::string name, description;
  std::string schema;  // JSON Schema of the arguments, as the caller wrote it
};

struct ToolChoice {
  enum class Mode { kAuto, kNone, kRequired, kNamed };
  Mode mode = Mode::kAuto;
  std::string name;  // kNamed
};

struct Tooling {
  std::vector<Tool> tools;
  ToolChoice choice;
  std::optional<bool> parallel;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_TOOLS_H_
