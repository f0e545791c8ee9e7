// infer/call.h - what belongs to one call and to nothing else: when to stop, how long to wait,
// where to wait, who is watching. Layers hand it on, and may only shorten its times.
//
//   infer::Call call;
//   call.timeouts.total = std::chrono::seconds(30);
//   auto reply = model.stream("hi", call);
//
// Thread rule: a plain value.
#ifndef INFER_CALL_H_
#define INFER_CALL_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "infer/poller.h"
#include "infer/stop.h"

namespace infer {
inline namespace v0 {

// How long to wait; unset waits for ever. Each ends the reply with kTimeout, whose detail
// "timeout" names the one that ran out.
struct Timeouts {
  std::optional<std::chrono::milliseconds> connect{};  // to reach the server
  std::optional<std::chrono::milliseconds> first{};    // from the start to the first content
  std::optional<std::chrono::milliseconds> idle{};     // between two pieces of content; pings and
                                                       // progress do not count
  std::optional<std::chrono::milliseconds> total{};    // the whole reply, retries included
};

// How the answer crosses the wire, where a backend has the choice.
enum class Wire : std::uint8_t {
  kAuto,    // stream() streams, generate() may ask for the whole answer at once
  kStream,  // always piece by piece
  kWhole,   // always in one piece
};

// The W3C trace that this call belongs to; empty: none.
struct TraceContext {
  std::string traceparent{};
  std::string tracestate{};
};

struct Call {
  StopToken stop{};
  Timeouts timeouts{};
  // Absolute; stream() sets it to the earlier of what it is and now + timeouts.total.
  Clock::time_point deadline = Clock::time_point::max();
  // Where the reply waits. Unset: the reply borrows one, and next() blocks in it. Set it to read
  // many replies on one thread (poller.h).
  std::optional<Poller> poller{};
  Wire wire = Wire::kAuto;
  TraceContext trace{};
  // Not 0: a layer outside already retries this call that many times; an inner one must not.
  std::uint32_t retried_by = 0;
};

}  // namespace v0
}  // namespace infer

#endif  // INFER_CALL_H_
