// infer/backend.h - for those who write a backend or a layer. Users need model.h only.
//
// A backend implements two things: open() a request, which gives a Source, and pull() that Source,
// which gives the next event or says that there is none yet. Neither ever waits. Everything else -
// blocking, callbacks, many replies on a thread, other languages - is made from these two.
//
// What a Source owes:
//   - pull() does not wait, sleep, connect or compute for long; kPending means that it has arranged
//     a wake-up: it kept p.waker() and somebody will call it, or it called p.wake_at(t);
//   - the grammar of event.h;
//   - once call.stop is requested, the next pull gives kError with that reason (Watch does it);
//   - a refusal is the first step, not an exception and not a blocking check in open();
//   - the destructor abandons the work at once; it does not wait for it.
// What a layer owes besides: hand on steps and the Call (times may only get shorter), copy what it
// keeps (EventBuffer), set Call::retried_by if it retries.
//
// The suite of conformance.h holds a backend to all this.
#ifndef INFER_BACKEND_H_
#define INFER_BACKEND_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/call.h"
#include "infer/error.h"
#include "infer/event.h"
#include "infer/poller.h"
#include "infer/request.h"

namespace infer {
inline namespace v0 {

// What is known about a model's abilities; a server behind a custom address knows nothing.
enum class Known : std::uint8_t { kUnknown, kNo, kYes };

struct ModelInfo {
  std::string provider{};  // the scheme: "llama", "openai"
  std::string name{};      // what stands behind the scheme
  std::string family{};    // "llama", "qwen3", ...; empty: unknown
  std::string quantization{};
  std::string endpoint{};  // the server's origin, "https://api.openai.com"; empty: in this process
  std::optional<std::int64_t> context{};  // tokens
  std::optional<std::int64_t> parameters{};
  std::optional<std::int64_t> size_bytes{};
  // Of models that paint, in pixels: of a picture where the request says nothing, and what widths
  // and heights must be multiples of.
  std::optional<std::int64_t> width{};
  std::optional<std::int64_t> height{};
  std::optional<std::int64_t> size_multiple{};
  Known tools = Known::kUnknown;
  Known json_schema = Known::kUnknown;
  Known grammar = Known::kUnknown;
  Known vision = Known::kUnknown;
  Known logprobs = Known::kUnknown;
  Known reasoning = Known::kUnknown;
};

enum class Step : std::uint8_t {
  kEvent,    // event() holds the next one, until the next pull
  kPending,  // nothing yet; a wake-up is arranged
  kEnd,      // the reply is complete; final
  kError,    // take_error() has it; final
};

// One running request.
// Thread rule: one thread at a time. Every pull of one Source is given the same Poller.
class INFER_API Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;

  virtual Step pull(Poller& poller) = 0;
  // After kEvent, until the next pull.
  virtual const Event& event() const noexcept = 0;
  // After kError, once.
  virtual Error take_error() = 0;
};

// A model that can be asked. Immutable; safe for concurrent use.
class INFER_API Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  virtual const ModelInfo& info() const noexcept = 0;
  // Never waits, never null, never throws. The Source may hold pointers into this backend: whoever
  // keeps the Source keeps the backend (Reply and the layers do).
  virtual std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                                       const Call& call) const = 0;
};

// A Source that fails at its first step.
INFER_API std::unique_ptr<Source> refuse(Error error);

// The stop token and the timeouts of one call, looked after for a Source:
//
//   Step pull(Poller& p) override {
//     if (auto error = watch_.check()) return fail(std::move(*error));
//     ... kEvent: watch_.note(event_);          kPending: watch_.arm(p);
//   }
// It reads the clock only when something is pending, not per event.
class INFER_API Watch {
 public:
  explicit Watch(const Call& call);
  // Stop requested, or, if the last pull was pending, a time run out: the error to end with.
  std::optional<Error> check();
  // An event goes out.
  void note(const Event& event) noexcept {
    if (event.is_content()) content_ = kFresh;
  }
  // Nothing yet: arranges to be pulled again when the next time runs out.
  void arm(Poller& poller);

 private:
  enum : std::uint8_t { kWaitingFirst, kFresh, kWaitingNext } content_ = kWaitingFirst;
  bool pending_ = false;
  StopToken stop_;
  std::optional<std::chrono::milliseconds> idle_;
  Clock::time_point first_ = Clock::time_point::max();
  Clock::time_point total_ = Clock::time_point::max();
  Clock::time_point next_ = Clock::time_point::max();
};

// Whole events, kept: what retries, caches and recordings need.
class INFER_API EventBuffer {
 public:
  EventBuffer();
  ~EventBuffer();
  EventBuffer(EventBuffer&&) noexcept;
  EventBuffer& operator=(EventBuffer&&) noexcept;

  // Copies everything that the event points to.
  void push(const Event& event);
  std::size_t size() const noexcept;
  bool empty() const noexcept { return size() == 0; }
  // The i-th event; its views live as long as this buffer and are not moved by further pushes.
  const Event& operator[](std::size_t i) const noexcept;
  void clear();

 private:
  struct Stored;
  std::vector<std::unique_ptr<Stored>> events_;
};
// A Source that gives the kept events one after the other and ends, with the error if there is one.
INFER_API std::unique_ptr<Source> replay(std::shared_ptr<const EventBuffer> events,
                                         std::optional<Error> error = {});

}  // namespace v0
}  // namespace infer

#endif  // INFER_BACKEND_H_
