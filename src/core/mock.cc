#include "infer/mock.h"

#include <algorithm>
#include <atomic>
#include <limits>
#include <utility>

#include "src/core/text_checks.h"

namespace infer {
inline namespace v0 {

namespace {

// The last message's text, cut after each space.
std::vector<std::string> words_of(const TextRequest& request) {
  const std::string text = request.messages.back().text();
  std::vector<std::string> words;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t space = text.find(' ', at);
    const std::size_t end = space == std::string::npos ? text.size() : space + 1;
    words.push_back(text.substr(at, end - at));
    at = end;
  }
  return words;
}

std::int64_t count_words(const TextRequest& request) {
  std::int64_t n = 0;
  for (const Message& message : request.messages) {
    const std::string text = message.text();
    n += 1 + std::count(text.begin(), text.end(), ' ');
  }
  return n;
}

// What a tool call's part begins with, as event.h has it.
std::string_view flags_of(const ToolCall& call) {
  if (call.custom && call.provider_executed) return R"({"custom":true,"provider_executed":true})";
  if (call.custom) return R"({"custom":true})";
  return call.provider_executed ? R"({"provider_executed":true})" : "";
}

class MockSource final : public Source {
 public:
  MockSource(MockScript script, const TextRequest& request, const Call& call)
      : watch_(call), script_(std::move(script)) {
    if (script_.deltas.empty()) script_.deltas = words_of(request);
    usage_.input = count_words(request);
    usage_.output = 0;
    if (!script_.tool_calls.empty()) script_.finish = Finish::kToolCalls;
    if (request.max_tokens) left_ = *request.max_tokens;
    plan(request);
  }

  Step pull(Poller& poller) override {
    if (ended_) return *ended_;
    if (auto error = watch_.check()) return fail(std::move(*error));
    if (at_ == steps_.size()) {
      if (script_.error) return fail(*script_.error);
      return *(ended_ = Step::kEnd);
    }
    const Event& next = steps_[at_];
    if (next.kind == Event::Kind::kDelta && script_.delay.count() > 0) {
      const auto now = Clock::now();
      if (due_ == Clock::time_point{}) due_ = now + script_.delay;
      if (now < due_) {
        poller.wake_at(due_);
        watch_.arm(poller);
        return Step::kPending;
      }
      due_ = {};
    }
    ++at_;
    event_ = next;
    if (event_.kind == Event::Kind::kDelta) ++*usage_.output;
    watch_.note(event_);
    return Step::kEvent;
  }
  const Event& event() const noexcept override { return event_; }
  Error take_error() override { return *error_; }

 private:
  using Kind = Event::Kind;
  using PartKind = Event::PartKind;

  Step fail(Error error) {
    error_ = std::move(error);
    return *(ended_ = Step::kError);
  }
  Event& add(Kind kind, PartKind part_kind = PartKind::kNone) {
    Event& event = steps_.emplace_back();
    event.kind = kind;
    event.part_kind = part_kind;
    event.part = part_;
    return event;
  }
  // Each delta is a token; when max_tokens is used up the reply ends where it is.
  void add_part(PartKind kind, const std::vector<std::string>& deltas, const ToolCall* call) {
    if (left_ < 0) return;
    Event& begin = add(Kind::kPartBegin, kind);
    if (call) {
      begin.data = call->name;
      begin.id = call->id;
      begin.extra = flags_of(*call);
    }
    for (const std::string& delta : deltas) {
      if (left_-- == 0) {
        script_.finish = Finish::kLength;
        break;
      }
      add(Kind::kDelta, kind).data = delta;
    }
    add(Kind::kPartEnd, kind);
    ++part_;
  }
  // The whole reply, written down before it is played: views point into script_ and arguments_.
  void plan(const TextRequest& request) {
    add(Kind::kStart).id = script_.name;
    for (const core::Setting& setting : core::quality_settings(request)) {
      warnings_.push_back(core::unsupported_warning(setting, "mock"));
    }
    for (const Warning& warning : warnings_) {
      Event& event = add(Kind::kWarning);
      event.data = warning.code;
      event.id = warning.message;
      event.extra = warning.extra;
    }
    if (!script_.reasoning.empty()) {
      reasoning_ = {script_.reasoning};
      add_part(PartKind::kReasoning, reasoning_, nullptr);
    }
    if (!script_.deltas.empty() || script_.tool_calls.empty())
      add_part(PartKind::kText, script_.deltas, nullptr);
    arguments_.reserve(script_.tool_calls.size());
    for (const ToolCall& call : script_.tool_calls) {
      arguments_.push_back({call.arguments});
      add_part(PartKind::kToolCall, arguments_.back(), &call);
    }
    if (script_.error) return;
    add(Kind::kUsage).usage = &usage_;
    Event& finish = add(Kind::kFinish);
    finish.part = 0;
    finish.finish = script_.finish;
    finish.usage = &usage_;
  }

  Watch watch_;
  MockScript script_;
  Usage usage_;
  std::vector<Warning> warnings_;
  std::vector<std::string> reasoning_;
  std::vector<std::vector<std::string>> arguments_;
  std::vector<Event> steps_;
  std::size_t at_ = 0;
  std::uint32_t part_ = 0;
  std::int64_t left_ = std::numeric_limits<std::int64_t>::max();  // deltas that may still come
  Clock::time_point due_{};
  Event event_;
  std::optional<Error> error_;
  std::optional<Step> ended_;
};

bool calls_what_it_must(const MockScript& script, const ToolChoice& choice) {
  using Mode = ToolChoice::Mode;
  if (choice.mode != Mode::kRequired && choice.mode != Mode::kNamed) return true;
  return std::any_of(script.tool_calls.begin(), script.tool_calls.end(), [&](const ToolCall& call) {
    return choice.mode == Mode::kRequired || call.name == choice.name;
  });
}

class MockBackend final : public Backend {
 public:
  explicit MockBackend(std::vector<MockScript> scripts) : scripts_(std::move(scripts)) {
    info_.provider = "mock";
    info_.name = scripts_.empty() ? "mock" : scripts_.front().name;
  }
  const ModelInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    const auto* text = std::get_if<TextRequest>(request.get());
    if (!text) return refuse(Error(Errc::kUnsupported, "the mock answers text requests only"));
    if (auto error = core::refuse_promises(*text, core::kHonoursMaxTokens | core::kHonoursTools))
      return refuse(std::move(*error));
    if (scripts_.empty()) return refuse(Error(Errc::kInvalidRequest, "the mock has no script"));
    const std::size_t turn = std::min(next_.fetch_add(1), scripts_.size() - 1);
    if (!calls_what_it_must(scripts_[turn], text->tool_choice)) {
      return refuse(
          Error(Errc::kUnsupported,
                "tool_choice: the mock's script has no call of the tool that is demanded"));
    }
    return std::make_unique<MockSource>(scripts_[turn], *text, call);
  }

 private:
  std::vector<MockScript> scripts_;
  mutable std::atomic<std::size_t> next_{0};
  ModelInfo info_;
};

}  // namespace

TextModel mock(MockScript script) { return mock_turns(std::vector<MockScript>{std::move(script)}); }
TextModel mock_turns(std::vector<MockScript> scripts) {
  return TextModel(std::make_shared<MockBackend>(std::move(scripts)));
}

}  // namespace v0
}  // namespace infer
