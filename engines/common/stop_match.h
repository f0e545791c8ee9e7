// Stop sequences in a stream of text: they may span any number of pieces, so the longest end of the
// text that is the beginning of a stop sequence is held back until that is decided.
#ifndef INFER_ENGINES_COMMON_STOP_MATCH_H_
#define INFER_ENGINES_COMMON_STOP_MATCH_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace infer::engine {

class StopMatcher {
 public:
  StopMatcher() = default;
  // None of them may be empty. The one that is complete first counts; of several that are complete
  // with the same byte, the longest. How the text was split never matters.
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // Appends to `out` what is certainly before any stop sequence. True once one is complete: it and
  // what follows are gone, and nothing may be fed any more.
  bool feed(std::string_view text, std::string& out) {
    if (stops_.empty()) {
      out += text;
      return false;
    }
    for (const char c : text) {
      held_ += c;
      if (complete()) {
        out.append(held_, 0, held_.size() - found_->size());
        held_.clear();
        return true;
      }
      const std::size_t sure = held_.size() - undecided();
      out.append(held_, 0, sure);
      held_.erase(0, sure);
    }
    return false;
  }

  // The stream ends: what was held back is text after all.
  void finish(std::string& out) {
    out += held_;
    held_.clear();
  }

  // Which one was found; only after feed() returned true.
  const std::string& found() const { return *found_; }

 private:
  static bool ends_with(std::string_view text, std::string_view end) {
    return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
  }

  bool complete() {
    found_ = nullptr;
    for (const std::string& stop : stops_) {
      if (ends_with(held_, stop) && (found_ == nullptr || stop.size() > found_->size()))
        found_ = &stop;
    }
    return found_ != nullptr;
  }

  // The length of the longest end of held_ that begins some stop sequence.
  std::size_t undecided() const {
    std::size_t longest = 0;
    for (const std::string& stop : stops_) {
      std::size_t n = stop.size() - 1 < held_.size() ? stop.size() - 1 : held_.size();
      while (n > longest && !ends_with(held_, std::string_view(stop).substr(0, n))) --n;
      if (n > longest) longest = n;
    }
    return longest;
  }

  std::vector<std::string> stops_;
  std::string held_;
  const std::string* found_ = nullptr;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_STOP_MATCH_H_
