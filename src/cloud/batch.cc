#include "src/cloud/batch.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <variant>

#include "src/cloud/event_queue.h"
#include "src/core/from_now.h"

namespace infer::cloud {
namespace {

constexpr std::size_t kAtOnce = 4;

// Each piece has its own times; what the reply has is when to stop at the latest.
Call without_times(const Call& call) {
  Call bare;
  bare.stop = call.stop;
  bare.deadline = call.deadline;
  return bare;
}

// Sums of what every piece has told: where one has not, nobody knows the sum.
class UsageSum {
 public:
  void add(const Usage& usage) {
    const bool first = pieces_++ == 0;
    sum(&Usage::input, usage, first);
    sum(&Usage::cache_read, usage, first);
    sum(&Usage::cache_write, usage, first);
    sum(&Usage::output, usage, first);
    sum(&Usage::reasoning, usage, first);
    if (first) usage_.timing.connect = usage.timing.connect;
    if (usage.raw.empty()) return;
    raw_ += raw_.empty() ? "[" : ",";
    raw_ += usage.raw;
  }
  Usage total() const {
    Usage total = usage_;
    if (!raw_.empty()) total.raw = raw_ + "]";
    return total;
  }

 private:
  void sum(std::optional<std::int64_t> Usage::* figure, const Usage& usage, bool first) {
    std::optional<std::int64_t>& all = usage_.*figure;
    const std::optional<std::int64_t>& one = usage.*figure;
    if (first)
      all = one;
    else if (!all || !one || *one > INT64_MAX - *all)
      all.reset();
    else
      *all += *one;
  }

  Usage usage_{};
  std::string raw_{};
  std::size_t pieces_ = 0;
};

class BatchSource final : public Source {
 public:
  BatchSource(std::shared_ptr<const Backend> inner, std::shared_ptr<const Request> request,
              std::vector<std::size_t> ends, Call call)
      : inner_(std::move(inner)),
        request_(std::move(request)),
        all_(std::get<EmbeddingRequest>(*request_)),
        ends_(std::move(ends)),
        call_(std::move(call)),
        watch_(without_times(call_)),
        started_(Clock::now()),
        usages_(ends_.size()),
        rows_(ends_.size()) {}

  Step pull(Poller& poller) override {
    if (final_) return *final_;
    if (auto error = watch_.check()) return fail(std::move(*error));
    if (!merged_) {
      open_more();
      for (auto piece = running_.begin(); piece != running_.end();) {
        const Step step = advance(*piece, poller);
        if (step == Step::kError) return fail_piece(*piece);
        piece = step == Step::kEnd ? running_.erase(piece) : std::next(piece);
      }
      if (open_more()) poller.waker().wake();  // they have not been pulled yet
      if (!running_.empty()) {
        watch_.arm(poller);
        return Step::kPending;
      }
      merge();
    }
    if (queue_.empty()) return *(final_ = Step::kEnd);
    event_ = &queue_.pop();
    return Step::kEvent;
  }
  const Event& event() const noexcept override { return *event_; }
  Error take_error() override { return std::move(*error_); }

 private:
  struct Running {
    std::size_t piece = 0;
    std::size_t rows = 0;  // that have come
    std::unique_ptr<Source> source{};
    std::optional<Error> error{};
  };

  std::size_t begin_of(std::size_t piece) const { return piece == 0 ? 0 : ends_[piece - 1]; }

  // False: none was opened.
  bool open_more() {
    bool opened = false;
    for (; running_.size() < kAtOnce && next_ < ends_.size(); ++next_, opened = true) {
      const auto at = [&](std::size_t i) {
        return all_.inputs.begin() + static_cast<std::ptrdiff_t>(i);
      };
      EmbeddingRequest piece;
      piece.inputs.assign(at(begin_of(next_)), at(ends_[next_]));
      piece.dimensions = all_.dimensions;
      piece.normalize = all_.normalize;
      piece.input_type = all_.input_type;
      piece.user = all_.user;
      piece.extra = all_.extra;
      Running running;
      running.piece = next_;
      running.source = inner_->open(std::make_shared<const Request>(std::move(piece)), call_);
      running_.push_back(std::move(running));
    }
    return opened;
  }

  // Everything that a piece has; never kEvent.
  Step advance(Running& running, Poller& poller) {
    for (;;) {
      const Step step = running.source->pull(poller);
      if (step == Step::kEvent) {
        if ((running.error = take(running, running.source->event()))) return Step::kError;
        continue;
      }
      if (step == Step::kEnd && running.rows != ends_[running.piece] - begin_of(running.piece))
        running.error = wrong_rows(running);
      if (step == Step::kError) running.error = running.source->take_error();
      return running.error ? Step::kError : step;
    }
  }

  std::optional<Error> take(Running& running, const Event& event) {
    if (event.usage) usages_[running.piece] = *event.usage;
    switch (event.kind) {
      case Event::Kind::kStart: take_start(running, event); return std::nullopt;
      case Event::Kind::kWarning: take_warning(event); return std::nullopt;
      case Event::Kind::kVectors: return take_rows(running, event);
      default: return std::nullopt;
    }
  }

