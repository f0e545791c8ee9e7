#include "apps/infer/line_editor.h"

#if defined(INFER_CLI_LIBEDIT)

#include <histedit.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <clocale>
#include <cstdint>
#include <cstdio>
#include <cwchar>
#include <string>

#include "apps/infer/terminal.h"

namespace infer::cli {
namespace {

constexpr int kRemembered = 1000;

static_assert(sizeof(wchar_t) == 4, "a wchar_t is taken for a code point");

void append_utf8(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  constexpr std::uint32_t kFirst[] = {0, 0xC0, 0xE0, 0xF0};
  out += static_cast<char>(kFirst[more] | c >> (6 * more));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | (c >> (6 * i) & 0x3F));
}

std::wstring wide(const std::string& utf8) {
  std::wstring out;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto first = static_cast<unsigned char>(utf8[i++]);
    std::uint32_t c = first < 0x80   ? first
                      : first < 0xE0 ? first & 0x1Fu
                      : first < 0xF0 ? first & 0x0Fu
                                     : first & 0x07u;
    for (; i < utf8.size() && (static_cast<unsigned char>(utf8[i]) & 0xC0) == 0x80; ++i)
      c = c << 6 | (static_cast<unsigned char>(utf8[i]) & 0x3Fu);
    out += static_cast<wchar_t>(c);
  }
  return out;
}

class Editor final : public LineInput {
 public:
  Editor() {
    // How wide characters are; numbers keep the C locale's point.
    std::setlocale(LC_CTYPE, "");
    keep_terminal_mode();
    edit_ = el_init("infer", stdin, stdout, stderr);
    history_ = history_winit();
    if (!edit_ || !history_) return;
    HistEventW event;
    history_w(history_, &event, H_SETSIZE, kRemembered);
    history_w(history_, &event, H_SETUNIQUE, 1);
    el_wset(edit_, EL_CLIENTDATA, this);
    el_wset(edit_, EL_PROMPT, &Editor::prompt);
    el_wset(edit_, EL_EDITOR, L"emacs");
    el_wset(edit_, EL_HIST, history_w, history_);
    el_wset(edit_, EL_GETCFN, &Editor::next);
    el_wset(edit_, EL_BIND, L"^R", L"em-inc-search-prev", nullptr);
  }
  ~Editor() override {
    if (history_) history_wend(history_);
    if (edit_) el_end(edit_);
  }
  bool works() const { return edit_ && history_; }

  Got read(const char* prompt, const StopToken& stop, std::string& line) override {
    prompt_ = wide(prompt);
    stop_ = stop;
    stopped_ = dropped_ = false;
    failure_ = 0;
    int count = 0;
    const wchar_t* const typed = el_wgets(edit_, &count);
    if (stopped_) {
      std::fputs("\n", stdout);
      std::fflush(stdout);
      return dropped_ ? Got::kDropped : Got::kStopped;
    }
    if (failure_ != 0) {
      line = "cannot read the terminal";
      return Got::kFailed;
    }
    if (!typed || count <= 0) {
      std::fputs("\n", stdout);
      std::fflush(stdout);
      return Got::kEnd;
    }
    line.clear();
    for (int i = 0; i < count; ++i) append_utf8(line, static_cast<std::uint32_t>(typed[i]));
    while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
    return Got::kLine;
  }

  void remember(const std::string& line) override {
    HistEventW event;
    history_w(history_, &event, H_ENTER, wide(line).c_str());
  }

 private:
  static Editor& of(EditLine* edit) {
    void* self = nullptr;
    el_wget(edit, EL_CLIENTDATA, &self);
    return *static_cast<Editor*>(self);
  }
  static wchar_t* prompt(EditLine* edit) { return of(edit).prompt_.data(); }

  // The next character: 1, 0 at the end, -1 when stopped.
  static int next(EditLine* edit, wchar_t* out) {
    Editor& self = of(edit);
    unsigned char byte = 0;
    int more = 0;
    std::uint32_t c = 0;
    do {
      const int got = self.next_byte(byte);
      if (got != 1) return got;
      if (more == 0) {
        more = byte < 0xC0 ? 0 : byte < 0xE0 ? 1 : byte < 0xF0 ? 2 : 3;
        c = more == 0 ? byte : byte & (0x3Fu >> more);
      } else {
        c = c << 6 | (byte & 0x3Fu);
        --more;
      }
    } while (more != 0);
    *out = static_cast<wchar_t>(c);
    return 1;
  }

  int next_byte(unsigned char& byte) {
    for (;;) {
      if (stop_.stop_requested()) {
        stopped_ = true;
        const LineInfoW* const line = el_wline(edit_);
        dropped_ = line->lastchar != line->buffer;
        return -1;
      }
      pollfd ready{STDIN_FILENO, POLLIN, 0};
      if (::poll(&ready, 1, kStopLookMs) != 1) continue;
      const ssize_t n = ::read(STDIN_FILENO, &byte, 1);
      if (n >= 0) return static_cast<int>(n);
      if (errno == EINTR || errno == EAGAIN) continue;
      // A terminal that was closed says EIO: that is its end.
      if (errno == EIO) return 0;
      failure_ = errno;
      return -1;
    }
  }

  EditLine* edit_ = nullptr;
  HistoryW* history_ = nullptr;
  std::wstring prompt_;
  StopToken stop_;
  bool stopped_ = false, dropped_ = false;
  int failure_ = 0;
};

}  // namespace

std::unique_ptr<LineInput> line_editor() {
  auto editor = std::make_unique<Editor>();
  if (!editor->works()) return nullptr;
  return editor;
}

}  // namespace infer::cli

#else

namespace infer::cli {
std::unique_ptr<LineInput> line_editor() { return nullptr; }
}  // namespace infer::cli

#endif
