// The tools that a request offers, whether one must be used, and how much the model should think.
#ifndef INFER_ENGINES_LLAMA_TOOLS_H_
#define INFER_ENGINES_LLAMA_TOOLS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "messages.h"

namespace infer::llama {

struct Tool {
  std::string name, description;
  std::string schema;  // JSON Schema of the arguments, as the caller wrote it; never empty
  Tree tree;           // the same
};

struct ToolChoice {
  enum class Mode { kAuto, kNone, kRequired, kNamed };
  Mode mode = Mode::kAuto;
  std::string name;  // kNamed
};

struct Thinking {
  enum class Effort { kUnset, kNone, kMinimal, kLow, kMedium, kHigh, kMax };
  Effort effort = Effort::kUnset;
  std::optional<int32_t> budget_tokens;
};

struct Tooling {
  std::vector<Tool> tools;
  ToolChoice choice;
  std::optional<bool> parallel;
  Thinking thinking;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_TOOLS_H_
