#include "apps/infer/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <cerrno>
#include <cstdint>
#include <cstdlib>

#include "apps/infer/output.h"

namespace infer::cli {
namespace {

using Clock = std::chrono::steady_clock;

// A message on the pipe: one letter for its kind, its size, its bytes.
constexpr char kDoing = 'd';
constexpr char kResult = 'r';
constexpr std::size_t kHead = 1 + sizeof(std::uint32_t);

void send(Output& pipe, char kind, std::string_view text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  std::string& buffer = pipe.buffer();
  buffer += kind;
  buffer.append(reinterpret_cast<const char*>(&size), sizeof size);
  buffer += text;
  pipe.flush();
}

// Takes whole messages from the front of `bytes`; true if there was one.
bool take_messages(std::string& bytes, Ending& ending, const Tell& progress) {
  bool any = false;
  for (std::uint32_t size = 0; bytes.size() >= kHead; bytes.erase(0, kHead + size)) {
    memcpy(&size, bytes.data() + 1, sizeof size);
    if (bytes.size() - kHead < size) break;
    any = true;
    std::string text = bytes.substr(kHead, size);
    if (bytes.front() == kResult) {
      ending.result = std::move(text);
    } else {
      if (progress) progress(text);
      ending.last = std::move(text);
    }
  }
  return any;
}

[[noreturn]] void be_child(int fd, const std::function<std::string(const Tell& doing)>& work) {
#if defined(__linux__)
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // not to hang on when nobody waits any more
#endif
  const rlimit none{0, 0};
  setrlimit(RLIMIT_CORE, &none);  // the verdict is the report of a crash
  signal(SIGPIPE, SIG_DFL);
  Output pipe(fd);
  const std::string result = work([&pipe](std::string_view what) { send(pipe, kDoing, what); });
  send(pipe, kResult, result);
  _exit(0);  // what the work left behind is not worth a crash now
}

// Reads until the child is gone or silent for too long.
void listen(pid_t child, int fd, const Tell& progress, std::chrono::milliseconds silence,
            Ending& ending) {
  constexpr int kPollMs = 50;
  std::string bytes;
  char chunk[4096];
  int status = 0;
  for (auto heard = Clock::now();;) {
    pollfd ready{fd, POLLIN, 0};
    ::poll(&ready, 1, kPollMs);
    // Before reading: what it wrote before it ended is then still read.
    const bool ended = waitpid(child, &status, WNOHANG) == child;
    ssize_t n = 0;
    while ((n = ::read(fd, chunk, sizeof chunk)) > 0) bytes.append(chunk, static_cast<size_t>(n));
    if (take_messages(bytes, ending, progress)) heard = Clock::now();
    if (ended) break;
    if (Clock::now() - heard < silence) continue;
    ending.hung = true;
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return;
  }
  if (WIFSIGNALED(status)) ending.signal = WTERMSIG(status);
  if (WIFEXITED(status)) ending.code = WEXITSTATUS(status);
}

}  // namespace

Ending run_apart(const std::function<std::string(const Tell& doing)>& work, const Tell& progress,
                 std::chrono::milliseconds silence) {
  Ending ending;
  int fds[2];
  if (pipe(fds) != 0) {
    ending.problem = std::string("no pipe: ") + strerror(errno);
    return ending;
  }
  fcntl(fds[0], F_SETFL, O_NONBLOCK);
  for (const int fd : fds) fcntl(fd, F_SETFD, FD_CLOEXEC);
  const pid_t child = fork();
  if (child == 0) {
    ::close(fds[0]);
    be_child(fds[1], work);
  }
  ::close(fds[1]);
  if (child < 0)
    ending.problem = std::string("no process: ") + strerror(errno);
  else
    listen(child, fds[0], progress, silence, ending);
  ::close(fds[0]);
  return ending;
}

std::string signal_name(int signal) {
  const struct {
    int number;
    const char* name;
  } known[] = {{SIGSEGV, "SIGSEGV"}, {SIGABRT, "SIGABRT"}, {SIGBUS, "SIGBUS"},
               {SIGFPE, "SIGFPE"},   {SIGILL, "SIGILL"},   {SIGKILL, "SIGKILL"},
               {SIGTRAP, "SIGTRAP"}, {SIGTERM, "SIGTERM"}, {SIGPIPE, "SIGPIPE"}};
  std::string name = "signal " + std::to_string(signal);
  for (const auto& [number, word] : known)
    if (number == signal) name = word;
  const char* meaning = strsignal(signal);
  return meaning ? name + " (" + meaning + ")" : name;
}

}  // namespace infer::cli
