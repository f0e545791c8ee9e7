#include <algorithm>
#include <string>

#include "src/conformance/process.h"
#include "src/conformance/stream.h"

namespace infer {
inline namespace v0 {
namespace {
// A reply that is longer than this will not end.
constexpr std::size_t kMaxEvents = 5000000;
}  // namespace

SlowCalls::Lap::Lap(SlowCalls& calls, Duty call)
    : calls_(calls),
      call_(call),
      start_(Clock::now()),
      sleeps_(process::voluntary_switches()),
      cpu_(process::thread_cpu()) {}

// Late alone is no proof: a loaded machine is late too. It must have slept or computed for so long.
SlowCalls::Lap::~Lap() {
  const auto took = Clock::now() - start_;
  if (took < calls_.limit_) return;
  if (process::voluntary_switches() == sleeps_ && process::thread_cpu() - cpu_ < calls_.limit_)
    return;
  const auto i = static_cast<std::size_t>(call_);
  calls_.counts_[i].fetch_add(1);
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  std::int64_t worst = calls_.worst_ms_[i].load();
  while (worst < ms && !calls_.worst_ms_[i].compare_exchange_weak(worst, ms)) {
  }
}

std::string SlowCalls::worst(Duty call) const {
  return std::to_string(worst_ms_[static_cast<std::size_t>(call)].load()) + " ms";
}

std::string Outcome::to_text() const {
  switch (end) {
    case End::kRunning: return "is not over after " + std::to_string(events) + " events";
    case End::kComplete: return "ended well after " + std::to_string(events) + " events";
    case End::kBroken: return "broke a rule after " + std::to_string(events) + " events";
    case End::kFailed: break;
  }
  return "failed after " + std::to_string(events) + " events with " +
         std::string(infer::to_string(code)) + ": " + message;
}

bool Reading::over(Outcome::End end) {
  outcome_.end = end;
  return false;
}

bool Reading::advance() {
  if (outcome_.end != Outcome::End::kRunning) return false;
  const auto patience = subject_.options.patience.wake;
  const auto begin = Clock::now();
  for (;;) {
    switch (stream_->step()) {
      case Step::kEvent: return take_event();
      case Step::kPending:
        if (stream_->wait(patience) && Clock::now() - begin < patience) continue;
        subject_.journal.broken(
            "wake.missing", std::string(subject_.next_name()) + " said pending after " +
                                std::to_string(outcome_.events) + " events, and nothing came for " +
                                std::to_string(patience.count()) + " ms");
        return over(Outcome::End::kBroken);
      case Step::kEnd:
        if (auto finding = checker_.end()) {
          subject_.journal.broken(std::move(*finding));
          return over(Outcome::End::kBroken);
        }
        subject_.journal.check("end.final", stream_->step() == Step::kEnd,
                               "after the end came something else");
        return over(Outcome::End::kComplete);
      case Step::kError: {
        const Error error = stream_->error();
        outcome_.code = error.code();
        outcome_.message = error.message();
        subject_.journal.check("end.final", stream_->step() == Step::kError,
                               "after an error came something else");
        return over(Outcome::End::kFailed);
      }
    }
  }
}

bool Reading::take_event() {
  const Event& event = stream_->event();
  ++outcome_.events;
  if (auto finding = checker_.feed(event)) {
    subject_.journal.broken(std::move(*finding));
    return over(Outcome::End::kBroken);
  }
  if (event.kind == Event::Kind::kDelta) {
    ++outcome_.deltas;
    if (event.choice == 0 && event.part_kind == Event::PartKind::kText)
      outcome_.text.append(event.data);
    outcome_.logprobs |= !event.logprobs.empty();
  }
  if (event.kind == Event::Kind::kPartBegin)
    outcome_.tool_call |= event.part_kind == Event::PartKind::kToolCall;
  if (event.kind == Event::Kind::kVectors) {
    ++outcome_.vectors;
    if (event.dimensions != 0) outcome_.rows += event.vectors.size() / event.dimensions;
  }
  if (event.kind == Event::Kind::kFinish) outcome_.finishes.push_back(event.finish);
  if (event.usage && event.usage->output) outcome_.output = event.usage->output;
  if (outcome_.events < kMaxEvents) return true;
  subject_.journal.broken("finish.missing",
                          "no end after " + std::to_string(kMaxEvents) + " events");
  return over(Outcome::End::kBroken);
}

const Outcome& Reading::read(std::size_t events) {
  while (outcome_.events < events && advance()) {
  }
  return outcome_;
}

Outcome ask(Subject& subject, const Ask& what) {
  Reading reading(subject, what);
  return reading.read();
}

}  // namespace v0
}  // namespace infer
