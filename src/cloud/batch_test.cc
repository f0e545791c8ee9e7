#include "src/cloud/batch.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <mutex>
#include <numeric>
#include <random>

#include "infer/conformance.h"
#include "infer/model.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

// ---- where pieces end

// The fewest pieces that there can be, found by trying all.
std::size_t fewest(const std::vector<std::string>& inputs, const BatchLimits& limits) {
  std::vector<std::size_t> best(inputs.size() + 1, inputs.size() + 1);
  best[0] = 0;
  for (std::size_t end = 1; end <= inputs.size(); ++end) {
    std::size_t bytes = 0;
    for (std::size_t begin = end; begin-- > 0;) {
      bytes += inputs[begin].size();
      const bool alone = end - begin == 1;
      const bool fits = (limits.inputs == 0 || end - begin <= limits.inputs) &&
                        (alone || limits.bytes == 0 || bytes <= limits.bytes);
      if (fits) best[end] = std::min(best[end], best[begin] + 1);
    }
  }
  return best[inputs.size()];
}

TEST(Batch, PiecesAreTheFewestWithinTheLimits) {
  std::mt19937 random(5);
  for (int round = 0; round < 3000; ++round) {
    std::vector<std::string> inputs(random() % 14);
    for (std::string& input : inputs) input.assign(random() % 7, 'x');
    const BatchLimits limits{.inputs = random() % 5, .bytes = random() % 10};
    const auto ends = batch_ends(inputs, limits);
    ASSERT_EQ(ends.size(), fewest(inputs, limits)) << round;
    std::size_t begin = 0;
    for (const std::size_t end : ends) {
      ASSERT_LT(begin, end);
      std::size_t bytes = 0;
      for (std::size_t i = begin; i < end; ++i) bytes += inputs[i].size();
      EXPECT_TRUE(limits.inputs == 0 || end - begin <= limits.inputs);
      EXPECT_TRUE(limits.bytes == 0 || end - begin == 1 || bytes <= limits.bytes);
      begin = end;
    }
    EXPECT_EQ(begin, inputs.size());
  }
}

TEST(Batch, SizesThatWouldOverflow) {
  EXPECT_EQ(batch_ends({"ab", "c"}, {.bytes = 1}), (std::vector<std::size_t>{1, 2}));
  EXPECT_EQ(batch_ends({"a", "b"}, {.bytes = SIZE_MAX}), (std::vector<std::size_t>{2}));
  EXPECT_EQ(batch_ends({}, {.inputs = 1}), std::vector<std::size_t>{});
}

// ---- a backend that embeds: a text is its length and a number of its own

struct Served {
  std::mutex mutex;
  std::vector<EmbeddingRequest> requests;
  std::vector<Call> calls;
  std::size_t open = 0, most_open = 0, pulls = 0;
};

struct Behaviour {
  int pending = 0;  // pulls before a piece answers; -1: it never does
  std::size_t bad_piece = SIZE_MAX;
  std::size_t short_piece = SIZE_MAX;  // gives a row less
  std::size_t other_width = SIZE_MAX;
  bool usage = true;
  std::size_t no_usage_piece = SIZE_MAX;
  bool silent_warnings = false;
};

float mark_of(const std::string& text) {
  return static_cast<float>(std::hash<std::string>()(text) % 100003);
}

class EmbedSource final : public Source {
 public:
  EmbedSource(std::shared_ptr<Served> served, Behaviour how, std::size_t piece,
              std::shared_ptr<const Request> request, const Call& call)
      : served_(std::move(served)),
        how_(how),
        piece_(piece),
        request_(std::move(request)),
        watch_(call) {
    std::lock_guard lock(served_->mutex);
    served_->most_open = std::max(served_->most_open, ++served_->open);
    const auto& inputs = std::get<EmbeddingRequest>(*request_).inputs;
    const std::size_t rows = inputs.size() - (piece == how_.short_piece ? 1 : 0);
    width_ = piece == how_.other_width ? 3 : 2;
    for (std::size_t i = 0; i < rows; ++i) {
      vectors_.push_back(static_cast<float>(inputs[i].size()));
      vectors_.push_back(mark_of(inputs[i]));
      if (width_ == 3) vectors_.push_back(0);
    }
    meta_.model = "embedder";
    meta_.request_id = "req_" + std::to_string(piece);
    meta_.attempts = static_cast<std::uint32_t>(1 + piece % 3);
    meta_.rate_limits = {{.what = "requests", .remaining = 100 - static_cast<int>(piece)}};
    usage_.input = static_cast<std::int64_t>(inputs.size());
    usage_.raw = "{\"n\":" + std::to_string(inputs.size()) + "}";
    left_ = how_.pending;
  }
  ~EmbedSource() override {
    std::lock_guard lock(served_->mutex);
    --served_->open;
  }

