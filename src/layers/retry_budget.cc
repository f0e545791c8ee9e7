#include "src/layers/retry_budget.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <mutex>

namespace infer::layers {
namespace {

// More buckets than this are kept only while layers hold them.
constexpr std::size_t kMaxKept = 256;

struct Buckets {
  std::mutex mutex;
  std::map<std::string, std::shared_ptr<RetryBudget>> by_endpoint;

  // Makes room: of the buckets that nobody holds the fullest goes, for it forgets the least.
  void trim() {
    while (by_endpoint.size() >= kMaxKept) {
      auto fullest = by_endpoint.end();
      for (auto it = by_endpoint.begin(); it != by_endpoint.end(); ++it) {
        if (it->second.use_count() > 1) continue;
        if (fullest == by_endpoint.end() || it->second->left() > fullest->second->left())
          fullest = it;
      }
      if (fullest == by_endpoint.end()) return;
      by_endpoint.erase(fullest);
    }
  }
};

// Never destroyed: a global model may still retry while the process exits.
Buckets& buckets() {
  static Buckets* const one = new Buckets;
  return *one;
}

}  // namespace

std::shared_ptr<RetryBudget> RetryBudget::of(const std::string& endpoint) {
  if (endpoint.empty()) return std::make_shared<RetryBudget>();
  Buckets& all = buckets();
  std::lock_guard lock(all.mutex);
  const auto found = all.by_endpoint.find(endpoint);
  if (found != all.by_endpoint.end()) return found->second;
  all.trim();
  auto made = std::make_shared<RetryBudget>();
  all.by_endpoint.emplace(endpoint, made);
  return made;
}

bool RetryBudget::take(int cost) noexcept {
  int left = left_.load(std::memory_order_relaxed);
  while (left >= cost)
    if (left_.compare_exchange_weak(left, left - cost, std::memory_order_relaxed)) return true;
  return false;
}

void RetryBudget::put(int amount) noexcept {
  int left = left_.load(std::memory_order_relaxed);
  // The common case, a full bucket, writes nothing: replies on many threads share this line.
  while (left < kCapacity && !left_.compare_exchange_weak(left, std::min(kCapacity, left + amount),
                                                          std::memory_order_relaxed)) {
  }
}

}  // namespace infer::layers
