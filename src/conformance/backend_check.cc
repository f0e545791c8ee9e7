// check_backend: a Reply reads the backend through a layer that watches every pull.
#include <utility>

#include "infer/model.h"
#include "src/conformance/scenarios.h"

namespace infer {
inline namespace v0 {
namespace {

// Hands on everything and measures it; after a final step it pulls once more, for final is final.
class WatchedSource final : public Source {
 public:
  WatchedSource(std::unique_ptr<Source> inner, StopToken stop, Subject& subject)
      : inner_(std::move(inner)), stop_(std::move(stop)), subject_(subject) {}
  ~WatchedSource() override {
    SlowCalls::Lap lap(subject_.slow, Duty::kClose);
    inner_.reset();
  }
  Step pull(Poller& poller) override {
    const bool stopped = stop_.stop_requested();
    Step step;
    {
      SlowCalls::Lap lap(subject_.slow, Duty::kNext);
      step = inner_->pull(poller);
    }
    // A Reply would cover this up: it ends by itself where its source does not.
    if (stopped && step != Step::kError)
      subject_.journal.broken("cancel.ignored", "a pull after the stop does not give kError");
    if (step == Step::kEnd || step == Step::kError)
      subject_.journal.check("end.final", inner_->pull(poller) == step,
                             "after a final step came another one");
    return step;
  }
  const Event& event() const noexcept override { return inner_->event(); }
  Error take_error() override {
    Error error = inner_->take_error();
    const std::string& message = error.message();
    subject_.journal.check("error.no_message", !message.empty(),
                           std::string(to_string(error.code())) + " with an empty message");
    subject_.journal.check("error.message", message.find('\n') == std::string::npos,
                           "a message of several lines");
    return error;
  }

 private:
  std::unique_ptr<Source> inner_;
  StopToken stop_;
  Subject& subject_;
};

class WatchedBackend final : public Backend {
 public:
  WatchedBackend(std::shared_ptr<const Backend> inner, Subject& subject)
      : inner_(std::move(inner)), subject_(subject) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    std::unique_ptr<Source> source;
    {
      SlowCalls::Lap lap(subject_.slow, Duty::kOpen);
      source = inner_->open(std::move(request), call);
    }
    if (!source) {
      subject_.journal.broken("open.failed", "open gave no source");
      source = refuse(Error(Errc::kEngine, "open gave no source"));
    }
    return std::make_unique<WatchedSource>(std::move(source), call.stop, subject_);
  }

 private:
  std::shared_ptr<const Backend> inner_;
  Subject& subject_;
};

class BackendStream final : public Stream {
 public:
  template <class Model, class R>
  BackendStream(const Model& model, R request, SlowCalls& slow) : slow_(slow) {
    Call call;
    call.stop = stop_.token();
    call.poller = poller_;
    reply_ = model.stream(std::move(request), std::move(call));
  }
  Step step() override {
    const Step step = reply_.try_next();
    // The Reply makes an error of an end without a finish; here it is the source's end that counts.
    const Error* error = reply_.error();
    return error && error->detail("rule") == "finish.missing" ? Step::kEnd : step;
  }
  const Event& event() const override { return reply_.event(); }
  Error error() const override {
    const Error* error = reply_.error();
    return error ? *error : Error(Errc::kEngine, "it failed without an error");
  }
  bool wait(std::chrono::milliseconds patience) override {
    const bool woken = poller_.wait(Clock::now() + patience);
    while (poller_.ready() != nullptr) {
    }
    return woken;
  }
  void cancel() override {
    SlowCalls::Lap lap(slow_, Duty::kCancel);
    stop_.request_stop(Errc::kCancelled);
  }
  void stop(Errc why) { stop_.request_stop(why); }

 private:
  SlowCalls& slow_;
  StopSource stop_;
  Poller poller_;
  Reply reply_;
};

class BackendSubject final : public Subject {
 public:
  BackendSubject(Journal& to, const CheckOptions& how, std::shared_ptr<const Backend> backend)
      : Subject(to, how), backend_(std::make_shared<WatchedBackend>(std::move(backend), *this)) {}

  std::unique_ptr<Stream> open(const Ask& ask) override { return stream(ask); }
  std::unique_ptr<BackendStream> stream(const Ask& ask) {
    if (ask.picture)
      return std::make_unique<BackendStream>(ImageModel(backend_), picture_of(ask), slow);
    return std::make_unique<BackendStream>(TextModel(backend_), request_of(ask), slow);
  }
  const char* next_name() const override { return "pull"; }

 private:
  static ImageRequest picture_of(const Ask& ask) {
    const AskPicture& what = *ask.picture;
    ImageRequest request;
    if (!ask.no_words) request.prompt = ask.prompt;
    if (what.width != 0) request.width = what.width;
    if (what.height != 0) request.height = what.height;
    if (what.steps != 0) request.steps = what.steps;
    request.n = ask.n;
    request.seed = what.seed;
    request.format = what.format;
    request.previews = what.previews;
    return request;
  }
  static TextRequest request_of(const Ask& ask) {
    TextRequest request;
    if (!ask.no_words) request.messages = {user(ask.prompt)};
    if (ask.max_tokens > 0) request.max_tokens = ask.max_tokens;
    request.temperature = 0;
    request.stop = ask.stop;
    request.n = ask.n;
    if (ask.logprobs) request.logprobs = Logprobs{1};
    if (ask.json) request.output.form = Output::Form::kJsonObject;
    if (ask.tools) {
      Tool tool;
      tool.name = "get_weather";
      tool.description = "The weather in a city";
      tool.schema =
          R"({"type":"object","properties":{"city":{"type":"string"}},"required":["city"]})";
      request.tools.push_back(std::move(tool));
      request.tool_choice.mode = ToolChoice::Mode::kRequired;
    }
    return request;
  }

  std::shared_ptr<const Backend> backend_;
};

// The reason of a stop comes back as the code of the error.
void check_reason(BackendSubject& subject) {
  Ask what;
  what.prompt = subject.options.prompt;
  what.max_tokens = subject.max_tokens;
  if (subject.paints) what.picture.emplace();
  std::unique_ptr<BackendStream> stream = subject.stream(what);
  stream->stop(Errc::kBudgetExceeded);
  Reading reading(subject, 1, std::move(stream));
  const Outcome& outcome = reading.read();
  subject.journal.check(
      "cancel.reason",
      outcome.end == Outcome::End::kFailed && outcome.code == Errc::kBudgetExceeded,
      "stopped with budget_exceeded, the reply " + outcome.to_text());
}

}  // namespace

Report check_backend(const std::shared_ptr<const Backend>& backend, const BackendCheck& options) {
  const ModelInfo& info = backend->info();
  Journal journal(info.provider + ":" + info.name, options.progress);
  BackendSubject subject(journal, options, backend);
  subject.paints = options.paints;
  if (check_plain_reply(subject)) {
    check_many_replies(subject);
    check_reason(subject);
  }
  return journal.take();
}

}  // namespace v0
}  // namespace infer
