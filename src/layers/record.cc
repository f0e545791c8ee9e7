#include <utility>

#include "infer/layers.h"
#include "src/core/event_json.h"
#include "src/layers/recording.h"
#include "src/port/append.h"

namespace infer {
inline namespace v0 {

namespace {

class RecordSource final : public Source {
 public:
  RecordSource(const std::string& path, std::shared_ptr<const Request> request, StopToken stop,
               std::unique_ptr<Source> inner)
      : path_(path),
        request_(std::move(request)),
        stop_(std::move(stop)),
        inner_(std::move(inner)) {}

  Step pull(Poller& poller) override {
    if (final_) return *final_;
    const Step step = inner_->pull(poller);
    if (step == Step::kPending) return step;
    if (step == Step::kEvent) {
      if (!events_.empty()) events_ += ',';
      events_ += core::dump_json(core::event_json(inner_->event()));
      return step;
    }
    if (step == Step::kError) error_ = inner_->take_error();
    final_ = step;
    // What the caller stopped is no answer of the model.
    if (!stop_.stop_requested()) write();
    return *final_;
  }
  const Event& event() const noexcept override { return inner_->event(); }
  Error take_error() override { return std::move(*error_); }

 private:
  void write() {
    const Error* failed = error_ ? &*error_ : nullptr;
    const auto written =
        port::append(path_, layers::kRecordingHead,
                     layers::recorded_line(layers::RecordedRequest(*request_), events_, failed));
    if (written) return;
    final_ = Step::kError;
    Error error = written.error();
    if (failed)
      error = std::move(error).with_detail(
          "reply", std::string(to_string(failed->code())) + ": " + failed->message());
    error_ = std::move(error);
  }

  const std::string& path_;  // the backend's
  std::shared_ptr<const Request> request_;
  StopToken stop_;
  std::unique_ptr<Source> inner_;
  std::string events_;  // JSON, by commas
  std::optional<Error> error_;
  std::optional<Step> final_;
};

class RecordBackend final : public Backend {
 public:
  RecordBackend(std::string path, std::shared_ptr<const Backend> inner)
      : path_(std::move(path)), inner_(std::move(inner)) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    if (path_.empty())
      return refuse(Error(Errc::kInvalidRequest, "Record::path is empty: name the file to write")
                        .with_detail("field", "path"));
    // Before anything is asked, and paid for: a file that cannot be written.
    if (auto ready = port::append(path_, layers::kRecordingHead, {}); !ready)
      return refuse(std::move(ready.error()));
    auto inner = inner_->open(request, call);
    return std::make_unique<RecordSource>(path_, std::move(request), call.stop, std::move(inner));
  }

 private:
  std::string path_;
  std::shared_ptr<const Backend> inner_;
};

}  // namespace

std::shared_ptr<const Backend> Record::operator()(std::shared_ptr<const Backend> inner) const {
  return std::make_shared<RecordBackend>(path, std::move(inner));
}

}  // namespace v0
}  // namespace infer