  Step pull(Poller& poller) override {
    if (auto error = watch_.check()) {
      error_ = std::move(error);
      return Step::kError;
    }
    if (left_ != 0) {
      if (left_ > 0) {
        --left_;
        poller.waker().wake();
      }
      watch_.arm(poller);
      return Step::kPending;
    }
    event_ = Event{};
    switch (at_++) {
      case 0:
        event_.kind = Event::Kind::kStart;
        event_.meta = &meta_;
        event_.id = meta_.model;
        return Step::kEvent;
      case 1:
        event_.kind = Event::Kind::kWarning;
        event_.data = "unsupported_setting";
        event_.id = "input_type has no effect";
        return Step::kEvent;
      case 2:
        if (piece_ == how_.bad_piece) {
          error_ = Error(Errc::kRateLimited, "slow down").with_provider("fake");
          return Step::kError;
        }
        event_.kind = Event::Kind::kVectors;
        event_.vectors = vectors_;
        event_.dimensions = width_;
        return Step::kEvent;
      case 3:
        event_.kind = Event::Kind::kFinish;
        event_.finish = Finish::kStop;
        if (how_.usage && piece_ != how_.no_usage_piece) event_.usage = &usage_;
        return Step::kEvent;
      default: return Step::kEnd;
    }
  }
  const Event& event() const noexcept override { return event_; }
  Error take_error() override { return *error_; }

 private:
  std::shared_ptr<Served> served_;
  Behaviour how_;
  std::size_t piece_;
  std::shared_ptr<const Request> request_;
  Watch watch_;
  std::vector<float> vectors_;
  std::uint32_t width_ = 2;
  Meta meta_;
  Usage usage_;
  int left_ = 0;
  int at_ = 0;
  Event event_;
  std::optional<Error> error_;
};

class EmbedBackend final : public Backend {
 public:
  EmbedBackend(std::shared_ptr<Served> served, Behaviour how)
      : served_(std::move(served)), how_(how) {
    info_.provider = "fake";
  }
  const ModelInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    const auto* embedding = std::get_if<EmbeddingRequest>(request.get());
    if (!embedding) return refuse(Error(Errc::kUnsupported, "texts only"));
    std::size_t piece = 0;
    {
      std::lock_guard lock(served_->mutex);
      piece = served_->requests.size();
      served_->requests.push_back(*embedding);
      served_->calls.push_back(call);
    }
    return std::make_unique<EmbedSource>(served_, how_, piece, std::move(request), call);
  }

 private:
  std::shared_ptr<Served> served_;
  Behaviour how_;
  ModelInfo info_;
};

struct Batched {
  std::shared_ptr<Served> served = std::make_shared<Served>();
  EmbeddingModel model;
  explicit Batched(BatchLimits limits, Behaviour how = {})
      : model(batched(std::make_shared<EmbedBackend>(served, how), limits)) {}
};

std::vector<std::string> texts(std::size_t n) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < n; ++i) inputs.push_back("text " + std::to_string(i * 37));
  return inputs;
}

