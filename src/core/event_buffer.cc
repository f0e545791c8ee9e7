#include <deque>
#include <utility>

#include "infer/backend.h"

namespace infer {
inline namespace v0 {

// An event and everything that it points to.
struct EventBuffer::Stored {
  Event event;
  std::string data, id, extra;
  std::optional<Usage> usage;
  std::optional<Media> media;
  std::optional<Meta> meta;
  std::vector<float> vectors;
  std::vector<TokenLogprob> logprobs;
  std::deque<std::string> bytes;  // of the logprobs; a deque: its strings do not move

  explicit Stored(const Event& from)
      : event(from),
        data(from.data),
        id(from.id),
        extra(from.extra),
        vectors(from.vectors.begin(), from.vectors.end()),
        logprobs(from.logprobs.begin(), from.logprobs.end()) {
    event.data = data;
    event.id = id;
    event.extra = extra;
    if (from.usage) event.usage = &usage.emplace(*from.usage);
    if (from.media) event.media = &media.emplace(*from.media);
    if (from.meta) event.meta = &meta.emplace(*from.meta);
    event.vectors = vectors;
    for (TokenLogprob& logprob : logprobs) logprob.bytes = bytes.emplace_back(logprob.bytes);
    event.logprobs = logprobs;
  }
  Stored(const Stored&) = delete;
  Stored& operator=(const Stored&) = delete;
};

EventBuffer::EventBuffer() = default;
EventBuffer::~EventBuffer() = default;
EventBuffer::EventBuffer(EventBuffer&&) noexcept = default;
EventBuffer& EventBuffer::operator=(EventBuffer&&) noexcept = default;

void EventBuffer::push(const Event& event) { events_.push_back(std::make_unique<Stored>(event)); }
std::size_t EventBuffer::size() const noexcept { return events_.size(); }
const Event& EventBuffer::operator[](std::size_t i) const noexcept { return events_[i]->event; }
void EventBuffer::clear() { events_.clear(); }

namespace {
class KeptEvents final : public Source {
 public:
  KeptEvents(std::shared_ptr<const EventBuffer> events, std::optional<Error> error)
      : events_(std::move(events)), error_(std::move(error)) {}

  Step pull(Poller&) override {
    if (next_ < events_->size()) {
      ++next_;
      return Step::kEvent;
    }
    return error_ ? Step::kError : Step::kEnd;
  }
  const Event& event() const noexcept override { return (*events_)[next_ - 1]; }
  Error take_error() override { return *error_; }

 private:
  std::shared_ptr<const EventBuffer> events_;
  std::optional<Error> error_;
  std::size_t next_ = 0;
};
}  // namespace

std::unique_ptr<Source> replay(std::shared_ptr<const EventBuffer> events,
                               std::optional<Error> error) {
  return std::make_unique<KeptEvents>(std::move(events), std::move(error));
}

}  // namespace v0
}  // namespace infer
