#include "apps/infer/signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <utility>

#include "apps/infer/exit_code.h"
#include "apps/infer/terminal.h"
#include "infer/model.h"

namespace infer::cli {
namespace {

std::atomic<int> g_write_end{-1};
std::atomic<bool> g_seen{false};

extern "C" void on_interrupt(int) {
  const int saved = errno;
  if (g_seen.exchange(true)) {
    restore_terminal();
    _exit(kInterrupted);
  }
  const char byte = 'i';
  [[maybe_unused]] const ssize_t n = ::write(g_write_end.load(), &byte, 1);
  errno = saved;
}

// The end of the process, but first the terminal is as it was.
extern "C" void on_end(int number) {
  restore_terminal();
  raise(number);  // blocked until this returns; SA_RESETHAND lets it do what it always does
}

void restore_terminal_at(int number) {
  struct sigaction before{};
  if (sigaction(number, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) return;
  struct sigaction action{};
  action.sa_handler = &on_end;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigemptyset(&action.sa_mask);
  sigaction(number, &action, nullptr);
}

}  // namespace

StopToken Interrupt::token() const { return stop().token(); }
bool Interrupt::requested() const { return stop().stop_requested(); }

Error Interrupt::explain(const Error& error) const {
  if (error.code() != Errc::kCancelled || !requested()) return error;
  Error mine(Errc::kCancelled, "stopped by Ctrl-C");
  if (error.partial())
    mine = std::move(mine).with_partial(std::make_shared<const Response>(*error.partial()));
  return mine;
}

void Interrupt::reset() {
  const std::lock_guard lock(mutex_);
  stop_ = StopSource();
  g_seen.store(false);
}

StopSource Interrupt::stop() const {
  const std::lock_guard lock(mutex_);
  return stop_;
}

Interrupt::Interrupt() {
  for (const int number : {SIGTERM, SIGHUP, SIGQUIT}) restore_terminal_at(number);
  struct sigaction before{};
  if (sigaction(SIGINT, nullptr, &before) != 0 || before.sa_handler == SIG_IGN) return;
  if (pipe(pipe_) != 0) return;
  for (const int fd : pipe_) fcntl(fd, F_SETFD, FD_CLOEXEC);
  g_seen.store(false);
  g_write_end.store(pipe_[1]);
  watcher_ = std::thread([this] { watch(); });
  struct sigaction action{};
  action.sa_handler = &on_interrupt;
  action.sa_flags = SA_RESTART;  // engines read files, and may not expect to be interrupted
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

Interrupt::~Interrupt() {
  if (!watcher_.joinable()) return;
  // One more while the program is on its way out still ends it with the same code.
  g_seen.store(true);
  g_write_end.store(-1);
  ::close(pipe_[1]);
  watcher_.join();
  ::close(pipe_[0]);
}

void Interrupt::watch() {
  char byte = 0;
  for (;;) {
    const ssize_t n = ::read(pipe_[0], &byte, 1);
    if (n == 1)
      stop().request_stop();
    else if (n == 0 || errno != EINTR)
      return;
  }
}

}  // namespace infer::cli
