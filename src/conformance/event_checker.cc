#include <algorithm>
#include <string>

#include "src/conformance/rules.h"
#include "src/conformance/text.h"

namespace infer {
inline namespace v0 {
namespace {

// More answers than anybody asks for: a wild index must not make a huge table.
constexpr std::uint32_t kMaxChoices = 1024;

std::string place(const Event& event) {
  return "choice " + std::to_string(event.choice) + ", part " + std::to_string(event.part);
}

std::string named(const Event& event) {
  std::string_view name = to_string(event.kind);
  return name.empty() ? "an event" : std::string(name);
}

// A figure that was known must stay known and must not fall.
bool shrinks(const std::optional<std::int64_t>& last, const std::optional<std::int64_t>& now) {
  return (now && *now < 0) || (last && now && *now < *last);
}

}  // namespace

std::optional<Finding> EventChecker::broken(std::string_view rule, std::string what) {
  silent_ = true;
  return finding_of(rule, std::move(what) + " (event " + std::to_string(events_) + ")");
}

bool EventChecker::complete() const noexcept {
  return progress_.size() >= std::max<std::uint32_t>(choices_, 1) &&
         std::all_of(progress_.begin(), progress_.end(),
                     [](const Progress& choice) { return choice.finished; });
}

EventChecker::Progress* EventChecker::choice_of(std::uint32_t index) {
  if (index >= std::min(std::max<std::uint32_t>(choices_, 1), kMaxChoices)) return nullptr;
  if (progress_.size() <= index) progress_.resize(index + 1);
  return &progress_[index];
}

std::optional<Finding> EventChecker::feed(const Event& event) {
  if (silent_) return std::nullopt;
  ++events_;
  using Kind = Event::Kind;
  if (event.kind == Kind::kNone) return broken("event.kind", "an event without a kind");
  if (events_ == 1 && event.kind != Kind::kStart)
    return broken("start.missing", "the first event is " + named(event));
  if (events_ > 1 && event.kind == Kind::kStart) return broken("start.twice", "a second start");
  if (complete() && event.kind == Kind::kFinish && event.choice < progress_.size())
    return broken("finish.twice", "choice " + std::to_string(event.choice) + " finishes again");
  if (complete()) return broken("finish.after", named(event) + " after the last finish");
  if (event.usage != nullptr)
    if (auto finding = feed_usage(*event.usage)) return finding;

  switch (event.kind) {
    case Kind::kPartBegin:
    case Kind::kDelta:
    case Kind::kPartEnd:
    case Kind::kMedia:
    case Kind::kFinish: break;
    case Kind::kUsage:
      return event.usage ? std::nullopt : broken("usage.empty", "a usage event without usage");
    case Kind::kProgress: return feed_progress(event);
    default: return std::nullopt;  // nothing to hold, or a kind of the future
  }
  Progress* choice = choice_of(event.choice);
  if (choice == nullptr)
    return broken("choice.index", named(event) + " of choice " + std::to_string(event.choice) +
                                      ", asked for were " + std::to_string(choices_));
  if (event.kind == Kind::kFinish) return feed_finish(event, *choice);
  if (choice->finished)
    return broken("finish.after", named(event) + " of a choice that has finished");
  if (event.kind == Kind::kDelta) return feed_delta(event, *choice);
  return feed_part(event, *choice);
}

std::optional<Finding> EventChecker::feed_part(const Event& event, Progress& choice) {
  if (event.kind == Event::Kind::kPartEnd) {
    if (!choice.open)
      return broken(event.part < choice.next_part ? "part.after_end" : "part.delta_before_begin",
                    "the end of a part that is not open: " + place(event));
    if (event.part + 1 != choice.next_part)
      return broken("part.index", "the end of " + place(event) + " while part " +
                                      std::to_string(choice.next_part - 1) + " is open");
    if (event.part_kind != choice.kind)
      return broken("part.kind", "a part begins as " + std::string(to_string(choice.kind)) +
                                     " and ends as " + std::string(to_string(event.part_kind)));
    choice.open = false;
    return std::nullopt;
  }
  if (choice.open)
    return broken("part.left_open", named(event) + " while part " +
                                        std::to_string(choice.next_part - 1) + " is open");
  if (event.part != choice.next_part)
    return broken("part.index", named(event) + " of " + place(event) + ", the next is " +
                                    std::to_string(choice.next_part));
  if (event.kind == Event::Kind::kMedia) {  // a whole part in one event; previews announce it
    if (!event.preview) ++choice.next_part;
    return std::nullopt;
  }
  if (event.part_kind == Event::PartKind::kNone)
    return broken("part.kind", "a part begins without a kind");
  choice.open = true;
  choice.kind = event.part_kind;
  ++choice.next_part;
  return std::nullopt;
}

std::optional<Finding> EventChecker::feed_delta(const Event& event, const Progress& choice) {
  if (!choice.open)
    return event.part < choice.next_part
               ? broken("part.after_end", "a delta of a part that has ended: " + place(event))
               : broken("part.delta_before_begin",
                        "a delta of a part that has not begun: " + place(event));
  if (event.part + 1 != choice.next_part)
    return broken("part.index", "a delta of " + place(event) + " while part " +
                                    std::to_string(choice.next_part - 1) + " is open");
  if (event.part_kind != choice.kind)
    return broken("part.kind", "a part begins as " + std::string(to_string(choice.kind)) +
                                   " and goes on as " + std::string(to_string(event.part_kind)));
  if (!is_utf8(event.data))
    return broken("text.split_utf8", "the delta " + printable(event.data) + " is not whole UTF-8");
  return std::nullopt;
}

std::optional<Finding> EventChecker::feed_usage(const Usage& usage) {
  const struct {
    const char* name;
    const std::optional<std::int64_t>&last, &now;
  } figures[] = {{"input", last_.input, usage.input},
                 {"cache_read", last_.cache_read, usage.cache_read},
                 {"cache_write", last_.cache_write, usage.cache_write},
                 {"output", last_.output, usage.output},
                 {"reasoning", last_.reasoning, usage.reasoning}};
  for (const auto& figure : figures) {
    if (figure.last && !figure.now)
      return broken("usage.shrinks", std::string(figure.name) + " was known and is not any more");
    if (shrinks(figure.last, figure.now))
      return broken("usage.shrinks", std::string(figure.name) + " goes from " +
                                         (figure.last ? std::to_string(*figure.last) : "nothing") +
                                         " to " + std::to_string(*figure.now));
  }
  last_ = usage;
  return std::nullopt;
}

std::optional<Finding> EventChecker::feed_progress(const Event& event) {
  const auto count = [](std::uint32_t step, std::uint32_t steps) {
    return std::to_string(step) + " of " + std::to_string(steps);
  };
  if (event.steps != 0 && event.step > event.steps)
    return broken("progress.steps", "step " + count(event.step, event.steps));
  const bool same = event.data == doing_ && event.steps == steps_;
  if (same && event.step < step_)
    return broken("progress.steps",
                  "step " + count(event.step, event.steps) + " after " + count(step_, steps_));
  doing_ = event.data;
  step_ = event.step;
  steps_ = event.steps;
  return std::nullopt;
}

std::optional<Finding> EventChecker::feed_finish(const Event& event, Progress& choice) {
  if (choice.finished)
    return broken("finish.twice", "choice " + std::to_string(event.choice) + " finishes again");
  if (choice.open)
    return broken("part.left_open",
                  "a finish while part " + std::to_string(choice.next_part - 1) + " is open");
  choice.finished = true;
  return std::nullopt;
}

std::optional<Finding> EventChecker::end() {
  if (silent_) return std::nullopt;
  ++events_;
  if (events_ == 1) return broken("start.missing", "the end comes without any event");
  for (std::size_t i = 0; i < progress_.size(); ++i)
    if (progress_[i].open)
      return broken("part.left_open",
                    "the end comes while a part of choice " + std::to_string(i) + " is open");
  const bool all_seen_finished =
      !progress_.empty() && std::all_of(progress_.begin(), progress_.end(),
                                        [](const Progress& choice) { return choice.finished; });
  if (!all_seen_finished) return broken("finish.missing", "the end comes without a finish");
  if (!complete())
    return broken("limit.n", std::to_string(choices_) + " answers were asked for, " +
                                 std::to_string(progress_.size()) + " came");
  silent_ = true;
  return std::nullopt;
}

}  // namespace v0
}  // namespace infer
