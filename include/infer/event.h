// infer/event.h - what comes back, piece by piece, the same from every backend.
//
// The grammar of a reply:
//
//   reply = start (warning | usage | progress | part)* finish end        | ... error
//   part  = begin delta* end        (media and vectors are whole parts: one event each)
//
//   - one kStart, first;
//   - every part has its choice (which of n answers) and its index in that choice, counted 0, 1, 2
//     in the order of their kPartBegin; parts of different choices may interleave;
//   - one kFinish per choice, after all its parts have ended; nothing of that choice after it;
//   - kUsage events are cumulative snapshots: figures never shrink, the last one wins;
//   - after the last kFinish the source ends; after an error nothing comes;
//   - text is whole UTF-8 in every single delta: a character is never split;
//   - readers skip kinds they do not know.
//
// What the fields hold, by kind (all else is zero or empty):
//
//   kind        data              id               extra           also
//   kStart      -                 the model        metadata, JSON  meta
//   kPartBegin  tool name         tool call id     facts, JSON     part_kind, choice, part
//   kDelta      bytes             -                -               part_kind, choice, part,
//                                                                  logprobs
//   kPartEnd    signature of a    the item's id    JSON to keep    part_kind, choice, part
//               kReasoning part
//   kUsage      -                 -                -               usage
//   kWarning    code              message          JSON facts      -
//   kProgress   what is going on  -                -               step, steps, step_time
//   kMedia      -                 the item's id    JSON to keep    media, preview, step, steps,
//                                                                  choice, part
//   kVectors    -                 -                -               vectors, dimensions
//   kFinish     raw reason; for   -                JSON to keep    finish, choice, usage (may be
//               kStopSequence the stop text        (Message::extra)  null)
//
// kVectors holds all rows of the reply in one event: of an EmbeddingRequest one row an input; of a
// RerankRequest one row of a single number (dimensions 1) a document, its score. Both in the order
// of the request; top_n leaves no row out.
//
// A part of kOpaque has its type in kPartBegin's data, and its JSON in the deltas. kPartBegin's
// extra, empty for the most part, is an object of flags of the part: {"custom":true} of a tool call
// whose arguments are free text, {"provider_executed":true} of one that is not for the caller,
// {"redacted":true} of reasoning that is a signature alone.
//
// Lifetime: views and pointers in an Event live until the next pull of the source (the next call of
// Reply::next or try_next). Copy what you keep; EventBuffer (backend.h) keeps whole events.
#ifndef INFER_EVENT_H_
#define INFER_EVENT_H_

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "infer/export.h"
#include "infer/message.h"

