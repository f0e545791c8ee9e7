// Ctrl-C: the first one asks for a stop, the second one ends the process.
#ifndef INFER_APPS_SIGNALS_H_
#define INFER_APPS_SIGNALS_H_

#include <mutex>
#include <thread>

#include "infer/error.h"
#include "infer/stop.h"

namespace infer::cli {

// While it lives, SIGINT is taken: at the first the token is stopped, at the second the process
// ends at once with 130; so does any that comes after it has gone. A SIGINT that was ignored when
// the program began stays ignored.
// SIGTERM, SIGHUP and SIGQUIT end the process as ever, with the terminal as it was.
// One at a time in a process.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  StopToken token() const;
  bool requested() const;
  // The error as people hear it: who asked to stop is known here.
  Error explain(const Error& error) const;
  // Forgets the first one: tokens given from now on are fresh, and two more are needed to end the
  // process. Tokens given before keep their state.
  void reset();

 private:
  // request_stop() takes a lock, which a handler must not: the handler writes to a pipe, the
  // watcher reads from it.
  void watch();
  StopSource stop() const;

  mutable std::mutex mutex_;  // of stop_: the watcher's thread and the owner's use it
  StopSource stop_;
  int pipe_[2] = {-1, -1};
  std::thread watcher_;
};

}  // namespace infer::cli

#endif  // INFER_APPS_SIGNALS_H_
