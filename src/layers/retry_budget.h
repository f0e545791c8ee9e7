// What keeps retries from adding to an outage: a bucket that every retry takes from and every
// success puts into. It begins full; when it is empty nothing is retried. The figures are those of
// botocore's standard mode: under a total outage the extra requests of a process to one server are
// at most kCapacity / kRetryCost, whatever the load.
#ifndef INFER_SRC_LAYERS_RETRY_BUDGET_H_
#define INFER_SRC_LAYERS_RETRY_BUDGET_H_

#include <atomic>
#include <memory>
#include <string>

namespace infer::layers {

// Thread rule: safe for concurrent use.
class RetryBudget {
 public:
  static constexpr int kCapacity = 500;
  static constexpr int kRetryCost = 5;
  static constexpr int kTimeoutCost = 10;  // of a retry after a timeout: it held a place for long
  static constexpr int kSuccess = 1;       // what a success without a retry puts in

  // The one bucket of this process for that endpoint; of an empty one a bucket of its own. Buckets
  // that nobody holds are kept too, up to a bound, for the layers to come.
  static std::shared_ptr<RetryBudget> of(const std::string& endpoint);

  // False, and nothing taken, where less than that is left.
  bool take(int cost) noexcept;
  void put(int amount) noexcept;  // never to more than kCapacity
  int left() const noexcept { return left_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int> left_{kCapacity};
};

}  // namespace infer::layers

#endif  // INFER_SRC_LAYERS_RETRY_BUDGET_H_
