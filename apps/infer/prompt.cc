#include "apps/infer/prompt.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

// No context holds as much; what is longer is a mistake, such as a picture.
constexpr std::size_t kMaxPrompt = 64u << 20;
constexpr int kLookMs = 100;  // how often the stop token is looked at

Error usage(const std::string& message) {
  return Error(Errc::kInvalidRequest, message).with_detail("field", "prompt");
}

}  // namespace

Result<std::string> read_stdin(const StopToken& stop) {
  constexpr std::size_t kChunk = 64u << 10;
  std::string text;
  const auto chunk = std::make_unique<char[]>(kChunk);
  for (;;) {
    if (stop.stop_requested()) return Error(Errc::kCancelled, "stopped while stdin was read");
    pollfd ready{STDIN_FILENO, POLLIN, 0};
    if (::poll(&ready, 1, kLookMs) != 1) continue;
    const ssize_t n = ::read(STDIN_FILENO, chunk.get(), kChunk);
    if (n == 0) return text;
    if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) continue;
    if (n < 0) return Error(Errc::kIo, std::string("cannot read stdin: ") + std::strerror(errno));
    if (text.size() + static_cast<std::size_t>(n) > kMaxPrompt)
      return Error(Errc::kTooLarge, "what stdin holds is longer than 64 MiB");
    text.append(chunk.get(), static_cast<std::size_t>(n));
  }
}

Result<std::string> read_prompt(const std::optional<std::string>& argument,
                                const std::string& command, const StopToken& stop) {
  if (!argument)
    return is_terminal(STDIN_FILENO)
               ? usage("no prompt; write: " + command + " \"...\"")
               : usage("no prompt; to read it from stdin write: " + command + " -");
  std::string prompt = *argument;
  if (prompt == "-") {
    auto text = read_stdin(stop);
    if (!text) return text;
    prompt = std::move(*text);
    // The end of the last line belongs to the file, as in the shell's $(...).
    if (!prompt.empty() && prompt.back() == '\n') prompt.pop_back();
    if (!prompt.empty() && prompt.back() == '\r') prompt.pop_back();
  }
  if (prompt.empty()) return usage("the prompt is empty; give some text to answer");
  return prompt;
}

}  // namespace infer::cli
