// What happens to engines when the process exits.
//
// The static objects of a plugin are destroyed before those of the program that loaded it. So right
// after a plugin is loaded, a handler is registered with atexit, which therefore runs before them:
// it shuts the gate, waits for calls that are inside a plugin, closes every source, unloads every
// model (which ends the engines' threads). From then on no call passes the gate: a Reply that is
// still being read fails, a model that is destroyed does nothing. Nobody has to call a shutdown.
//
// Every call into a plugin is made behind `if (Gate gate{})`.
#ifndef INFER_SRC_PLUGIN_EXIT_H_
#define INFER_SRC_PLUGIN_EXIT_H_

#include <functional>

namespace infer::plugin {

class Gate {
 public:
  Gate() noexcept;
  ~Gate();
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  // False: the process is exiting.
  explicit operator bool() const noexcept { return open_; }
  // For calls that take long (load): the exit waits for them.
  static bool shutting() noexcept;
  // True in a fork of the process that loaded the plugins: their threads do not exist here.
  static bool forked() noexcept;

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
  // The derived destructor calls this first; then shut() is not running and will not be.
  void leave();
  ~ShutAtExit() = default;

 private:
  friend void shut_all();
  virtual void shut() = 0;  // no call into a plugin is running anywhere

  Order order_;
  ShutAtExit* prev_ = nullptr;
  ShutAtExit* next_ = nullptr;
};

// After each dlopen of a plugin.
void register_exit_handler();

}  // namespace infer::plugin

#endif  // INFER_SRC_PLUGIN_EXIT_H_