  void take_start(const Running& running, const Event& event) {
    Meta meta = event.meta ? *event.meta : Meta{};
    if (meta.model.empty()) meta.model = event.id;
    if (meta.extra.empty()) meta.extra = event.extra;
    const std::uint32_t attempts = std::max(meta_.attempts, meta.attempts);
    auto limits = std::move(meta.rate_limits);
    if (running.piece == 0) meta_ = std::move(meta);
    meta_.attempts = attempts;
    if (!limits.empty()) meta_.rate_limits = std::move(limits);
  }

  void take_warning(const Event& event) {
    for (const Warning& known : warnings_)
      if (known.code == event.data && known.message == event.id) return;
    warnings_.push_back({std::string(event.data), std::string(event.id), std::string(event.extra)});
  }

  std::optional<Error> take_rows(Running& running, const Event& event) {
    const std::size_t width = event.dimensions;
    if (width == 0 || event.vectors.size() % width != 0) return wrong_rows(running);
    if (width_ == 0) width_ = event.dimensions;
    if (width != width_)
      return Error(Errc::kProtocol, "the rows of one piece have " + std::to_string(width) +
                                        " numbers, those of another " + std::to_string(width_));
    std::vector<float>& rows = rows_[running.piece];
    rows.insert(rows.end(), event.vectors.begin(), event.vectors.end());
    running.rows += event.vectors.size() / width;
    return std::nullopt;
  }

  Error wrong_rows(const Running& running) const {
    return Error(Errc::kProtocol,
                 "a piece of " + std::to_string(ends_[running.piece] - begin_of(running.piece)) +
                     " inputs did not get as many rows");
  }

  std::vector<float> all_rows() {
    std::vector<float> all;
    all.reserve(all_.inputs.size() * width_);
    for (std::vector<float>& rows : rows_) {
      all.insert(all.end(), rows.begin(), rows.end());
      rows = {};
    }
    return all;
  }

  void merge() {
    merged_ = true;
    queue_.timing.first = Clock::now() - started_;
    queue_.start(std::move(meta_));
    for (const Warning& warning : warnings_) queue_.warning(warning);
    queue_.vectors(all_rows(), width_);
    UsageSum sum;
    bool told = false;
    for (const std::optional<Usage>& usage : usages_) {
      sum.add(usage.value_or(Usage{}));
      told = told || usage;
    }
    const Usage total = sum.total();
    queue_.timing.connect = total.timing.connect;
    if (told) queue_.usage(total);
    queue_.finish(0, Finish::kStop, {});
  }

  Step fail_piece(Running& running) {
    Error error = std::move(*running.error);
    if (error.provider().empty()) error = std::move(error).with_provider(inner_->info().provider);
    return fail(std::move(error)
                    .with_detail("batch", std::to_string(running.piece))
                    .with_detail("first_input", std::to_string(begin_of(running.piece))));
  }
  Step fail(Error error) {
    error_ = std::move(error);
    running_.clear();
    return *(final_ = Step::kError);
  }

  std::shared_ptr<const Backend> inner_;
  std::shared_ptr<const Request> request_;
  const EmbeddingRequest& all_;  // in request_
  const std::vector<std::size_t> ends_;
  Call call_;
  Watch watch_;
  Clock::time_point started_;
  std::size_t next_ = 0;  // the piece to open next
  std::vector<Running> running_{};
  Meta meta_{};
  std::vector<Warning> warnings_{};
  std::vector<std::optional<Usage>> usages_;
  std::vector<std::vector<float>> rows_;  // of each piece
  std::uint32_t width_ = 0;
  bool merged_ = false;
  EventQueue queue_{};
  const Event* event_ = nullptr;
  std::optional<Error> error_{};
  std::optional<Step> final_{};
};

class BatchBackend final : public Backend {
 public:
  BatchBackend(std::shared_ptr<const Backend> inner, BatchLimits limits)
      : inner_(std::move(inner)), limits_(limits) {}
  const ModelInfo& info() const noexcept override { return inner_->info(); }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    const auto* embedding = std::get_if<EmbeddingRequest>(request.get());
    if (!embedding) return inner_->open(std::move(request), call);
    auto ends = batch_ends(embedding->inputs, limits_);
    if (ends.size() <= 1) return inner_->open(std::move(request), call);
    Call mine = call;
    mine.deadline = std::min(call.deadline, core::from_now(call.timeouts.total));
    mine.timeouts.total.reset();
    return std::make_unique<BatchSource>(inner_, std::move(request), std::move(ends),
                                         std::move(mine));
  }

 private:
  std::shared_ptr<const Backend> inner_;
  const BatchLimits limits_;
};

}  // namespace

std::vector<std::size_t> batch_ends(const std::vector<std::string>& inputs,
                                    const BatchLimits& limits) {
  std::vector<std::size_t> ends;
  std::size_t begin = 0;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t size = inputs[i].size();
    const bool full = limits.inputs != 0 && i - begin >= limits.inputs;
    const bool heavy =
        limits.bytes != 0 && i > begin && (bytes > limits.bytes || size > limits.bytes - bytes);
    if (full || heavy) {
      ends.push_back(i);
      begin = i;
      bytes = 0;
    }
    bytes += size;
  }
  if (!inputs.empty()) ends.push_back(inputs.size());
  return ends;
}

std::shared_ptr<const Backend> batched(std::shared_ptr<const Backend> inner, BatchLimits limits) {
  return std::make_shared<BatchBackend>(std::move(inner), limits);
}

}  // namespace infer::cloud
