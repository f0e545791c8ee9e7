#include "apps/infer/line_input.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "apps/infer/line_editor.h"
#include "apps/infer/output.h"
#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

constexpr std::string_view kFence = "\"\"\"";

bool ends_in_backslash(std::string_view line) {
  std::size_t count = 0;
  while (count < line.size() && line[line.size() - 1 - count] == '\\') ++count;
  return count % 2 == 1;  // two are one that is meant
}

// Plain lines from the descriptor.
class PlainInput final : public LineInput {
 public:
  explicit PlainInput(bool prompts) : prompts_(prompts) {}

  Got read(const char* prompt, const StopToken& stop, std::string& line) override {
    if (prompts_) Output(STDOUT_FILENO).write(prompt);
    for (;;) {
      if (take_line(line)) return Got::kLine;
      if (ended_) return Got::kEnd;
      if (stop.stop_requested()) {
        // The terminal's driver has dropped what was typed in this line.
        if (prompts_) Output(STDOUT_FILENO).write("\n");
        return Got::kStopped;
      }
      pollfd ready{STDIN_FILENO, POLLIN, 0};
      if (::poll(&ready, 1, kStopLookMs) != 1) continue;
      char chunk[4096];
      const ssize_t n = ::read(STDIN_FILENO, chunk, sizeof chunk);
      if (n > 0) {
        bytes_.append(chunk, static_cast<std::size_t>(n));
      } else if (n == 0) {
        ended_ = true;
        if (prompts_) Output(STDOUT_FILENO).write("\n");
      } else if (errno != EINTR && errno != EAGAIN && errno != EWOULDBLOCK) {
        line = std::string("cannot read stdin: ") + std::strerror(errno);
        return Got::kFailed;
      }
    }
  }
  void remember(const std::string&) override {}

 private:
  bool take_line(std::string& line) {
    std::size_t end = bytes_.find('\n', looked_);
    looked_ = bytes_.size();
    if (end == std::string::npos) {
      if (!ended_ || bytes_.empty()) return false;
      end = bytes_.size();  // a last line without an end
    }
    line = bytes_.substr(0, end);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    bytes_.erase(0, end + 1);
    looked_ = 0;
    return true;
  }

  bool prompts_;
  bool ended_ = false;
  std::string bytes_;
  std::size_t looked_ = 0;  // no line ends before this
};

}  // namespace

bool MessageLines::add(std::string_view line) {
  const bool began = !open_;
  open_ = true;
  if (began && line.starts_with(kFence)) {
    block_ = true;
    line.remove_prefix(kFence.size());
    if (line.empty()) return false;  // the text begins on the next line
  } else if (!began && (!block_ || !text_.empty())) {
    text_ += '\n';
  }
  if (block_) {
    block_ = !line.ends_with(kFence);
    if (!block_) line.remove_suffix(kFence.size());
    text_ += line;
    if (!block_ && line.empty() && !text_.empty() && text_.back() == '\n') text_.pop_back();
    open_ = block_;
  } else {
    open_ = ends_in_backslash(line);
    if (open_) line.remove_suffix(1);
    text_ += line;
  }
  return !open_;
}

std::string MessageLines::take() {
  open_ = block_ = false;
  return std::exchange(text_, {});
}

std::unique_ptr<LineInput> standard_input() {
  const bool terminal = is_terminal(STDIN_FILENO);
  if (terminal && is_terminal(STDOUT_FILENO))
    if (auto editor = line_editor()) return editor;
  return std::make_unique<PlainInput>(terminal);
}

}  // namespace infer::cli
