// For tests: backends and sources made of functions.
#ifndef INFER_SRC_CORE_SCRIPTED_H_
#define INFER_SRC_CORE_SCRIPTED_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "infer/infer.h"

namespace infer::test {

// What a pull may look at and fill in.
struct Pull {
  Poller& poller;
  Event& event;
  std::optional<Error>& error;
};
using PullFn = std::function<Step(Pull)>;

class FnSource final : public Source {
 public:
  explicit FnSource(PullFn fn) : fn_(std::move(fn)) {}
  // A function that ends without a finish gets one: most tests are not about it.
  Step pull(Poller& poller) override {
    if (ended_) return Step::kEnd;
    const Step step = fn_({poller, event_, error_});
    finished_ = finished_ || (step == Step::kEvent && event_.kind == Event::Kind::kFinish);
    if (step != Step::kEnd || finished_) return step;
    ended_ = true;
    event_ = Event{};
    event_.kind = Event::Kind::kFinish;
    return Step::kEvent;
  }
  const Event& event() const noexcept override { return event_; }
  Error take_error() override { return *error_; }

 private:
  PullFn fn_;
  Event event_;
  std::optional<Error> error_;
  bool finished_ = false, ended_ = false;
};

class FnBackend final : public Backend {
 public:
  using Open = std::function<std::unique_ptr<Source>(std::shared_ptr<const Request>, const Call&)>;
  explicit FnBackend(Open open) : open_(std::move(open)) {
    info_.provider = "scripted";
    info_.name = "test";
  }
  const ModelInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    return open_(std::move(request), call);
  }

 private:
  Open open_;
  ModelInfo info_;
};

inline std::shared_ptr<const Backend> backend(FnBackend::Open open) {
  return std::make_shared<FnBackend>(std::move(open));
}
// Each reply is pulled through a function of its own.
inline TextModel model(std::function<PullFn()> make) {
  return TextModel(backend(
      [make = std::move(make)](auto, const Call&) { return std::make_unique<FnSource>(make()); }));
}

using Kind = Event::Kind;
using PartKind = Event::PartKind;

inline Event event(Kind kind, PartKind part_kind = PartKind::kNone, std::string_view data = {},
                   std::uint32_t part = 0, std::uint32_t choice = 0) {
  Event e;
  e.kind = kind;
  e.part_kind = part_kind;
  e.data = data;
  e.part = part;
  e.choice = choice;
  return e;
}
inline Event finish(Finish why = Finish::kStop, std::uint32_t choice = 0) {
  Event e;
  e.kind = Kind::kFinish;
  e.finish = why;
  e.choice = choice;
  return e;
}
// start, a text part of these deltas, finish.
inline std::vector<Event> text_reply(const std::vector<std::string_view>& deltas) {
  std::vector<Event> all = {event(Kind::kStart), event(Kind::kPartBegin, PartKind::kText)};
  for (std::string_view delta : deltas) all.push_back(event(Kind::kDelta, PartKind::kText, delta));
  all.push_back(event(Kind::kPartEnd, PartKind::kText));
  all.push_back(finish());
  return all;
}
// Gives these events, then the end or the error. What they point to must outlive it.
inline PullFn play(std::vector<Event> events, std::optional<Error> error = {}) {
  return
      [events = std::move(events), error = std::move(error), i = std::size_t{0}](Pull p) mutable {
        if (i < events.size()) {
          p.event = events[i++];
          return Step::kEvent;
        }
        p.error = error;
        return error ? Step::kError : Step::kEnd;
      };
}
inline TextModel playing(std::vector<Event> events, std::optional<Error> error = {}) {
  return model([=] { return play(events, error); });
}

inline TextRequest ask(std::string text) {
  TextRequest request;
  request.messages.push_back(user(std::move(text)));
  return request;
}

}  // namespace infer::test

#endif  // INFER_SRC_CORE_SCRIPTED_H_
