// The prompt: an argument, or stdin.
#ifndef INFER_APPS_PROMPT_H_
#define INFER_APPS_PROMPT_H_

#include <optional>
#include <string>

#include "infer/result.h"
#include "infer/stop.h"

namespace infer::cli {

// All of stdin. kTooLarge over 64 MiB, kCancelled once `stop` is requested while it is waited for.
Result<std::string> read_stdin(const StopToken& stop);

// `argument` as it is, or all of stdin if it is "-". kInvalidRequest if there is none or it is
// empty, saying how to give one to `command`; the errors of read_stdin().
Result<std::string> read_prompt(const std::optional<std::string>& argument,
                                const std::string& command, const StopToken& stop);

}  // namespace infer::cli

#endif  // INFER_APPS_PROMPT_H_
