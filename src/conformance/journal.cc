#include <algorithm>

#include "src/conformance/rules.h"

namespace infer {
inline namespace v0 {

Journal::Journal(std::string subject, std::function<void(std::string_view)> progress)
    : progress_(std::move(progress)) {
  report_.subject = std::move(subject);
}

void Journal::begin(std::string_view what) {
  if (progress_) progress_(what);
}

void Journal::broken(std::string_view rule, std::string what) {
  broken(finding_of(rule, std::move(what)));
}

void Journal::broken(Finding finding) {
  std::lock_guard lock(mutex_);
  const auto same = [&](const Finding& known) { return known.rule == finding.rule; };
  if (std::none_of(report_.findings.begin(), report_.findings.end(), same))
    report_.findings.push_back(std::move(finding));
}

void Journal::looked_at(std::string_view rule) {
  std::lock_guard lock(mutex_);
  if (looked_at_.find(rule) == looked_at_.end()) looked_at_.emplace(rule);
}

void Journal::skipped(std::string_view rule, std::string why) {
  std::lock_guard lock(mutex_);
  report_.skipped.emplace_back(std::string(rule), std::move(why));
}

bool Journal::check(std::string_view rule, bool holds, const std::string& what) {
  looked_at(rule);
  if (!holds) broken(rule, what);
  return holds;
}

std::size_t Journal::findings() const {
  std::lock_guard lock(mutex_);
  return report_.findings.size();
}

Report Journal::take() {
  std::lock_guard lock(mutex_);
  for (const Finding& finding : report_.findings) looked_at_.erase(finding.rule);
  for (const auto& [rule, why] : report_.skipped) looked_at_.erase(rule);
  for (const Rule& rule : conformance_rules())  // in the order of the documents
    if (looked_at_.count(std::string(rule.name)) != 0) report_.passed.emplace_back(rule.name);
  return std::move(report_);
}

}  // namespace v0
}  // namespace infer
