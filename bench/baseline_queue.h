// The baseline of bench/handover: the pattern that most libraries use. A thread makes tokens, puts
// a std::string of each into a bounded queue under a mutex and notifies; the reader waits on the
// condition variable and appends. One queue a reply, one reading thread, the same tokens and bound.
#ifndef INFER_BENCH_BASELINE_QUEUE_H_
#define INFER_BENCH_BASELINE_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace infer::bench {

struct BaselineQueues {
  std::mutex mutex;
  std::condition_variable changed, drained;
  std::vector<std::deque<std::string>> queues;
  std::vector<bool> ended;
};

// Bytes read; all replies have ended.
inline std::size_t run_baseline(std::size_t replies, long tokens) {
  BaselineQueues q;
  q.queues.resize(replies);
  q.ended.resize(replies);
  std::thread engine([&] {
    for (long t = 0; t <= tokens; ++t) {
      for (std::size_t i = 0; i < replies; ++i) {
        {
          std::unique_lock lock(q.mutex);
          q.drained.wait(lock, [&] { return q.queues[i].size() < 32; });
          if (t < tokens)
            q.queues[i].emplace_back(" token");
          else
            q.ended[i] = true;
        }
        q.changed.notify_one();
      }
    }
  });
  std::vector<std::string> texts(replies);
  std::size_t open = replies;
  std::vector<bool> seen_end(replies);
  while (open > 0) {
    std::unique_lock lock(q.mutex);
    const auto has_news = [&] {
      for (std::size_t i = 0; i < replies; ++i)
        if (!q.queues[i].empty() || (q.ended[i] && !seen_end[i])) return true;
      return false;
    };
    q.changed.wait(lock, has_news);
    for (std::size_t i = 0; i < replies; ++i) {
      while (!q.queues[i].empty()) {
        const std::string token = std::move(q.queues[i].front());
        q.queues[i].pop_front();
        lock.unlock();
        q.drained.notify_one();
        texts[i] += token;
        lock.lock();
      }
      if (q.ended[i] && !seen_end[i]) {
        seen_end[i] = true;
        --open;
      }
    }
  }
  engine.join();
  std::size_t bytes = 0;
  for (const std::string& text : texts) bytes += text.size();
  return bytes;
}

}  // namespace infer::bench

#endif  // INFER_BENCH_BASELINE_QUEUE_H_
