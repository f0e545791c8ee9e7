// The table of rules, and the journal that a check writes while it runs.
#ifndef INFER_CONFORMANCE_RULES_H_
#define INFER_CONFORMANCE_RULES_H_

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "infer/conformance.h"

namespace infer {
inline namespace v0 {

// Null for a name that is not in the table.
const Rule* find_rule(std::string_view name) noexcept;
Finding finding_of(std::string_view rule, std::string what);

// Collects what was seen. Any thread.
class Journal {
 public:
  Journal(std::string subject, std::function<void(std::string_view)> progress);

  // What is looked at next, for whoever watches.
  void begin(std::string_view what);
  // The first finding of a rule counts.
  void broken(std::string_view rule, std::string what);
  void broken(Finding finding);
  // The rule was looked at; it counts as passed unless it is broken.
  void looked_at(std::string_view rule);
  void skipped(std::string_view rule, std::string why);
  // looked_at, and broken unless `holds`. Gives `holds`.
  bool check(std::string_view rule, bool holds, const std::string& what);
  std::size_t findings() const;
  Report take();

 private:
  mutable std::mutex mutex_;
  std::function<void(std::string_view)> progress_;
  Report report_;
  std::set<std::string, std::less<>> looked_at_;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_RULES_H_
