// What is asked for besides the conversation, as the command line has it.
#ifndef INFER_APPS_ANSWER_OPTIONS_H_
#define INFER_APPS_ANSWER_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "infer/call.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer::cli {

// In seconds; unset: as long as it takes.
struct Times {
  std::optional<double> total{}, connect{}, first{}, idle{};
};
Call call_of(const Times& times, const StopToken& stop);

struct AnswerOptions {
  TextRequest request{};                  // what options fill in directly
  std::vector<std::string> logit_bias{};  // "ID=VALUE"
  std::string effort{};
  std::optional<std::uint32_t> logprobs{};
  bool truncate = false;
  std::string schema_file{};
  bool json_object = false;  // some JSON object, of no schema
  std::string grammar_file{};
  std::string tools_file{};
  std::string tool_choice{};  // "auto", "none", "required" or a tool's name
};

// The request without its messages; reads the files. kInvalidRequest or kNotFound, naming the
// option.
Result<TextRequest> request_of(const AnswerOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_ANSWER_OPTIONS_H_
