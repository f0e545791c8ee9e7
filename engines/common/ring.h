// A queue from one writer thread to one reader thread: a ring of entries that are reused, so that
// an entry's buffers keep their capacity and nothing is allocated once each has been used. Neither
// side ever waits.
//
// Normally it is one ring. A writer that must not stop may write on when it is full: the queue then
// goes on in a ring of twice the size, and the reader frees the old one when it has emptied it.
//
// Threads: back, push, room from the writer; front, pop, unread from the reader. The writer may
// become another thread where something else orders the two (a mutex, a thread's start).
#ifndef INFER_ENGINES_COMMON_RING_H_
#define INFER_ENGINES_COMMON_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace infer::engine {

template <class T>
class Ring {
 public:
  // `capacity` is a power of two.
  explicit Ring(uint32_t capacity) : write_(new Segment(capacity)), read_(write_) {}
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;
  ~Ring() {
    while (read_ != nullptr) {
      Segment* next = read_->next.load(std::memory_order_relaxed);
      delete read_;
      read_ = next;
    }
  }

  // Entries that may be pushed before the ring is full.
  uint32_t room() const { return write_->capacity - used(*write_); }
  uint32_t capacity() const { return write_->capacity; }

  // The entry that the next push publishes: a used one, to be overwritten whole. Grows when the
  // ring is full.
  T& back() {
    if (room() == 0) grow();
    return write_->at(write_->tail.load(std::memory_order_relaxed));
  }
  // Publishes back(). Sequentially consistent: see Channel for what it is ordered with.
  void push() { write_->tail.store(write_->tail.load(std::memory_order_relaxed) + 1); }

  // The oldest entry, valid until pop(); null when there is none.
  T* front() {
    for (;;) {
      const uint32_t head = read_->head.load(std::memory_order_relaxed);
      if (head != read_->tail.load()) return &read_->at(head);
      Segment* next = read_->next.load();
      if (next == nullptr) return nullptr;
      // The last entries of a segment may have come between the two loads above.
      if (head != read_->tail.load()) return &read_->at(head);
      delete read_;
      read_ = next;
    }
  }
  void pop() { read_->head.store(read_->head.load(std::memory_order_relaxed) + 1); }

  // True if the reader has at most half of a ring left to read: time for the writer to go on.
  bool half_read() const {
    return read_->next.load() == nullptr && used(*read_) <= read_->capacity / 2;
  }

 private:
  struct Segment {
    explicit Segment(uint32_t n) : capacity(n), entries(new T[n]()) {}
    T& at(uint32_t index) { return entries[index & (capacity - 1)]; }

    const uint32_t capacity;
    const std::unique_ptr<T[]> entries;
    // Counters that only grow and may wrap; apart, so that the two threads do not share a cache
    // line.
    alignas(64) std::atomic<uint32_t> head{0};
    alignas(64) std::atomic<uint32_t> tail{0};
    std::atomic<Segment*> next{nullptr};
  };

  static uint32_t used(const Segment& s) { return s.tail.load() - s.head.load(); }

  void grow() {
    auto* bigger = new Segment(write_->capacity * 2);
    write_->next.store(bigger);
    write_ = bigger;
  }

  Segment* write_;
  alignas(64) Segment* read_;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_RING_H_
