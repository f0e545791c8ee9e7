// What an engine's thread sleeps on when no sequence can advance. Ringing costs two atomic
// operations while the thread is awake; only a sleeping one costs a lock and a notification.
#ifndef INFER_ENGINES_COMMON_DOORBELL_H_
#define INFER_ENGINES_COMMON_DOORBELL_H_

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace infer::engine {

class Doorbell {
 public:
  // Any thread. Makes a wait() that began with an older count return.
  void ring() {
    count_.fetch_add(1);
    if (!asleep_.load()) return;
    {
      std::lock_guard<std::mutex> lock(mutex_);
    }
    bell_.notify_one();
  }

  // The waiting thread: read the count, look for work, then wait with that count. Nothing is
  // missed, because every ring after the look changed the count.
  uint32_t count() const { return count_.load(); }
  void wait(uint32_t seen) {
    std::unique_lock<std::mutex> lock(mutex_);
    asleep_.store(true);
    while (count_.load() == seen) bell_.wait(lock);
    asleep_.store(false);
  }

 private:
  std::atomic<uint32_t> count_{0};
  std::atomic<bool> asleep_{false};
  std::mutex mutex_;
  std::condition_variable bell_;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_DOORBELL_H_
