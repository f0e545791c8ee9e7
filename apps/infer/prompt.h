// The prompt: an argument, or stdin.
#ifndef INFER_APPS_PROMPT_H_
#define INFER_APPS_PROMPT_H_

#include <optional>
#include <string>

#include "infer/result.h"
#include "infer/stop.h"

namespace infer::cli {

// `argument` as it is, or all of stdin if it is "-". kInvalidRequest if there is none or it is
// empty, kTooLarge over 64 MiB, kCancelled once `stop` is requested while stdin is waited for.
Result<std::string> read_prompt(const std::optional<std::string>& argument, const StopToken& stop);

}  // namespace infer::cli

#endif  // INFER_APPS_PROMPT_H_
