// One thread that runs all replies of a loaded model: admits their sequences from a bounded queue,
// at most a fixed number at once, lets the engine step those whose reader has room, and sleeps when
// none can advance.
//
// A reply is one sequence or several (its n answers), which share a channel. The queue is in the
// order of arrival, but each further sequence of a reply stands back behind as many later replies
// as run at once: a reply of many does not keep the others waiting, and is not starved by them.
//
// A sequence whose ring is full is left out of the steps until its reader has drained half of it.
// While others wait it is not left out: its channel grows instead, so that a reader which drains
// many replies one after the other, on one thread, gets all of them.
//
// Nothing on the thread allocates but the engine: it does not fail when memory is out.
//
// Threads: submit and bell from any thread; the StepEngine is called by the scheduler's thread
// alone.
#ifndef INFER_ENGINES_COMMON_SCHEDULER_H_
#define INFER_ENGINES_COMMON_SCHEDULER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "doorbell.h"
#include "entry.h"

namespace infer::engine {

// One running answer, as the scheduler sees it; engines derive from it.
class Sequence {
 public:
  explicit Sequence(std::shared_ptr<EntryChannel> channel) : channel_(std::move(channel)) {}
  virtual ~Sequence() = default;

  EntryChannel& channel() { return *channel_; }
  // Set by the engine after the last entry (FINISH or an error): the sequence is retired after the
  // step.
  bool done = false;

 private:
  friend class Scheduler;
  std::shared_ptr<EntryChannel> channel_;
  uint64_t turn_ = 0;  // its place in the queue
  bool parked_ = false;
};

class StepEngine {
 public:
  virtual ~StepEngine() = default;
  // The sequence is one of the running ones from now on. Must not throw.
  virtual void admit(Sequence& sequence) = 0;
  // Advances each of them by about a token, publishes entries, flushes their channels, sets `done`.
  // At most kHeadroom entries a sequence and step. Must not throw.
  virtual void step(const std::vector<Sequence*>& ready) = 0;
  // The sequence leaves: finished, cancelled or closed. Must not throw.
  virtual void retire(Sequence& sequence) = 0;
};

class Scheduler {
 public:
  static constexpr uint32_t kHeadroom = 6;
  static constexpr std::size_t kMaxQueued = 1024;
  using Sequences = std::list<std::unique_ptr<Sequence>>;

  // `width`: how many sequences run at once.
  Scheduler(StepEngine& engine, std::size_t width);
  ~Scheduler();  // joins; the sequences still there are dropped

  // Takes all the sequences of a reply. False, and nothing taken, if kMaxQueued wait already.
  bool submit(Sequences& sequences);
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
  Sequences inbox_;                     // under mutex_
  uint64_t replies_ = 0;                // under mutex_: submitted so far
  std::atomic<std::size_t> queued_{0};  // inbox_ and queue_
  std::atomic<bool> stop_{false};

  // The thread's own.
  const std::size_t width_;
  Sequences queue_;
  std::vector<std::unique_ptr<Sequence>> active_;
  std::vector<Sequence*> ready_;
  std::thread thread_;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_SCHEDULER_H_
