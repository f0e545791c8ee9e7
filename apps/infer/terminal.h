// What is for people's eyes: a progress bar, and text that cannot take the terminal over.
#ifndef INFER_APPS_TERMINAL_H_
#define INFER_APPS_TERMINAL_H_

#include <chrono>
#include <string>
#include <string_view>

#include "apps/infer/output.h"

namespace infer::cli {

bool is_terminal(int fd);
// Of the terminal on this descriptor; 0: not known.
int columns(int fd);
// The environment says that the terminal shows UTF-8.
bool shows_utf8();

enum class Lines { kMany, kOne };
// Text that may come from anywhere, for a terminal: control characters, which could move the cursor
// or retitle the window, become visible signs. New lines and tabs stay, or with kOne become spaces.
void append_visible(std::string& out, std::string_view text, Lines lines);

// Characters, as a terminal counts columns for most scripts.
std::size_t width(std::string_view utf8);

// A bar on the last line of a terminal, gone without a trace when it ends. What takes a moment only
// shows none.
// Thread rule: one thread at a time.
class ProgressBar {
 public:
  using Clock = std::chrono::steady_clock;
  // `shown`: false makes all of it do nothing.
  ProgressBar(Output& terminal, std::string label, bool shown,
              Clock::duration delay = std::chrono::milliseconds(200));
  ~ProgressBar() { clear(); }
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  // 0..1; `note` stands behind the bar, where the terminal has room for it.
  void update(double fraction, const std::string& note = {});
  void clear();

 private:
  Output& terminal_;
  std::string label_;
  bool shown_;
  bool visible_ = false;
  bool utf8_;
  int percent_ = -1;
  std::string note_;
  Clock::time_point next_;  // not drawn before
};

// Remembers how stdin, a terminal, reads lines now, for restore_terminal(). Before a line editor.
void keep_terminal_mode() noexcept;

// What a handler does before it ends the process: clears the line if a bar is on stderr, and gives
// the terminal back as keep_terminal_mode() found it. Async-signal-safe.
void restore_terminal() noexcept;

}  // namespace infer::cli

#endif  // INFER_APPS_TERMINAL_H_
