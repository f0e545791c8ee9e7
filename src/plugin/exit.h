// What happens to engines when the process exits.
//
// The static objects of a plugin are destroyed before those of the program that loaded it. So right
// after a plugin is loaded, a handler is registered with atexit, which therefore runs before them:
// it shuts the gate, waits for calls that are inside a plugin, closes every source, unloads every
// model (which ends the engines' threads). From then on no call passes the gate: a Reply that is
// still being read fails, a model that is destroyed does nothing. Nobody has to call a shutdown.
//
// A static object that a plugin makes later, during a call, is destroyed before the handler of its
// dlopen runs; so the handler is registered again after each load, when most of them are there.
//
// After a fork the child has the plugins' data but none of their threads, and locks that nobody
// will ever release: there the gate is shut from the start, nothing is closed or waited for.
//
// Every call into a plugin is made behind `Gate gate; if (gate) ...`.
#ifndef INFER_SRC_PLUGIN_EXIT_H_
#define INFER_SRC_PLUGIN_EXIT_H_

#include "infer/error.h"

namespace infer::plugin {

class Gate {
 public:
  Gate() noexcept;
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  // False: the process is exiting, or a fork.
  explicit operator bool() const noexcept { return open_; }
  // Why it is shut, as an error.
  static Error why();
  // For calls that take long (load): the exit waits for them.
  static bool shutting() noexcept;

 private:
  bool open_;
};

// Something that must be shut before plugins' statics die: sources first, then models.
class ShutAtExit {
 public:
  ShutAtExit(const ShutAtExit&) = delete;
  ShutAtExit& operator=(const ShutAtExit&) = delete;

 protected:
  enum Order { kSource, kModel };
  explicit ShutAtExit(Order order);
  // The derived destructor calls this first, inside the gate if that is still open: either shut()
  // has been called, or the exit waits for what the destructor does.
  void leave();
  ~ShutAtExit() = default;

 private:
  friend void shut_all();
  virtual void shut() = 0;  // no call into a plugin is running anywhere

  Order order_;
  ShutAtExit* prev_ = nullptr;
  ShutAtExit* next_ = nullptr;
};

// After each dlopen of a plugin, and after each load of a model.
void register_exit_handler();

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_EXIT_H_
