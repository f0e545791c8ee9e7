// One thread that runs all replies of a loaded model: admits them from a bounded queue into a fixed
// number of slots, lets the engine step those whose reader has room, and sleeps when none can
// advance.
//
// A reply whose ring is full is left out of the steps until its reader has drained half of it.
// While others wait for a slot it is not left out: its channel grows instead, so that a reader
// which drains many replies one after the other, on one thread, gets all of them.
//
// Threads: submit and bell from any thread; the StepEngine is called by the scheduler's thread
// alone.
#ifndef INFER_ENGINES_COMMON_SCHEDULER_H_
#define INFER_ENGINES_COMMON_SCHEDULER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "doorbell.h"
#include "entry.h"

namespace infer::engine {

// One running reply, as the scheduler sees it; engines derive from it.
class Sequence {
 public:
  explicit Sequence(std::shared_ptr<EntryChannel> channel) : channel_(std::move(channel)) {}
  virtual ~Sequence() = default;

  EntryChannel& channel() { return *channel_; }
  // Which of the engine's slots it occupies; -1 while it waits.
  int slot = -1;
  // Set by the engine after the last entry (FINISH or an error): the sequence is retired after the
  // step.
  bool done = false;

 private:
  friend class Scheduler;
  std::shared_ptr<EntryChannel> channel_;
  bool parked_ = false;
};

class StepEngine {
 public:
  virtual ~StepEngine() = default;
  // The sequence got its slot.
  virtual void admit(Sequence& sequence) = 0;
  // Advances each of them by about a token, publishes entries, flushes their channels, sets `done`.
  // At most kHeadroom entries a sequence and step. Must not throw.
  virtual void step(const std::vector<Sequence*>& ready) = 0;
  // The sequence gives its slot back: finished, cancelled or closed.
  virtual void retire(Sequence& sequence) = 0;
};

class Scheduler {
 public:
  static constexpr uint32_t kHeadroom = 6;
  static constexpr std::size_t kMaxQueued = 1024;

  Scheduler(StepEngine& engine, int slots);
  ~Scheduler();  // joins; the sequences still there are dropped

  // False if kMaxQueued replies wait already; `sequence` is then untouched.
  bool submit(std::unique_ptr<Sequence>& sequence);
  Doorbell& bell() { return bell_; }

 private:
  void run();
  void take_inbox();
  void drop_abandoned();
  void admit();
  void collect_ready();
  bool can_step(Sequence& sequence);
  void retire(std::size_t index);

  StepEngine& engine_;
  Doorbell bell_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Sequence>> inbox_;  // under mutex_
  std::atomic<std::size_t> queued_{0};            // inbox_ and queue_
  std::atomic<bool> stop_{false};

  // The thread's own.
  std::deque<std::unique_ptr<Sequence>> queue_;
  std::vector<std::unique_ptr<Sequence>> active_;
  std::vector<int> free_slots_;
  std::vector<Sequence*> ready_;
  std::thread thread_;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_SCHEDULER_H_
