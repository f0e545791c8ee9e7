#include "apps/infer/terminal.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

namespace infer::cli {
namespace {

constexpr int kCells = 24;
constexpr std::string_view kClearLine = "\r\x1b[K";
constexpr auto kRedraw = std::chrono::milliseconds(50);

std::atomic<bool> g_bar_on_stderr{false};
termios g_mode;  // written before g_mode_kept
std::atomic<bool> g_mode_kept{false};
static_assert(std::atomic<bool>::is_always_lock_free);

}  // namespace

bool is_terminal(int fd) { return isatty(fd) == 1; }

int columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool shows_utf8() {
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (!value || *value == '\0') continue;
    const std::string_view locale = value;
    return locale.find("UTF-8") != std::string_view::npos ||
           locale.find("utf8") != std::string_view::npos;
  }
  return false;
}

void append_visible(std::string& out, std::string_view text, Lines lines) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0u;
    if (c == '\n' || c == '\t' || (c == '\r' && next == '\n')) {
      if (lines == Lines::kOne)
        out += ' ';
      else if (c != '\r')
        out += static_cast<char>(c);
    } else if (c < 0x20) {
      out += "\xE2\x90";  // U+2400 and on: pictures of the control characters
      out += static_cast<char>(0x80 + c);
    } else if (c == 0x7F) {
      out += "\xE2\x90\xA1";
    } else if (c == 0xC2 && next >= 0x80 && next <= 0x9F) {
      out += "\xEF\xBF\xBD";
      ++i;
    } else {
      out += static_cast<char>(c);
    }
  }
}

std::size_t width(std::string_view utf8) {
  return static_cast<std::size_t>(std::count_if(utf8.begin(), utf8.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

ProgressBar::ProgressBar(Output& terminal, std::string label, bool shown, Clock::duration delay)
    : terminal_(terminal),
      label_(std::move(label)),
      shown_(shown),
      utf8_(shows_utf8()),
      next_(Clock::now() + delay) {}

void ProgressBar::update(double fraction, const std::string& note) {
  if (!shown_) return;
  const int percent = static_cast<int>(std::clamp(fraction, 0.0, 1.0) * 100);
  const auto now = Clock::now();
  if ((percent == percent_ && note == note_) || now < next_) return;
  percent_ = percent;
  note_ = note;
  next_ = now + kRedraw;
  std::string& line = terminal_.buffer();
  line = kClearLine;
  append_visible(line, label_, Lines::kOne);
  line += utf8_ ? " " : " [";
  for (int cell = 0; cell < kCells; ++cell) {
    const bool full = cell * 100 < percent * kCells;
    line += utf8_ ? (full ? "\xE2\x96\x88" : "\xE2\x96\x91") : (full ? "#" : ".");
  }
  line += utf8_ ? " " : "] ";
  line += std::to_string(percent) + " %";
  // A line that is broken in two could not be taken back.
  const int room = columns(STDERR_FILENO);
  const std::string more = note.empty() ? "" : ", " + note;
  const std::size_t used = width(line) - (kClearLine.size() - 1) + width(more);
  if (room <= 0 || used < static_cast<std::size_t>(room)) append_visible(line, more, Lines::kOne);
  visible_ = true;
  g_bar_on_stderr.store(true);
  terminal_.flush();
}

void ProgressBar::clear() {
  if (!std::exchange(visible_, false)) return;
  terminal_.write(kClearLine);
  g_bar_on_stderr.store(false);
}

void keep_terminal_mode() noexcept {
  if (!g_mode_kept.load() && tcgetattr(STDIN_FILENO, &g_mode) == 0) g_mode_kept.store(true);
}

void restore_terminal() noexcept {
  // From the background it would stop the process instead.
  const pid_t in_front = tcgetpgrp(STDIN_FILENO);  // -1: not this process' terminal, none stops it
  if (g_mode_kept.load() && (in_front == -1 || in_front == getpgrp()))
    tcsetattr(STDIN_FILENO, TCSANOW, &g_mode);
  if (!g_bar_on_stderr.load()) return;
  [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, kClearLine.data(), kClearLine.size());
}

}  // namespace infer::cli
