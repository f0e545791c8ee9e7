#include <utility>

#include "infer/layers.h"

namespace infer {
inline namespace v0 {

namespace {

class TapSource final : public Source {
 public:
  TapSource(std::shared_ptr<const Tap> tap, std::unique_ptr<Source> inner)
      : tap_(std::move(tap)), inner_(std::move(inner)) {}

  Step pull(Poller& poller) override {
    const Step step = inner_->pull(poller);
    if (step == Step::kEvent && tap_->on_event) tap_->on_event(inner_->event());
    return step;
  }
  const Event& event() const noexcept override { return inner_->event(); }
  Error take_error() override {
    Error error = inner_->take_error();
    if (tap_->on_error) tap_->on_error(error);
    return error;
  }

 private:
  std::shared_ptr<const Tap> tap_;
  std::unique_ptr<Source> inner_;
};

class TapBackend final : public Backend {
 public:
  TapBackend(Tap tap, std::shared_ptr<const Backend> inner)
      : tap_(std::make_shared<const Tap>(std::move(tap))), inner_(std::move(inner)) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    if (tap_->on_request) tap_->on_request(*request);
    return std::make_unique<TapSource>(tap_, inner_->open(std::move(request), call));
  }

 private:
  std::shared_ptr<const Tap> tap_;
  std::shared_ptr<const Backend> inner_;
};

}  // namespace

std::shared_ptr<const Backend> Tap::operator()(std::shared_ptr<const Backend> inner) const {
  return std::make_shared<TapBackend>(*this, std::move(inner));
}

}  // namespace v0
}  // namespace infer
