// The run-ahead channel: a ring of entries from an engine's thread to the one reader of a reply.
//
// The reader never waits. When it finds the ring empty it says so (waiting_), looks again, and only
// then returns null, which is PENDING; wake is called only by who can take that mark back, so that
// a reader that keeps up costs no wakes. The engine stops a sequence whose ring is full (park)
// and is rung when the reader has drained it to half. Each pair of marks is written before the
// other side's counter is read, all of it sequentially consistent, so that of two threads that pass
// each other at least one sees the other.
//
// Threads: next, close from the reader; cancel from any thread before close; the rest from the
// engine's thread. Lifetime: shared by the two sides; the reader's side ends with close(), after
// which no wake comes.
#ifndef INFER_ENGINES_COMMON_CHANNEL_H_
#define INFER_ENGINES_COMMON_CHANNEL_H_

#include <atomic>
#include <cstdint>
#include <thread>

#include "doorbell.h"
#include "ring.h"

namespace infer::engine {

template <class T>
class Channel {
 public:
  static constexpr uint32_t kCapacity = 32;

  // `bell` must outlive close(); `wake` may be null.
  Channel(Doorbell& bell, void (*wake)(void*), void* wake_ctx)
      : bell_(bell), wake_(wake), wake_ctx_(wake_ctx) {}

  // -- The engine's side.

  // The entry that publish() hands over; it still holds what an earlier one held.
  T& slot() { return ring_.back(); }
  void publish() { ring_.push(); }
  // Wakes the reader if it waits. Once after the entries of a step, not after each.
  void flush() {
    if (!waiting_.load()) return;
    waking_.fetch_add(1);
    if (!closed_.load() && waiting_.exchange(false) && wake_ != nullptr) wake_(wake_ctx_);
    waking_.fetch_sub(1);
  }
  bool has_room(uint32_t entries) const { return ring_.room() >= entries; }
  // Asks for a ring of the bell once the reader has drained half; false if it already has.
  bool park() {
    parked_.store(true);
    if (ring_.room() < ring_.capacity() / 2) return true;
    parked_.store(false);
    return false;
  }
  bool parked() const { return parked_.load(); }
  void unpark() { parked_.store(false); }
  // Ends the reply with this code where an entry cannot be made, because memory is out.
  void break_off(int code) {
    broken_.store(code);
    flush();
  }
  bool cancelled() const { return cancelled_.load(); }
  int broken() const { return broken_.load(); }  // 0: it is not
  bool closed() const { return closed_.load(); }

  // -- The reader's side.

  // The next entry, valid until the next call; null: none yet, and wake is arranged.
  T* next() {
    if (waiting_.load(std::memory_order_relaxed)) waiting_.store(false);
    if (held_) drop();
    T* entry = ring_.front();
    if (entry == nullptr) {
      waiting_.store(true);
      entry = ring_.front();
      if (entry == nullptr) return nullptr;
      waiting_.store(false);
    }
    held_ = true;
    return entry;
  }

  // Any thread. The reader is woken here, for the engine may be in a long step or wait for its
  // turn; it gives the sequence up at its next step.
  void cancel() {
    cancelled_.store(true);
    flush();
    bell_.ring();
  }
  // The reader is gone; waits only for a wake that is running.
  void close() {
    closed_.store(true);
    // A wake is short and waits for nothing; this loop is almost never entered.
    while (waking_.load() != 0) std::this_thread::yield();
    bell_.ring();
  }

 private:
  void drop() {
    held_ = false;
    ring_.pop();
    if (parked_.load() && ring_.half_read() && parked_.exchange(false)) bell_.ring();
  }

  Ring<T> ring_{kCapacity};
  Doorbell& bell_;
  void (*const wake_)(void*);
  void* const wake_ctx_;
  bool held_ = false;  // the reader's: front() was handed out
  std::atomic<bool> waiting_{false}, parked_{false}, cancelled_{false}, closed_{false};
  std::atomic<int> broken_{0};
  std::atomic<uint32_t> waking_{0};  // threads that may be in wake_
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_CHANNEL_H_
