// Lines that a person types or a pipe gives, and messages made of them.
#ifndef INFER_APPS_LINE_INPUT_H_
#define INFER_APPS_LINE_INPUT_H_

#include <memory>
#include <string>
#include <string_view>

#include "infer/stop.h"

namespace infer::cli {

inline constexpr int kStopLookMs = 50;  // how often the stop token is looked at

// Puts lines together to one message: a line that ends in \ goes on in the next one, and """ begins
// and ends a block of lines, which are taken as they are.
class MessageLines {
 public:
  // True once the message is whole; take() has it then.
  bool add(std::string_view line);
  // Something was added, and the message is not whole.
  bool open() const noexcept { return open_; }
  // What is there, whole or not; empties this.
  std::string take();

 private:
  std::string text_;
  bool open_ = false;
  bool block_ = false;
};

class LineInput {
 public:
  enum class Got {
    kLine,
    kEnd,      // Ctrl-D, the end of the pipe
    kDropped,  // Ctrl-C on a line with text: the text is gone
    kStopped,  // Ctrl-C where nothing was typed
    kFailed    // stdin cannot be read; `line` says why
  };
  virtual ~LineInput() = default;
  // Waits for a line, without its end; `prompt` is shown on a terminal. `stop` is Ctrl-C.
  virtual Got read(const char* prompt, const StopToken& stop, std::string& line) = 0;
  // Makes a line one of those that the arrow keys bring back, where there are such.
  virtual void remember(const std::string& line) = 0;
};

// stdin: with line editing and history if it is a terminal and this was built with libedit.
std::unique_ptr<LineInput> standard_input();

}  // namespace infer::cli

#endif  // INFER_APPS_LINE_INPUT_H_