// A reply by hand, for what EmbeddingModel does not tell.
Result<Response> whole_reply(const EmbeddingModel& model, EmbeddingRequest request,
                             Call call = {}) {
  Response response;
  EventChecker checker(1);
  Poller poller;
  auto source = model.backend()->open(std::make_shared<const Request>(std::move(request)), call);
  for (;;) {
    const Step step = source->pull(poller);
    if (step == Step::kPending) continue;
    if (step == Step::kError) return source->take_error();
    if (step == Step::kEnd) break;
    const Event& event = source->event();
    const auto finding = checker.feed(event);
    EXPECT_FALSE(finding) << finding->rule << ": " << finding->what;
    if (event.kind == Event::Kind::kStart) {
      response.model = event.meta->model;
      response.request_id = event.meta->request_id;
      response.attempts = event.meta->attempts;
      response.rate_limits = event.meta->rate_limits;
    }
    if (event.kind == Event::Kind::kVectors) {
      response.vectors.assign(event.vectors.begin(), event.vectors.end());
      response.dimensions = event.dimensions;
    }
    if (event.usage) response.usage = *event.usage;
  }
  EXPECT_FALSE(checker.end());
  return response;
}

TEST(Batch, AnySplitGivesTheRowsOfNone) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> inputs(1 + random() % 40);
    for (std::string& input : inputs)
      input.assign(random() % 9, static_cast<char>('a' + random() % 26));
    const BatchLimits limits{.inputs = random() % 8, .bytes = random() % 30};
    Batched plain({});
    Batched split(limits, {.pending = static_cast<int>(random() % 3)});
    const auto expected = plain.model.embed(inputs);
    const auto got = split.model.embed(inputs);
    ASSERT_TRUE(expected);
    ASSERT_TRUE(got) << got.error();
    EXPECT_EQ(got->values, expected->values);
    EXPECT_EQ(got->dimensions, expected->dimensions);
    EXPECT_EQ(got->usage.input, expected->usage.input);
    EXPECT_EQ(got->warnings.size(), 1u);
    EXPECT_EQ(plain.served->requests.size(), 1u);
    EXPECT_EQ(split.served->requests.size(), fewest(inputs, limits));
    EXPECT_LE(split.served->most_open, 4u);
    EXPECT_EQ(split.served->open, 0u);
  }
}

TEST(Batch, OtherRequestsPassThrough) {
  Batched split({.inputs = 1});
  const auto text = TextModel(split.model.backend()).generate("hi");
  ASSERT_FALSE(text);
  EXPECT_EQ(text.error().message(), "texts only");
  EXPECT_EQ(split.model.info().provider, "fake");
}

TEST(Batch, APieceIsAskedForAsTheWhole) {
  Batched split({.inputs = 2});
  EmbeddingRequest request{.inputs = texts(5)};
  request.dimensions = 2;
  request.normalize = true;
  request.input_type = "query";
  request.user = "me";
  request.extra = {{"fake", "{\"a\":1}"}};
  ASSERT_TRUE(split.model.embed(request));
  ASSERT_EQ(split.served->requests.size(), 3u);
  std::vector<std::string> inputs;
  for (const EmbeddingRequest& piece : split.served->requests) {
    inputs.insert(inputs.end(), piece.inputs.begin(), piece.inputs.end());
    EXPECT_EQ(piece.dimensions, 2u);
    EXPECT_EQ(piece.normalize, true);
    EXPECT_EQ(piece.input_type, "query");
    EXPECT_EQ(piece.user, "me");
    EXPECT_EQ(piece.extra, request.extra);
  }
  EXPECT_EQ(inputs, request.inputs);
}

TEST(Batch, FactsOfTheReply) {
  Batched split({.inputs = 2});
  const auto done = whole_reply(split.model, {.inputs = texts(9)});
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->request_id, "req_0");
  EXPECT_EQ(done->model, "embedder");
  EXPECT_EQ(done->attempts, 3u);
  ASSERT_EQ(done->rate_limits.size(), 1u);
  EXPECT_EQ(done->rate_limits[0].remaining, 96);
  EXPECT_EQ(done->usage.input, 9);
  EXPECT_EQ(done->usage.raw, R"([{"n":2},{"n":2},{"n":2},{"n":2},{"n":1}])");
  EXPECT_EQ(split.served->most_open, 4u);
}

