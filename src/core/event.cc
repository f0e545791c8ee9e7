#include "infer/event.h"

#include <cstdio>
#include <ostream>

namespace infer {
inline namespace v0 {

std::string_view to_string(Finish finish) noexcept {
  switch (finish) {
    case Finish::kUnknown: return "unknown";
    case Finish::kStop: return "stop";
    case Finish::kStopSequence: return "stop_sequence";
    case Finish::kLength: return "length";
    case Finish::kToolCalls: return "tool_calls";
    case Finish::kFiltered: return "filtered";
    case Finish::kRefusal: return "refusal";
    case Finish::kPaused: return "paused";
    case Finish::kContextFull: return "context_full";
    case Finish::kOther: return "other";
  }
  return "other";
}

std::string_view to_string(Event::Kind kind) noexcept {
  switch (kind) {
    case Event::Kind::kNone: return "none";
    case Event::Kind::kStart: return "start";
    case Event::Kind::kPartBegin: return "part_begin";
    case Event::Kind::kDelta: return "delta";
    case Event::Kind::kPartEnd: return "part_end";
    case Event::Kind::kUsage: return "usage";
    case Event::Kind::kWarning: return "warning";
    case Event::Kind::kProgress: return "progress";
    case Event::Kind::kMedia: return "media";
    case Event::Kind::kVectors: return "vectors";
    case Event::Kind::kFinish: return "finish";
  }
  return "unknown";
}

std::string_view to_string(Event::PartKind kind) noexcept {
  switch (kind) {
    case Event::PartKind::kNone: return "none";
    case Event::PartKind::kText: return "text";
    case Event::PartKind::kReasoning: return "reasoning";
    case Event::PartKind::kToolCall: return "tool_call";
    case Event::PartKind::kRefusal: return "refusal";
    case Event::PartKind::kOpaque: return "opaque";
  }
  return "unknown";
}

std::ostream& operator<<(std::ostream& out, const Usage& usage) {
  const char* comma = "";
  const auto count = [&](const std::optional<std::int64_t>& figure, const char* what) {
    if (!figure) return;
    out << comma << *figure << what;
    comma = ", ";
  };
  count(usage.input, " in");
  count(usage.cache_read, " cached");
  if (usage.cache_write.value_or(0) > 0) count(usage.cache_write, " to cache");
  count(usage.output, " out");
  count(usage.reasoning, " reasoning");
  if (usage.output && usage.timing.decode && usage.timing.decode->count() > 0) {
    char rate[48];
    const double seconds = std::chrono::duration<double>(*usage.timing.decode).count();
    std::snprintf(rate, sizeof rate, "%.1f tokens/s", static_cast<double>(*usage.output) / seconds);
    out << comma << rate;
    comma = ", ";
  }
  if (*comma == '\0') out << "usage unknown";
  return out;
}

}  // namespace v0
}  // namespace infer
