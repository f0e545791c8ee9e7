#include "apps/infer/exit_code.h"

#include <unistd.h>

#include <sstream>
#include <string>

#include "apps/infer/json_lines.h"
#include "apps/infer/terminal.h"

namespace infer::cli {

int exit_code(Errc code) noexcept {
  switch (code) {
    case Errc::kInvalidRequest: return kUsage;
    case Errc::kNotFound: return kMissing;
    case Errc::kUnauthorized:
    case Errc::kForbidden: return kRefused;
    case Errc::kRateLimited:
    case Errc::kQuotaExceeded:
    case Errc::kBudgetExceeded:
    case Errc::kOverloaded: return kBusy;
    case Errc::kTimeout: return kTimedOut;
    case Errc::kNetwork:
    case Errc::kTls:
    case Errc::kTruncated:
    case Errc::kServerError:
    case Errc::kProtocol: return kConnection;
    case Errc::kOutOfMemory:
    case Errc::kModelInvalid:
    case Errc::kEngine:
    case Errc::kEngineCrashed: return kEngineFailed;
    case Errc::kIo: return kInputOutput;
    case Errc::kCancelled: return kInterrupted;
    case Errc::kUnsupported:
    case Errc::kContextOverflow:
    case Errc::kContentFiltered:
    case Errc::kInvalidOutput:
    case Errc::kTooLarge: return kFailed;
  }
  return kFailed;
}

void complain(std::string_view text) {
  std::string line = "infer: ";
  append_visible(line, text, Lines::kOne);
  line += '\n';
  Output(STDERR_FILENO).write(line);
}

int fail(const Error& error, Output& out, bool json) {
  if (json && !out.failure()) {
    append_error(out.buffer(), error);
    out.flush();
  }
  std::ostringstream text;
  text << error;
  complain(text.str());
  return exit_code(error.code());
}

}  // namespace infer::cli
