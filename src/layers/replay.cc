#include <algorithm>
#include <map>
#include <mutex>
#include <utility>

#include "infer/layers.h"
#include "src/layers/recording.h"

namespace infer {
inline namespace v0 {

namespace {

// A recorded reply, or an error alone.
class ReplaySource final : public Source {
 public:
  ReplaySource(layers::RecordedReply reply, const Call& call)
      : watch_(call), reply_(std::move(reply)) {}

  Step pull(Poller&) override {
    if (final_) return *final_;
    if (auto stopped = watch_.check()) {
      reply_.error = std::move(stopped);
      return *(final_ = Step::kError);
    }
    if (reply_.events && next_ < reply_.events->size()) {
      ++next_;
      return Step::kEvent;
    }
    return *(final_ = reply_.error ? Step::kError : Step::kEnd);
  }
  const Event& event() const noexcept override { return (*reply_.events)[next_ - 1]; }
  Error take_error() override { return std::move(*reply_.error); }

 private:
  Watch watch_;
  layers::RecordedReply reply_;
  std::size_t next_ = 0;
  std::optional<Step> final_;
};

class ReplayBackend final : public Backend {
 public:
  ReplayBackend(std::string path, std::shared_ptr<const Backend> inner)
      : path_(std::move(path)), inner_(std::move(inner)), recording_(load()) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    return std::make_unique<ReplaySource>(reply_to(*request), call);
  }

 private:
  Result<layers::Recording> load() const {
    if (path_.empty())
      return Error(Errc::kInvalidRequest, "Replay::path is empty: name the file to read")
          .with_detail("field", "path");
    return layers::read_recording(path_);
  }

  layers::RecordedReply reply_to(const Request& request) const {
    if (!recording_) return {.error = recording_.error()};
    const layers::RecordedRequest asked(request);
    const auto found = recording_->entries.find(asked);
    if (found == recording_->entries.end()) return {.error = unknown(asked)};
    const auto& replies = found->second.replies;
    std::lock_guard lock(mutex_);
    std::size_t& turn = turns_[&found->second];
    return replies[std::min(turn++, replies.size() - 1)];
  }

  Error unknown(const layers::RecordedRequest& asked) const {
    const std::string here = path_ + ": no reply is recorded for this request";
    const layers::Recording::Entry* nearest = nullptr;
    layers::RequestDifference least;
    for (const auto& [request, entry] : recording_->entries) {
      layers::RequestDifference now = layers::difference(request, asked);
      if (nearest && std::pair(now.fields, entry.line) > std::pair(least.fields, nearest->line))
        continue;
      nearest = &entry;
      least = std::move(now);
    }
    if (!nearest) return Error(Errc::kNotFound, here + ", nor for any other");
    return Error(Errc::kNotFound, here + "; the nearest, line " + std::to_string(nearest->line) +
                                      ", has " + least.in_a + " at " + least.first + ", this one " +
                                      least.in_b)
        .with_detail("field", least.first)
        .with_detail("line", std::to_string(nearest->line));
  }

  std::string path_;
  std::shared_ptr<const Backend> inner_;
  Result<layers::Recording> recording_;
  mutable std::mutex mutex_;
  mutable std::map<const layers::Recording::Entry*, std::size_t> turns_;  // replies given so far
};

}  // namespace

std::shared_ptr<const Backend> Replay::operator()(std::shared_ptr<const Backend> inner) const {
  return std::make_shared<ReplayBackend>(path, std::move(inner));
}

}  // namespace v0
}  // namespace infer
