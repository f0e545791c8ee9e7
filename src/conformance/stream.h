// One running request as the suite sees it, whether a plugin's table or a C++ backend is behind it.
#ifndef INFER_CONFORMANCE_STREAM_H_
#define INFER_CONFORMANCE_STREAM_H_

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "infer/backend.h"
#include "src/conformance/rules.h"

namespace infer {
inline namespace v0 {

// What a request for pictures says beside its prompt; 0: nothing.
struct AskPicture {
  std::uint32_t width = 0, height = 0;
  std::uint64_t seed = 7;
  std::uint32_t previews = 0;
  std::uint32_t steps = 0;
  std::string format{};
};

// A request for text or pictures, in the few words that the suite needs.
struct Ask {
  std::string prompt{};         // of one user message
  std::int64_t max_tokens = 0;  // 0: unset
  std::vector<std::string> stop{};
  std::uint32_t n = 1;
  bool logprobs = false;
  bool json = false;      // output: a JSON object
  bool tools = false;     // a tool, and that it must be called
  bool no_words = false;  // no message at all, or one with no text
  std::optional<AskPicture> picture{};

  // Answers that are counted by their own FINISH: pictures are parts of one answer.
  std::uint32_t choices() const { return picture ? 1 : n; }
  std::uint32_t previews() const { return picture ? picture->previews : 0; }
};

// Calls that must not wait.
enum class Duty : std::uint8_t { kOpen, kNext, kCancel, kClose };

// Counts the calls that took too long. Any thread.
class SlowCalls {
 public:
  explicit SlowCalls(std::chrono::milliseconds limit) : limit_(limit) {}
  int count(Duty call) const { return counts_[static_cast<std::size_t>(call)].load(); }
  std::string worst(Duty call) const;

  // Measures from its construction to its destruction, on one thread.
  class Lap {
   public:
    Lap(SlowCalls& calls, Duty call);
    ~Lap();
    Lap(const Lap&) = delete;
    Lap& operator=(const Lap&) = delete;

   private:
    SlowCalls& calls_;
    Duty call_;
    std::chrono::steady_clock::time_point start_;
    std::int64_t sleeps_;  // how often this thread gave its processor away by itself
    std::chrono::nanoseconds cpu_;
  };

 private:
  std::chrono::milliseconds limit_;
  std::array<std::atomic<int>, 4> counts_{};
  std::array<std::atomic<std::int64_t>, 4> worst_ms_{};
};

// One thread at a time, but for cancel. The destructor closes.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual Step step() = 0;
  // After kEvent, until the next step.
  virtual const Event& event() const = 0;
  // After kError.
  virtual Error error() const = 0;
  // After kPending: true once there was a wake-up.
  virtual bool wait(std::chrono::milliseconds patience) = 0;
  virtual void cancel() = 0;
};

class Subject {
 public:
  Subject(Journal& to, const CheckOptions& how)
      : journal(to), options(how), max_tokens(how.max_tokens), slow(how.patience.call) {}
  virtual ~Subject() = default;
  // Never null: a refusal is the stream's first step. Any thread.
  virtual std::unique_ptr<Stream> open(const Ask& ask) = 0;
  // The word for a function in messages: a plugin has next, a backend pull.
  virtual const char* next_name() const = 0;
  // Pixels are as good as a file of the format that was asked for: somebody else encodes them.
  virtual bool pixels_for_files() const { return false; }

  Journal& journal;
  const CheckOptions& options;
  std::int64_t max_tokens;  // of a plain request; 0 where the backend refuses the setting
  bool paints = false;      // plain requests are for a picture
  SlowCalls slow;
};

// A picture that came.
struct Picture {
  std::uint32_t width = 0, height = 0;  // 0: not known, as of one at an address
  bool pixels = false;
  std::string mime{};
  std::uint64_t hash = 0;  // of its bytes
  bool operator==(const Picture&) const = default;
};

// How a reply went.
struct Outcome {
  enum class End : std::uint8_t { kRunning, kComplete, kFailed, kBroken };
  End end = End::kRunning;
  Errc code = Errc::kEngine;  // kFailed
  std::string message{};      // kFailed
  std::size_t events = 0;
  std::size_t deltas = 0;
  std::string text{};               // of choice 0
  std::vector<Picture> pictures{};  // no previews
  std::size_t previews = 0;
  std::size_t progress = 0;             // events
  std::vector<std::string> warnings{};  // their facts
  std::vector<Finish> finishes{};
  bool logprobs = false;                 // a delta carried some
  bool tool_call = false;                // a tool call part began
  std::size_t vectors = 0;               // VECTORS events
  std::size_t rows = 0;                  // in them
  std::optional<std::int64_t> output{};  // tokens

  bool complete() const { return end == End::kComplete; }
  bool refused() const { return end == End::kFailed && events == 0; }
  // Both gave the same text and the same pictures.
  bool same_answer(const Outcome& other) const {
    return text == other.text && pictures == other.pictures;
  }
  std::string answer() const;  // for messages
  std::string to_text() const;
};

// Reads one stream, step by step, and holds the grammar over it.
class Reading {
 public:
  Reading(Subject& subject, const Ask& ask)
      : Reading(subject, ask.choices(), subject.open(ask), ask.previews()) {}
  Reading(Subject& subject, std::uint32_t choices, std::unique_ptr<Stream> stream,
          std::uint32_t previews = 0)
      : subject_(subject), checker_(choices), previews_(previews), stream_(std::move(stream)) {}
  // One step that is not kPending, waiting for it; false when the reply is over.
  bool advance();
  // Reads on until `events` have come or it is over.
  const Outcome& read(std::size_t events = static_cast<std::size_t>(-1));
  const Outcome& outcome() const { return outcome_; }
  Stream& stream() { return *stream_; }

 private:
  bool take_event();
  bool take_media(const Event& event);
  bool over(Outcome::End end);

  Subject& subject_;
  EventChecker checker_;
  std::uint32_t previews_;  // asked for
  Outcome outcome_;
  std::unique_ptr<Stream> stream_;
};

// open, read to the end, close.
Outcome ask(Subject& subject, const Ask& what);

}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_STREAM_H_
