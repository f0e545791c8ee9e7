// From an error to what the program ends with and says.
#ifndef INFER_APPS_EXIT_CODE_H_
#define INFER_APPS_EXIT_CODE_H_

#include <string_view>

#include "apps/infer/output.h"
#include "infer/error.h"

namespace infer::cli {

// docs/guides/cli.md has the table.
enum ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kMissing = 3,
  kRefused = 4,
  kBusy = 5,
  kTimedOut = 6,
  kConnection = 7,
  kEngineFailed = 8,
  kInputOutput = 9,
  kInterrupted = 130,
};
int exit_code(Errc code) noexcept;

// One line on stderr, "infer: " and the text; control characters are made visible.
void complain(std::string_view text);
// The error as that line, and with `json` also as a last line on `out`. The exit code for it.
int fail(const Error& error, Output& out, bool json);

}  // namespace infer::cli

#endif  // INFER_APPS_EXIT_CODE_H_