TEST(Batch, ASumThatNobodyKnowsIsNotTold) {
  Batched split({.inputs = 2}, {.no_usage_piece = 1});
  const auto done = split.model.embed(texts(6));
  ASSERT_TRUE(done);
  EXPECT_EQ(done->usage.input, std::nullopt);
  EXPECT_EQ(done->usage.raw, R"([{"n":2},{"n":2}])");
  Batched none({.inputs = 2}, {.usage = false});
  const auto untold = none.model.embed(texts(6));
  ASSERT_TRUE(untold);
  EXPECT_EQ(untold->usage.input, std::nullopt);
}

TEST(Batch, TheFirstErrorEndsIt) {
  Batched split({.inputs = 2}, {.bad_piece = 2});
  const auto done = split.model.embed(texts(40));
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kRateLimited);
  EXPECT_EQ(done.error().retry(), RetryHint::kYes);
  EXPECT_EQ(done.error().detail("batch"), "2");
  EXPECT_EQ(done.error().detail("first_input"), "4");
  EXPECT_LE(split.served->requests.size(), 8u);
  EXPECT_EQ(split.served->open, 0u);
}

TEST(Batch, RowsThatAreMissingOrDiffer) {
  Batched missing({.inputs = 2}, {.short_piece = 1});
  const auto few = missing.model.embed(texts(6));
  ASSERT_FALSE(few);
  EXPECT_EQ(few.error().code(), Errc::kProtocol);
  EXPECT_EQ(few.error().detail("batch"), "1");
  EXPECT_EQ(few.error().provider(), "fake");
  Batched wide({.inputs = 2}, {.other_width = 2});
  const auto other = wide.model.embed(texts(6));
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code(), Errc::kProtocol);
  EXPECT_EQ(other.error().detail("batch"), "2");
}

TEST(Batch, AStopInTheMiddle) {
  Batched split({.inputs = 1}, {.pending = -1});
  StopSource stop;
  Call call;
  call.stop = stop.token();
  Poller poller;
  auto source = split.model.backend()->open(
      std::make_shared<const Request>(EmbeddingRequest{.inputs = texts(9)}), call);
  EXPECT_EQ(source->pull(poller), Step::kPending);
  EXPECT_EQ(split.served->open, 4u);
  stop.request_stop();
  ASSERT_EQ(source->pull(poller), Step::kError);
  EXPECT_EQ(source->take_error().code(), Errc::kCancelled);
  EXPECT_EQ(split.served->open, 0u);
  EXPECT_EQ(source->pull(poller), Step::kError);
}

TEST(Batch, TheDeadlineIsOfTheWhole) {
  Batched split({.inputs = 1}, {.pending = -1});
  Call call;
  call.timeouts.total = milliseconds(30);
  const auto done = split.model.embed(EmbeddingRequest{.inputs = texts(9)}, call);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kTimeout);
  EXPECT_EQ(done.error().detail("timeout"), "total");
  for (const Call& piece : split.served->calls) {
    EXPECT_EQ(piece.deadline, split.served->calls[0].deadline);
    EXPECT_FALSE(piece.timeouts.total);
  }
  EXPECT_EQ(split.served->open, 0u);
}

TEST(Batch, TheFirstContentIsWaitedForPieceByPiece) {
  Batched split({.inputs = 1}, {.pending = -1});
  Call call;
  call.timeouts.first = milliseconds(20);
  const auto done = split.model.embed(EmbeddingRequest{.inputs = texts(2)}, call);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().detail("timeout"), "first");
  EXPECT_NE(done.error().detail("batch"), "");
}

TEST(Batch, AnAbandonedReplyLeavesNothingOpen) {
  Batched split({.inputs = 1}, {.pending = -1});
  Poller poller;
  auto source = split.model.backend()->open(
      std::make_shared<const Request>(EmbeddingRequest{.inputs = texts(9)}), {});
  EXPECT_EQ(source->pull(poller), Step::kPending);
  source.reset();
  EXPECT_EQ(split.served->open, 0u);
}

}  // namespace
}  // namespace infer::cloud
