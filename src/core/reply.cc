#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "infer/model.h"
#include "src/core/from_now.h"
#include "src/core/poller_state.h"
#include "src/core/response.h"
#include "src/core/validate.h"
#include "src/structured/check.h"

namespace infer {
inline namespace v0 {

namespace {
Error moved_from() {
  return Error(Errc::kInvalidRequest, "this Reply is empty (default-made or moved from)");
}

using Check = std::optional<structured::OutputCheck>;

// What answers are held against; nothing where the request does not ask for it.
Result<Check> check_for(const Request& request) {
  const auto* text = std::get_if<TextRequest>(&request);
  return text ? structured::OutputCheck::of(text->output) : Check();
}

// Whether it is an answer: the model was done, and neither declined nor wants a tool to be run.
bool is_answer(const Choice& choice) {
  switch (choice.finish) {
    case Finish::kStop:
    case Finish::kStopSequence:
    case Finish::kUnknown:
    case Finish::kOther: break;
    default: return false;
  }
  const auto& parts = choice.message.parts;
  return std::none_of(parts.begin(), parts.end(), [](const Part& part) {
    const auto* call = part.get<ToolCall>();
    return part.get<Refusal>() || (call && !call->provider_executed);
  });
}

std::optional<Error> misfit_of(const structured::OutputCheck& check, const Response& response) {
  for (std::size_t i = 0; i < response.choices.size(); ++i) {
    if (!is_answer(response.choices[i])) continue;
    if (auto error = check.misfit(response.choices[i].message.text()))
      return std::move(*error).with_detail("choice", std::to_string(i));
  }
  return std::nullopt;
}
}  // namespace

struct Reply::Impl {
  // A source that always has an event is never pending; this often the deadline is looked at
  // anyway.
  static constexpr std::uint32_t kClockInterval = 64;

  struct WakePoller {
    std::shared_ptr<detail::PollerSlot> slot;
    void operator()() const noexcept { slot->poller->wake(*slot); }
  };

  std::shared_ptr<const Backend> backend;  // before the source: destroyed after it
  Poller poller;
  bool borrowed = false;
  std::shared_ptr<detail::PollerSlot> slot;
  Call call;
  std::unique_ptr<Source> source;
  std::optional<StopCallback<WakePoller>> on_stop;
  const Event* event = nullptr;
  Response response;
  std::optional<Error> error;
  bool done = false;
  bool finished = false;  // finish() was called
  Check check;
  bool complete = false;  // a kFinish came: the proof that the answer is whole
  std::uint32_t events = 0;

  Impl(std::shared_ptr<const Backend> made_by, Poller where, bool borrowed_poller)
      : backend(std::move(made_by)), poller(std::move(where)), borrowed(borrowed_poller) {}
  ~Impl() {
    on_stop.reset();
    source.reset();
    slot->poller->detach(*slot);
    if (borrowed) detail::PollerState::give_back(slot->poller);
  }

  Step pull() {
    if (done) return error ? Step::kError : Step::kEnd;
    detail::PollerState& state = *slot->poller;
    if (!borrowed) state.take(*slot);
    event = nullptr;
    const bool stopped = call.stop.stop_requested();
    detail::PollerSlot* const outer = std::exchange(state.current, slot.get());
    const Step step = source->pull(poller);
    state.current = outer;
    switch (step) {
      case Step::kEvent:
        if (stopped) break;  // the source does not look at its token; this is the last resort
        event = &source->event();
        core::accumulate(*event, response);
        complete = complete || event->kind == Event::Kind::kFinish;
        if (++events % kClockInterval == 0 && Clock::now() >= call.deadline)
          return fail(out_of_time());
        if (!borrowed) state.requeue(*slot);
        return step;
      case Step::kPending:
        if (stopped) break;
        if (call.deadline == Clock::time_point::max()) return step;
        if (Clock::now() >= call.deadline) return fail(out_of_time());
        state.wake_at(*slot, call.deadline);
        return step;
      case Step::kEnd:
        if (!complete)
          return fail(Error(Errc::kTruncated, "the reply ended without saying that it is whole")
                          .with_detail("rule", "finish.missing"));
        if (check)
          if (auto misfit = misfit_of(*check, response)) return fail(std::move(*misfit));
        end();
        return step;
      case Step::kError: return fail(source->take_error());
    }
    return fail(Error(call.stop.reason().value_or(Errc::kCancelled), "the caller asked to stop"));
  }

  static Error out_of_time() {
    return Error(Errc::kTimeout, "the reply took longer than its total time allows")
        .with_detail("timeout", "total");
  }

  void end() {
    event = nullptr;
    done = true;
    on_stop.reset();
    source.reset();
    slot->poller->finish(*slot);
  }

  Step fail(Error why) {
    end();
    if (why.provider().empty() && why.code() != Errc::kCancelled)
      why = std::move(why).with_provider(backend->info().provider);
    if (!response.choices.empty() || !response.vectors.empty())
      why = std::move(why).with_partial(std::make_shared<const Response>(response));
    error = std::move(why);
    return Step::kError;
  }
};

Reply::Reply() noexcept = default;

Reply::Reply(std::shared_ptr<const Backend> backend, Request request, Call call) {
  const bool borrowed = !call.poller;
  Poller poller =
      borrowed ? Poller(detail::PollerState::borrow(backend->info().endpoint)) : *call.poller;
  impl_ = std::make_unique<Impl>(std::move(backend), poller, borrowed);
  impl_->slot = detail::PollerState::attach(poller.state_, this, /*ready=*/!borrowed);
  call.deadline = std::min(call.deadline, core::from_now(call.timeouts.total));
  call.poller = std::move(poller);
  impl_->call = call;
  impl_->response.provider = impl_->backend->info().provider;
  auto wrong = core::validate(request);
  if (!wrong) {
    auto check = check_for(request);
    if (check)
      impl_->check = std::move(*check);
    else
      wrong = std::move(check.error());
  }
  if (wrong)
    impl_->source = refuse(std::move(*wrong));
  else
    impl_->source = impl_->backend->open(std::make_shared<const Request>(std::move(request)), call);
  // The slot, not the poller, is what a stop has to reach: a reply may end before its token does.
  impl_->on_stop.emplace(call.stop, Impl::WakePoller{impl_->slot});
}

Reply::Reply(Reply&& other) noexcept : impl_(std::move(other.impl_)) {
  if (impl_) impl_->slot->reply = this;
}
Reply& Reply::operator=(Reply&& other) noexcept {
  impl_ = std::move(other.impl_);
  if (impl_) impl_->slot->reply = this;
  return *this;
}
Reply::~Reply() = default;

Step Reply::try_next() {
  if (!impl_) return Step::kError;
  const Step step = impl_->pull();
  if (step != Step::kPending || !impl_->borrowed) return step;
  // Nobody else waits in a borrowed poller: its sockets are looked at here.
  detail::PollerState& state = *impl_->slot->poller;
  if (!state.io() || !state.wait(Clock::time_point::min(), impl_->slot.get())) return step;
  state.take(*impl_->slot);
  return impl_->pull();
}

const Event& Reply::event() const noexcept {
  static const Event none;
  return impl_ && impl_->event ? *impl_->event : none;
}

const Event* Reply::next() {
  if (!impl_) return nullptr;
  for (;;) {
    switch (impl_->pull()) {
      case Step::kEvent: return impl_->event;
      case Step::kEnd:
      case Step::kError: return nullptr;
      case Step::kPending: break;
    }
    detail::PollerState& state = *impl_->slot->poller;
    state.wait(Clock::time_point::max(), impl_->slot.get());
    state.take(*impl_->slot);  // before the pull
  }
}

Reply::TextRange Reply::text() & { return TextRange(this); }

Reply::TextRange::Iterator& Reply::TextRange::Iterator::operator++() {
  if (!reply_) return *this;
  while (const Event* event = reply_->next()) {
    if (event->kind == Event::Kind::kDelta && event->part_kind == Event::PartKind::kText &&
        event->choice == 0) {
      chunk_ = event->data;
      return *this;
    }
  }
  reply_ = nullptr;
  return *this;
}

Result<void> Reply::on_ready(std::function<void()> fn) {
  if (!impl_) return moved_from();
  if (impl_->borrowed)
    return Error(Errc::kUnsupported,
                 "on_ready needs Call::poller: somebody has to wait for the reply");
  impl_->slot->poller->set_on_ready(*impl_->slot, std::move(fn));
  return {};
}

const Response& Reply::response() const noexcept {
  static const Response* const none = new Response;
  return impl_ ? impl_->response : *none;
}

const Error* Reply::error() const noexcept {
  static const Error* const empty = new Error(moved_from());
  if (!impl_) return empty;
  return impl_->error ? &*impl_->error : nullptr;
}

Result<Response> Reply::finish() {
  if (!impl_) return moved_from();
  if (std::exchange(impl_->finished, true))
    return Error(Errc::kInvalidRequest, "finish() was called before on this Reply");
  while (next()) {
  }
  if (impl_->error) return *impl_->error;
  return std::move(impl_->response);
}

}  // namespace v0
}  // namespace infer
