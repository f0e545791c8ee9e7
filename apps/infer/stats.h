// What --stats tells: counted in a layer around the model, which is there in every run.
#ifndef INFER_APPS_STATS_H_
#define INFER_APPS_STATS_H_

#include <array>
#include <chrono>
#include <cstdint>
#include <span>
#include <string>

#include "infer/event.h"
#include "infer/layers.h"

namespace infer::cli {

// Adds the tokens of one reply to those of others.
void add_tokens(Usage& sum, const Usage& more);

// "5/8, 0.04 s a step, 0.1 s left"; the times where `step_time` is known. For people.
std::string step_text(std::uint32_t step, std::uint32_t steps, std::chrono::nanoseconds step_time);

// A line for stderr of what the provider says is left; empty if it says nothing.
std::string limits_text(std::span<const RateLimit> limits);

// Thread rule: for one reply at a time.
class Stats {
 public:
  // The layer; it keeps a pointer to this.
  Tap tap() {
    return Tap{.on_event = [this](const Event& event) { count(event); }};
  }
  void start() { start_ = Clock::now(); }
  void count(const Event& event);
  // Lines for stderr: tokens, speed, times, events.
  std::string text(const Usage& usage) const;

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_{}, first_{}, last_{};
  bool content_ = false;  // first_ is set
  std::array<std::int64_t, static_cast<std::size_t>(Event::Kind::kFinish) + 1> kinds_{};
  std::int64_t bytes_ = 0;  // of text
};

}  // namespace infer::cli

#endif  // INFER_APPS_STATS_H_