namespace infer {
inline namespace v0 {

// Why an answer ended. The numbers are those of infer/plugin.h.
enum class Finish : std::uint8_t {
  kUnknown = 0,       // the provider never said
  kStop = 1,          // the model was done
  kStopSequence = 2,  // one of TextRequest::stop came; Choice::stop_sequence says which
  kLength = 3,        // max_tokens
  kToolCalls = 4,     // the model waits for tool results
  kFiltered = 5,      // the provider's filter cut it
  kRefusal = 6,       // the model declined
  kPaused = 7,        // a long turn was paused; send it back to go on
  kContextFull = 8,   // no room left in the context
  kOther = 255,       // a reason this library does not know; Choice::finish_raw has it
};
INFER_API std::string_view to_string(Finish finish) noexcept;

// Where the time of a reply went; what is not known is unset.
struct Timing {
  std::optional<std::chrono::nanoseconds> queue{};    // waiting for a place in the engine
  std::optional<std::chrono::nanoseconds> connect{};  // name, TCP, TLS
  std::optional<std::chrono::nanoseconds> prefill{};  // reading the prompt
  std::optional<std::chrono::nanoseconds> first{};    // from the request to the first content
  std::optional<std::chrono::nanoseconds> decode{};   // writing the answer
};

// What a reply cost, in tokens; what the provider does not say is unset. Cumulative.
struct Usage {
  std::optional<std::int64_t> input{};        // the whole prompt, cached parts included
  std::optional<std::int64_t> cache_read{};   // of input: read from a cache
  std::optional<std::int64_t> cache_write{};  // of input: written to a cache
  std::optional<std::int64_t> output{};       // the whole answer, reasoning included
  std::optional<std::int64_t> reasoning{};    // of output
  Timing timing{};
  std::string raw{};  // the provider's own figures, JSON
};
// "17 in, 11 out, 102.3 tokens/s": for people.
INFER_API std::ostream& operator<<(std::ostream& out, const Usage& usage);

// A setting or a fact that the caller should hear of; the reply goes on.
struct Warning {
  std::string code{};     // "unsupported_setting", "no_chat_template", "truncated_prompt", ...
  std::string message{};  // one line
  std::string extra{};    // JSON facts, such as {"setting":"top_k"}
};

// One of the limits that a provider puts on an account, as its answer's headers tell it.
struct RateLimit {
  std::string what{};                                // "requests", "tokens", "input_tokens", ...
  std::optional<std::int64_t> limit{};               // in a window
  std::optional<std::int64_t> remaining{};           // of this window
  std::optional<std::chrono::milliseconds> reset{};  // until it is full again, from this answer on
  // How long a window is, where the provider says so: Groq counts requests by the day and tokens by
  // the minute.
  std::optional<std::chrono::seconds> window{};
  bool operator==(const RateLimit&) const = default;
};

// Facts about the answer as a whole, known at its start.
struct Meta {
  std::string response_id{};
  std::string request_id{};
  std::string model{};         // that answers; may differ from the one asked for
  std::string extra{};         // JSON: fingerprints, the headers of the rate limits as they came
  std::uint32_t attempts = 1;  // how often the request was sent until this answer came
  // Who makes the parts of this answer (Part::issuer); empty: the provider. One provider may have
  // several: parts of one of its APIs, or of one server, mean nothing to another.
  std::string issuer{};
  std::vector<RateLimit> rate_limits{};  // in the order of their headers
};

// One token and how likely it was; alternatives follow it in Event::logprobs.
struct TokenLogprob {
  std::int32_t token = -1;   // the model's id; -1 unknown
  float logprob = 0;         // natural logarithm
  std::string_view bytes{};  // may be part of a character
  std::uint32_t n_top = 0;   // how many of the following entries are its alternatives
};

struct Event {
  // The numbers are those of infer/plugin.h. More will come: skip what you do not know.
  enum class Kind : std::uint8_t {
    kNone = 0,
    kStart = 1,
    kPartBegin = 2,
    kDelta = 3,
    kPartEnd = 4,
    kUsage = 5,
    kWarning = 6,
    kProgress = 7,
    kMedia = 8,
    kVectors = 9,
    kFinish = 10,
  };
  enum class PartKind : std::uint8_t {
    kNone = 0,
    kText = 1,
    kReasoning = 2,
    kToolCall = 3,
    kRefusal = 4,
    kOpaque = 5,
  };

  Kind kind = Kind::kNone;
  PartKind part_kind = PartKind::kNone;
  Finish finish = Finish::kUnknown;
  bool preview = false;  // kMedia: a picture on the way, not the result
  std::uint32_t choice = 0;
  std::uint32_t part = 0;
  std::uint32_t step = 0;  // kProgress, kMedia: step of steps
  std::uint32_t steps = 0;
  // kProgress: how long a step takes at present, where steps are of one length; 0: not known.
  std::chrono::nanoseconds step_time{};
  std::string_view data{};
  std::string_view id{};
  std::string_view extra{};
  const Usage* usage = nullptr;
  const Media* media = nullptr;
  const Meta* meta = nullptr;
  std::span<const float> vectors{};  // row by row
  std::uint32_t dimensions = 0;      // length of a row
  std::span<const TokenLogprob> logprobs{};

  // Events that carry something of the answer: what the first and idle timeouts wait for, and what
  // forbids a retry.
  bool is_content() const noexcept {
    return kind >= Kind::kPartBegin && kind != Kind::kUsage && kind != Kind::kWarning &&
           kind != Kind::kProgress;
  }
};
INFER_API std::string_view to_string(Event::Kind kind) noexcept;
INFER_API std::string_view to_string(Event::PartKind kind) noexcept;

}  // namespace v0
}  // namespace infer

#endif  // INFER_EVENT_H_
