#include "src/layers/retry.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <limits>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "src/core/scripted.h"

namespace infer {
namespace {

using layers::back_off;
using layers::FailedAttempt;
using layers::judge;
using layers::RetryBudget;
using std::chrono::hours;
using std::chrono::milliseconds;
using test::event;
using test::Kind;
using test::PartKind;
using test::PullFn;

// Fast: no test waits for its retries.
Retry quick(std::uint32_t max_retries = 2) {
  return Retry{.max_retries = max_retries, .backoff = milliseconds(1)};
}

Error yes(Errc code = Errc::kOverloaded) {
  return Error(code, "try again").with_retry(RetryHint::kYes);
}
Error ambiguous() {
  return Error(Errc::kNetwork, "no answer came").with_retry(RetryHint::kAmbiguous);
}

// Plays one attempt after the other, and the last one again and again.
class Attempts {
 public:
  void add(std::vector<Event> events, std::optional<Error> error = {}) {
    plays_.push_back(test::play(std::move(events), std::move(error)));
  }
  void add(Error error) { add({}, std::move(error)); }
  void add_answer() { add(test::text_reply({"a", "b"})); }

  std::shared_ptr<const Backend> backend() {
    return test::backend([this](std::shared_ptr<const Request>, const Call& call) {
      std::lock_guard lock(mutex_);
      calls.push_back(call);
      const std::size_t i = std::min(calls.size(), plays_.size()) - 1;
      return std::make_unique<test::FnSource>(plays_[i]);
    });
  }
  TextModel model() { return TextModel(backend()); }
  std::size_t opened() {
    std::lock_guard lock(mutex_);
    return calls.size();
  }

  std::deque<Call> calls;

 private:
  std::mutex mutex_;
  std::vector<PullFn> plays_;
};

std::vector<Kind> kinds_of(Reply& reply) {
  std::vector<Kind> kinds;
  while (const Event* e = reply.next()) kinds.push_back(e->kind);
  return kinds;
}

// ---- the decision

TEST(RetryBackOff, TheTableOfTheDefaults) {
  const milliseconds longest[] = {milliseconds(500),  milliseconds(1000), milliseconds(2000),
                                  milliseconds(4000), milliseconds(8000), milliseconds(8000)};
  for (std::uint32_t i = 0; i < std::size(longest); ++i) {
    EXPECT_EQ(back_off(Retry{}, i + 1, 0), longest[i]);
    EXPECT_EQ(back_off(Retry{}, i + 1, 0.5), (longest[i] * 7 + milliseconds(7)) / 8);
  }
  EXPECT_EQ(back_off(Retry{}, std::numeric_limits<std::uint32_t>::max(), 0), milliseconds(8000));
}

TEST(RetryBackOff, IsBetweenThreeQuartersAndTheWhole) {
  std::mt19937 random(3);
  const auto below = [&random](std::uint32_t n) { return static_cast<int>(random() % n); };
  for (int i = 0; i < 20000; ++i) {
    const Retry policy{.backoff = milliseconds(below(3000)),
                       .max_backoff = milliseconds(below(20000))};
    const std::uint32_t retry = 1 + random() % 12;
    const milliseconds whole = back_off(policy, retry, 0);
    EXPECT_EQ(whole.count(), std::min<std::int64_t>(policy.max_backoff.count(),
                                                    policy.backoff.count() << (retry - 1)));
    const milliseconds wait =
        back_off(policy, retry, std::uniform_real_distribution<double>(0, 1)(random));
    EXPECT_LE(wait, whole);
    EXPECT_GE(wait * 4, whole * 3);
  }
}

TEST(RetryBackOff, ExtremesDoNotOverflow) {
  const auto max = milliseconds::max();
  EXPECT_EQ(back_off({.backoff = milliseconds(-5)}, 3, 0.5), milliseconds(0));
  EXPECT_EQ(back_off({.max_backoff = milliseconds(-5)}, 3, 0.5), milliseconds(0));
  EXPECT_EQ(back_off({.backoff = milliseconds(0)}, 4000000000u, 0.5), milliseconds(0));
  EXPECT_GT(back_off({.backoff = max, .max_backoff = max}, 4000000000u, 0.5), hours(24 * 365));
}

TEST(RetryJudge, TheHintDecides) {
  const FailedAttempt text, picture{.may_run_twice = false};
  EXPECT_TRUE(judge({}, yes(), text).wait);
  EXPECT_TRUE(judge({}, yes(), picture).wait);
  EXPECT_TRUE(judge({}, ambiguous(), text).wait);
  EXPECT_FALSE(judge({}, ambiguous(), picture).wait);
  EXPECT_EQ(judge({}, ambiguous(), picture).stopped, "ambiguous");
  // Whatever the code is, and whatever delay the server names.
  for (int code = 0; code <= static_cast<int>(Errc::kServerError); ++code) {
    const Error error = Error(static_cast<Errc>(code), "no")
                            .with_retry(RetryHint::kNo)
                            .with_retry_after(milliseconds(5));
    EXPECT_FALSE(judge({}, error, text).wait);
    EXPECT_EQ(judge({}, error, text).stopped, "");
  }
}

TEST(RetryJudge, TheServersDelayIsHonouredExactly) {
  const FailedAttempt attempt{.number = 2, .chance = 0.9};
  const auto asked = [](milliseconds d) { return yes(Errc::kRateLimited).with_retry_after(d); };
  EXPECT_EQ(judge({}, asked(milliseconds(1)), attempt).wait, milliseconds(1));
  EXPECT_EQ(judge({}, asked(milliseconds(20001)), attempt).wait, milliseconds(20001));
  EXPECT_EQ(judge({}, asked(milliseconds(60000)), attempt).wait, milliseconds(60000));
  EXPECT_FALSE(judge({}, asked(milliseconds(60001)), attempt).wait);
  EXPECT_EQ(judge({}, asked(milliseconds(60001)), attempt).stopped, "max_wait");
  EXPECT_EQ(judge({}, asked(milliseconds::max()), attempt).stopped, "max_wait");
  EXPECT_EQ(judge({.max_wait = milliseconds(-1)}, asked(milliseconds(1)), attempt).stopped,
            "max_wait");
  // What is no delay at all.
  for (const milliseconds none : {milliseconds(0), milliseconds(-1), milliseconds::min()})
    EXPECT_EQ(judge({}, asked(none), attempt).wait, back_off({}, 2, 0.9));
}

TEST(RetryJudge, AttemptsAndTheDeadlineEndIt) {
  EXPECT_TRUE(judge({}, yes(), {.number = 2}).wait);
  EXPECT_EQ(judge({}, yes(), {.number = 3}).stopped, "attempts");
  EXPECT_EQ(judge({.max_retries = 0}, yes(), {.number = 1}).stopped, "attempts");
  const auto left = [](int ms) { return FailedAttempt{.time_left = milliseconds(ms)}; };
  EXPECT_EQ(judge({}, yes(), left(501)).wait, milliseconds(500));
  EXPECT_EQ(judge({}, yes(), left(500)).stopped, "deadline");
  EXPECT_EQ(judge({}, yes(), left(-7)).stopped, "deadline");
  EXPECT_EQ(judge({.backoff = milliseconds(0)}, yes(), left(0)).stopped, "deadline");
}

// ---- attempts

TEST(Retry, SendsAgainAndSaysHowOften) {
  Attempts attempts;
  attempts.add(yes());
  attempts.add(ambiguous());
  attempts.add_answer();
  const auto done = (attempts.model() | quick()).generate("hi");
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->text(), "ab");
  EXPECT_EQ(done->attempts, 3u);
  EXPECT_EQ(attempts.opened(), 3u);
}

TEST(Retry, AnAnswerAtOnceIsOneAttempt) {
  Attempts attempts;
  attempts.add_answer();
  const TextModel model = attempts.model() | quick();
  EXPECT_EQ(model.info().name, "test");
  const auto done = model.generate("hi");
  EXPECT_EQ(done->attempts, 1u);
  EXPECT_EQ(done->text(), "ab");
}

TEST(Retry, GivesUpWithTheLastErrorAndItsFacts) {
  Attempts attempts;
  attempts.add(yes(Errc::kNetwork));
  attempts.add(
      yes(Errc::kRateLimited).with_http_status(429).with_request_id("r2").with_provider("openai"));
  const auto done = (attempts.model() | quick()).generate("hi");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kRateLimited);
  EXPECT_EQ(done.error().http_status(), 429);
  EXPECT_EQ(done.error().request_id(), "r2");
  EXPECT_EQ(done.error().provider(), "openai");
  EXPECT_EQ(done.error().detail("attempts"), "3");
  EXPECT_EQ(done.error().detail("retry_stopped"), "attempts");
  EXPECT_EQ(attempts.opened(), 3u);
}

TEST(Retry, NeverRetriesWhatCannotHelp) {
  Attempts attempts;
  attempts.add(Error(Errc::kQuotaExceeded, "no credit"));
  const auto done = (attempts.model() | quick()).generate("hi");
  EXPECT_EQ(done.error().code(), Errc::kQuotaExceeded);
  EXPECT_EQ(done.error().detail("attempts"), "1");
  EXPECT_EQ(done.error().detail("retry_stopped"), "");
  EXPECT_EQ(attempts.opened(), 1u);
}

TEST(Retry, NoneMeansNone) {
  Attempts attempts;
  attempts.add(yes());
  const auto done = (attempts.model() | quick(0)).generate("hi");
  EXPECT_EQ(done.error().detail("attempts"), "1");
  EXPECT_EQ(attempts.opened(), 1u);
  EXPECT_EQ(attempts.calls[0].retried_by, 0u);
}

TEST(Retry, TellsBeforeEachWait) {
  struct Told {
    Errc code;
    std::uint32_t attempt;
    milliseconds wait;
    std::size_t opened;
  };
  std::vector<Told> told;
  Attempts attempts;
  attempts.add(yes(Errc::kNetwork));
  attempts.add(yes(Errc::kRateLimited).with_retry_after(milliseconds(3)));
  attempts.add_answer();
  Retry policy = quick();
  policy.backoff = milliseconds(8);
  policy.on_retry = [&](const Error& error, std::uint32_t attempt, milliseconds wait) {
    told.push_back({error.code(), attempt, wait, attempts.opened()});
  };
  const TextModel model(
      layers::make_retry(policy, attempts.backend(), RetryBudget::of(""), [] { return 0.5; }));
  ASSERT_TRUE(model.generate("hi"));
  ASSERT_EQ(told.size(), 2u);
  EXPECT_EQ(told[0].code, Errc::kNetwork);
  EXPECT_EQ(told[0].attempt, 1u);
  EXPECT_EQ(told[0].wait, milliseconds(7));
  EXPECT_EQ(told[0].opened, 1u);
  EXPECT_EQ(told[1].code, Errc::kRateLimited);
  EXPECT_EQ(told[1].attempt, 2u);
  EXPECT_EQ(told[1].wait, milliseconds(3));
  EXPECT_EQ(told[1].opened, 2u);
}

TEST(Retry, AnAttemptBeginsOnlyWhenItsWaitIsOver) {
  Attempts attempts;
  attempts.add(yes());
  attempts.add_answer();
  const TextModel model = attempts.model() | Retry{.backoff = hours(1), .max_backoff = hours(1)};
  Poller poller;
  Reply reply = model.stream("hi", {.poller = poller});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(reply.try_next(), Step::kPending);
  EXPECT_EQ(attempts.opened(), 1u);
}  // and a reply is destroyed during a wait

TEST(Retry, ARefusalIsAnAttemptToo) {
  int opened = 0;
  const TextModel model(test::backend([&](auto, const Call&) -> std::unique_ptr<Source> {
    if (++opened < 3) return refuse(yes());
    return std::make_unique<test::FnSource>(test::play(test::text_reply({"x"})));
  }));
  EXPECT_EQ((model | quick()).generate("hi")->attempts, 3u);
}

// ---- what is held back

TEST(Retry, EventsOfFailedAttemptsAreNeverSeen) {
  Meta first, second;
  first.request_id = "first";
  second.request_id = "second";
  second.model = "m";
  Usage usage;
  usage.input = 3;
  const auto beginning = [&](const Meta& meta, std::string_view warning) {
    std::vector<Event> events = {event(Kind::kStart), event(Kind::kWarning, {}, warning),
                                 event(Kind::kUsage), event(Kind::kProgress, {}, "queue")};
    events[0].meta = &meta;
    events[2].usage = &usage;
    return events;
  };
  Attempts attempts;
  attempts.add(beginning(first, "one"), yes());
  std::vector<Event> good = beginning(second, "two");
  for (const Event& e : test::text_reply({"x"}))
    if (e.kind != Kind::kStart) good.push_back(e);
  attempts.add(good);
  Reply reply = (attempts.model() | quick()).stream("hi");
  EXPECT_EQ(kinds_of(reply),
            (std::vector<Kind>{Kind::kStart, Kind::kWarning, Kind::kUsage, Kind::kProgress,
                               Kind::kPartBegin, Kind::kDelta, Kind::kPartEnd, Kind::kFinish}));
  const auto done = reply.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->request_id, "second");
  EXPECT_EQ(done->model, "m");
  EXPECT_EQ(done->attempts, 2u);
  ASSERT_EQ(done->warnings.size(), 1u);
  EXPECT_EQ(done->warnings[0].code, "two");
}

TEST(Retry, TheStartKeepsItsModelWhereItHasNoMeta) {
  Attempts attempts;
  attempts.add(yes());
  std::vector<Event> good = test::text_reply({"x"});
  good[0].id = "the-model";
  good[0].extra = "{}";
  attempts.add(good);
  const auto done = (attempts.model() | quick()).generate("hi");
  EXPECT_EQ(done->model, "the-model");
  EXPECT_EQ(done->metadata, "{}");
  EXPECT_EQ(done->attempts, 2u);
}

TEST(Retry, NothingGoesOutBeforeAnAttemptIsChosen) {
  // start, then nothing yet, then content.
  int pulls = 0;
  const TextModel model = test::model([&] {
    return [&](test::Pull p) {
      ++pulls;
      if (pulls == 1) return p.event = event(Kind::kStart), Step::kEvent;
      if (pulls < 4) return Step::kPending;
      if (pulls == 4) return p.event = event(Kind::kPartBegin, PartKind::kText), Step::kEvent;
      if (pulls == 5) return p.event = event(Kind::kPartEnd, PartKind::kText), Step::kEvent;
      return Step::kEnd;
    };
  });
  Poller poller;
  Reply reply = (model | quick()).stream("hi", {.poller = poller});
  EXPECT_EQ(reply.try_next(), Step::kPending);
  EXPECT_EQ(reply.try_next(), Step::kPending);
  EXPECT_EQ(reply.try_next(), Step::kEvent);
  EXPECT_EQ(pulls, 4);
  EXPECT_EQ(reply.event().kind, Kind::kStart);
  EXPECT_EQ(reply.try_next(), Step::kEvent);
  EXPECT_EQ(reply.event().kind, Kind::kPartBegin);
  EXPECT_EQ(pulls, 4);  // the event that chose the attempt was not copied, nor pulled past
  EXPECT_EQ(reply.try_next(), Step::kEvent);
  EXPECT_EQ(reply.event().kind, Kind::kPartEnd);
}

TEST(Retry, TheLastAttemptIsNotHeldBack) {
  Attempts attempts;
  attempts.add(yes());
  attempts.add({event(Kind::kStart), event(Kind::kProgress)}, yes());
  Reply reply = (attempts.model() | quick(1)).stream("hi");
  EXPECT_EQ(kinds_of(reply), (std::vector<Kind>{Kind::kStart, Kind::kProgress}));
  EXPECT_EQ(reply.error()->detail("attempts"), "2");
  EXPECT_EQ(reply.error()->detail("retry_stopped"), "attempts");
}

TEST(Retry, AfterContentAnErrorPassesThrough) {
  const Event contents[] = {event(Kind::kPartBegin, PartKind::kText),
                            event(Kind::kDelta, PartKind::kText, "x"),
                            event(Kind::kPartEnd, PartKind::kText),
                            event(Kind::kMedia),
                            event(Kind::kVectors),
                            event(Kind::kFinish)};
  for (const Event& content : contents) {
    Attempts attempts;
    attempts.add({event(Kind::kStart), content},
                 yes(Errc::kNetwork).with_detail("offset", "5").with_retry_after(milliseconds(1)));
    Reply reply = (attempts.model() | quick()).stream("hi");
    EXPECT_EQ(kinds_of(reply), (std::vector<Kind>{Kind::kStart, content.kind}));
    ASSERT_NE(reply.error(), nullptr);
    EXPECT_EQ(reply.error()->code(), Errc::kNetwork);
    EXPECT_EQ(reply.error()->retry(), RetryHint::kYes);
    EXPECT_EQ(reply.error()->detail("offset"), "5");
    EXPECT_EQ(reply.error()->detail("attempts"), "1");
    EXPECT_EQ(reply.error()->detail("retry_stopped"), "");
    EXPECT_EQ(attempts.opened(), 1u);
  }
}

TEST(Retry, WhatHadComeIsInTheError) {
  Attempts attempts;
  attempts.add(yes());
  attempts.add({event(Kind::kStart), event(Kind::kPartBegin, PartKind::kText),
                event(Kind::kDelta, PartKind::kText, "half")},
               Error(Errc::kTruncated, "cut"));
  const auto done = (attempts.model() | quick()).generate("hi");
  ASSERT_FALSE(done);
  ASSERT_NE(done.error().partial(), nullptr);
  EXPECT_EQ(done.error().partial()->text(), "half");
  EXPECT_EQ(done.error().partial()->attempts, 2u);
  EXPECT_EQ(done.error().detail("attempts"), "2");
}

TEST(Retry, MemoryIsBoundedWhateverComesBeforeContent) {
  const std::string big(10000, 'w');
  for (const std::string_view data : {std::string_view("x"), std::string_view(big)}) {
    constexpr std::size_t kMany = 5000;
    std::vector<Event> events = {event(Kind::kStart)};
    events.resize(kMany, event(Kind::kProgress, {}, data));
    Attempts attempts;
    attempts.add(events, yes());
    Reply reply = (attempts.model() | quick()).stream("hi");
    // Once an attempt is chosen for what it has said, its error is final.
    EXPECT_EQ(kinds_of(reply).size(), kMany);
    EXPECT_EQ(reply.error()->code(), Errc::kOverloaded);
    EXPECT_EQ(attempts.opened(), 1u);
  }
}

// A source that ends at once, without any content.
class Empty final : public Source {
 public:
  Step pull(Poller&) override { return pulls_++ == 0 ? Step::kEvent : Step::kEnd; }
  const Event& event() const noexcept override { return start_; }
  Error take_error() override { return Error(Errc::kEngine, "there is none"); }

 private:
  int pulls_ = 0;
  Event start_ = test::event(Kind::kStart);
};

TEST(Retry, AnEndWithoutContentIsAnEnd) {
  const auto backend =
      quick()(test::backend([](auto, const Call&) { return std::make_unique<Empty>(); }));
  Poller poller;
  const auto source = backend->open(std::make_shared<const Request>(test::ask("hi")), {});
  EXPECT_EQ(source->pull(poller), Step::kEvent);
  EXPECT_EQ(source->event().kind, Kind::kStart);
  EXPECT_EQ(source->pull(poller), Step::kEnd);
  EXPECT_EQ(source->pull(poller), Step::kEnd);
}

// ---- kinds of request

TEST(Retry, SeveralAnswersAreOneReply) {
  Attempts attempts;
  attempts.add({event(Kind::kStart)}, yes());
  attempts.add({event(Kind::kStart), event(Kind::kPartBegin, PartKind::kText, {}, 0, 1),
                event(Kind::kPartBegin, PartKind::kText), event(Kind::kDelta, PartKind::kText, "a"),
                event(Kind::kDelta, PartKind::kText, "b", 0, 1),
                event(Kind::kPartEnd, PartKind::kText),
                event(Kind::kPartEnd, PartKind::kText, {}, 0, 1), test::finish(),
                test::finish(Finish::kLength, 1)});
  TextRequest request = test::ask("hi");
  request.n = 2;
  const auto done = (attempts.model() | quick()).generate(request);
  ASSERT_TRUE(done);
  ASSERT_EQ(done->choices.size(), 2u);
  EXPECT_EQ(done->choices[0].message.text(), "a");
  EXPECT_EQ(done->choices[1].message.text(), "b");
  EXPECT_EQ(done->choices[1].finish, Finish::kLength);
  EXPECT_EQ(done->attempts, 2u);
}

TEST(Retry, EmbeddingsAndRankings) {
  const float rows[] = {1, 2};
  Event vectors = event(Kind::kVectors);
  vectors.vectors = rows;
  vectors.dimensions = 1;
  Attempts attempts;
  attempts.add(ambiguous());
  attempts.add({event(Kind::kStart), vectors});
  const auto embedded = (EmbeddingModel(attempts.backend()) | quick()).embed({"a", "b"});
  ASSERT_TRUE(embedded) << embedded.error();
  EXPECT_EQ(embedded->rows(), 2u);
  Attempts again;
  again.add(ambiguous());
  again.add({event(Kind::kStart), vectors});
  const auto ranked = (RerankModel(again.backend()) | quick()).rerank("q", {"a", "b"});
  ASSERT_TRUE(ranked) << ranked.error();
  EXPECT_EQ(ranked->items.front().index, 1u);
}

TEST(Retry, CountsAreSentAgain) {
  Usage usage;
  usage.input = 7;
  std::vector<Event> events = {event(Kind::kStart), event(Kind::kUsage), test::finish()};
  events[1].usage = &usage;
  Attempts attempts;
  attempts.add(ambiguous());
  attempts.add(events);
  const auto count = (attempts.model() | quick()).count_tokens(test::ask("hi"));
  ASSERT_TRUE(count) << count.error();
  EXPECT_EQ(*count, 7);
}

TEST(Retry, PicturesAreNotPaidForTwice) {
  Attempts lost;
  lost.add(ambiguous());
  const ImageModel model = ImageModel(lost.backend()) | quick();
  const auto done = model.generate(ImageRequest{.prompt = "a fox"});
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kNetwork);
  EXPECT_EQ(done.error().detail("attempts"), "1");
  EXPECT_EQ(done.error().detail("retry_stopped"), "ambiguous");
  EXPECT_EQ(lost.opened(), 1u);

  const Media media{.mime = "image/png", .source = Blob(std::string("png"))};
  Event picture = event(Kind::kMedia);
  picture.media = &media;
  Attempts refused;
  refused.add(yes());
  refused.add({event(Kind::kStart), picture});
  EXPECT_TRUE((ImageModel(refused.backend()) | quick()).generate(ImageRequest{.prompt = "a fox"}));
  EXPECT_EQ(refused.opened(), 2u);
}

// ---- time

TEST(Retry, AWaitBeyondTheDeadlineEndsAtOnce) {
  Attempts attempts;
  attempts.add(yes(Errc::kRateLimited).with_retry_after(hours(2)));
  Retry policy = quick();
  policy.max_wait = hours(3);
  Call call;
  call.timeouts.total = hours(1);
  const auto done = (attempts.model() | policy).generate("hi", call);
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kRateLimited);
  EXPECT_EQ(done.error().retry_after(), hours(2));
  EXPECT_EQ(done.error().detail("retry_stopped"), "deadline");
  EXPECT_EQ(done.error().detail("attempts"), "1");
  EXPECT_EQ(attempts.opened(), 1u);
}

TEST(Retry, AServerThatAsksForTooMuchIsNotWaitedFor) {
  Attempts attempts;
  attempts.add(yes(Errc::kRateLimited).with_retry_after(hours(1)));
  const auto done = (attempts.model() | quick()).generate("hi");
  EXPECT_EQ(done.error().code(), Errc::kRateLimited);
  EXPECT_EQ(done.error().retry_after(), hours(1));
  EXPECT_EQ(done.error().detail("retry_stopped"), "max_wait");
  EXPECT_EQ(attempts.opened(), 1u);
}

TEST(Retry, OneDeadlineForAllAttempts) {
  Attempts attempts;
  attempts.add(yes());
  Call call;
  call.timeouts.total = hours(1);
  // Also where no Reply has stamped the deadline.
  const auto backend = quick()(attempts.backend());
  Poller poller;
  const auto before = Clock::now();
  Reply reply = TextModel(backend).stream("hi", call);
  kinds_of(reply);
  const auto source = backend->open(std::make_shared<const Request>(test::ask("hi")), call);
  ASSERT_EQ(attempts.opened(), 4u);
  EXPECT_EQ(attempts.calls[0].deadline, attempts.calls[1].deadline);
  EXPECT_EQ(attempts.calls[0].deadline, attempts.calls[2].deadline);
  for (const Call& made : attempts.calls) {
    EXPECT_GE(made.deadline, before + hours(1));
    EXPECT_LE(made.deadline, Clock::now() + hours(1));
    EXPECT_EQ(made.retried_by, 2u);
  }
}

// Never answers; runs out of the time for the first content, or of all time, as Watch has it.
TextModel silent(std::vector<std::string>& ran_out) {
  return TextModel(test::backend([&ran_out](auto, const Call& call) {
    return std::make_unique<test::FnSource>([&ran_out, watch = Watch(call)](test::Pull p) mutable {
      if (auto error = watch.check()) {
        ran_out.emplace_back(error->detail("timeout"));
        p.error = std::move(*error).with_retry(RetryHint::kAmbiguous);
        return Step::kError;
      }
      watch.arm(p.poller);
      return Step::kPending;
    });
  }));
}

TEST(Retry, TheTimeForTheFirstContentIsPerAttempt) {
  std::vector<std::string> ran_out;
  Call call;
  call.timeouts.first = milliseconds(1);
  const auto done = (silent(ran_out) | quick()).generate("hi", call);
  EXPECT_EQ(done.error().code(), Errc::kTimeout);
  EXPECT_EQ(done.error().detail("attempts"), "3");
  EXPECT_EQ(ran_out, (std::vector<std::string>{"first", "first", "first"}));
}

TEST(Retry, TheTotalTimeIsForAllAttempts) {
  std::vector<std::string> ran_out;
  Call call;
  call.timeouts.total = milliseconds(1);
  const auto done = (silent(ran_out) | quick()).generate("hi", call);
  EXPECT_EQ(done.error().code(), Errc::kTimeout);
  EXPECT_EQ(done.error().detail("timeout"), "total");
  EXPECT_LE(ran_out.size(), 1u);  // the Reply looks too
}

// ---- stopping

TEST(Retry, AStopEndsAWaitAtOnce) {
  for (const Errc why : {Errc::kCancelled, Errc::kBudgetExceeded, Errc::kOverloaded}) {
    Attempts attempts;
    attempts.add(yes());
    attempts.add_answer();
    Retry policy{.backoff = hours(1), .max_backoff = hours(1)};
    StopSource stop;
    std::thread other;
    // The wait has not begun: whether the stop comes before it or in it, it ends it.
    policy.on_retry = [&](const Error&, std::uint32_t, milliseconds) {
      other = std::thread([&] { stop.request_stop(why); });
    };
    const auto done = (attempts.model() | policy).generate("hi", {.stop = stop.token()});
    other.join();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), why);
    EXPECT_EQ(done.error().detail("attempts"), "1");
    EXPECT_EQ(attempts.opened(), 1u);
  }
}

TEST(Retry, AStopWithAReasonThatLooksRetryableIsNotRetried) {
  StopSource stop;
  std::vector<std::string> ran_out;
  const TextModel model = silent(ran_out) | quick();
  Poller poller;
  Reply reply = model.stream("hi", {.stop = stop.token(), .poller = poller});
  EXPECT_EQ(reply.try_next(), Step::kPending);
  stop.request_stop(Errc::kOverloaded);
  EXPECT_EQ(reply.try_next(), Step::kError);
  EXPECT_EQ(reply.error()->code(), Errc::kOverloaded);
}

TEST(Retry, AStopHoldsForWhatWasHeldBack) {
  Attempts attempts;
  attempts.add({event(Kind::kStart), event(Kind::kProgress), event(Kind::kProgress),
                event(Kind::kPartBegin, PartKind::kText)});
  for (std::size_t seen = 1; seen < 4; ++seen) {
    const auto backend = quick()(attempts.backend());
    StopSource stop;
    Poller poller;
    const auto source =
        backend->open(std::make_shared<const Request>(test::ask("hi")), {.stop = stop.token()});
    for (std::size_t i = 0; i < seen; ++i) ASSERT_EQ(source->pull(poller), Step::kEvent);
    stop.request_stop();
    EXPECT_EQ(source->pull(poller), Step::kError);
    EXPECT_EQ(source->take_error().code(), Errc::kCancelled);
    EXPECT_EQ(source->pull(poller), Step::kError);
  }
}

// ---- many on one thread

TEST(Retry, WaitsOfManyRepliesStandInNobodysWay) {
  // Odd ones fail twice and wait a moment, even ones wait for an hour.
  std::mutex mutex;
  std::map<std::string, int> opened;
  const TextModel model(test::backend(
      [&](std::shared_ptr<const Request> request, const Call&) -> std::unique_ptr<Source> {
        const std::string name = std::get<TextRequest>(*request).messages.front().text();
        std::lock_guard lock(mutex);
        const int attempt = ++opened[name];
        if (name.starts_with("even"))
          return refuse(yes(Errc::kRateLimited).with_retry_after(hours(1)));
        if (attempt < 3) return refuse(yes());
        return std::make_unique<test::FnSource>(test::play(test::text_reply({"done"})));
      }));
  constexpr std::size_t kReplies = 40;  // whose retries the budget covers
  Retry policy = quick();
  policy.max_wait = hours(2);
  const TextModel retrying = model | policy;
  Poller poller;
  std::vector<Reply> replies;
  for (std::size_t i = 0; i < kReplies; ++i)
    replies.push_back(
        retrying.stream((i % 2 ? "odd " : "even ") + std::to_string(i), {.poller = poller}));
  std::size_t ended = 0;
  while (ended < kReplies / 2 && poller.wait()) {
    while (Reply* reply = poller.ready()) {
      Step step;
      while ((step = reply->try_next()) == Step::kEvent) {
      }
      ended += step == Step::kEnd;
      EXPECT_NE(step, Step::kError);
    }
  }
  EXPECT_EQ(ended, kReplies / 2);
  for (const auto& [name, times] : opened) EXPECT_EQ(times, name.starts_with("odd") ? 3 : 1);
  for (std::size_t i = 1; i < kReplies; i += 2) EXPECT_EQ(replies[i].response().attempts, 3u);
}

TEST(Retry, ManyThreadsShareOneLayer) {
  std::atomic<int> opened{0};
  const TextModel model =
      TextModel(test::backend([&](auto, const Call&) -> std::unique_ptr<Source> {
        if (opened++ % 2 == 0) return refuse(yes());
        return std::make_unique<test::FnSource>(test::play(test::text_reply({"x"})));
      })) |
      quick(50);
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) good += model.generate("hi").has_value();
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 160);
}

// ---- one layer only

TEST(Retry, AnInnerLayerDoesNothingButWarn) {
  Attempts failing;
  failing.add(yes());
  const auto failed = (failing.model() | quick() | quick()).generate("hi");
  EXPECT_EQ(failed.error().detail("attempts"), "3");
  EXPECT_EQ(failing.opened(), 3u);  // not nine
  for (const Call& call : failing.calls) EXPECT_EQ(call.retried_by, 2u);

  Attempts good;
  good.add(yes());
  good.add_answer();
  Reply reply = (good.model() | quick() | Tap{} | quick(5) | quick(4)).stream("hi");
  EXPECT_EQ(kinds_of(reply),
            (std::vector<Kind>{Kind::kStart, Kind::kWarning, Kind::kWarning, Kind::kPartBegin,
                               Kind::kDelta, Kind::kDelta, Kind::kPartEnd, Kind::kFinish}));
  const auto done = reply.finish();
  EXPECT_EQ(done->attempts, 2u);
  ASSERT_EQ(done->warnings.size(), 2u);
  for (const Warning& warning : done->warnings) {
    EXPECT_EQ(warning.code, "stacked_retry");
    EXPECT_FALSE(warning.message.empty());
    EXPECT_EQ(warning.extra, R"({"retried_by":4})");
  }
}

TEST(Retry, AStackedLayerPassesErrorsAndStopsOn) {
  Attempts attempts;
  attempts.add({event(Kind::kStart)}, Error(Errc::kForbidden, "no").with_detail("a", "b"));
  const auto backend = quick()(attempts.backend());
  Call call;
  call.retried_by = 1;
  StopSource stop;
  call.stop = stop.token();
  Poller poller;
  const auto request = std::make_shared<const Request>(test::ask("hi"));
  const auto source = backend->open(request, call);
  EXPECT_EQ(source->pull(poller), Step::kEvent);
  EXPECT_EQ(source->event().kind, Kind::kStart);
  EXPECT_EQ(source->pull(poller), Step::kEvent);
  EXPECT_EQ(source->event().kind, Kind::kWarning);
  EXPECT_EQ(source->pull(poller), Step::kError);
  EXPECT_EQ(source->pull(poller), Step::kError);
  EXPECT_EQ(source->take_error().detail("a"), "b");
  const auto stopped = backend->open(request, call);
  EXPECT_EQ(stopped->pull(poller), Step::kEvent);
  stop.request_stop();
  EXPECT_EQ(stopped->pull(poller), Step::kError);
  EXPECT_EQ(stopped->take_error().code(), Errc::kCancelled);
}

TEST(Retry, WhereTheOuterOneRetriesNothingTheInnerOneDoes) {
  Attempts attempts;
  attempts.add(yes());
  attempts.add_answer();
  const auto done = (attempts.model() | quick() | quick(0)).generate("hi");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->attempts, 2u);
  EXPECT_TRUE(done->warnings.empty());
}

// ---- the budget

TEST(RetryBudget, TakesAndPutsWithinItsBounds) {
  RetryBudget budget;
  EXPECT_EQ(budget.left(), 500);
  budget.put(1);
  EXPECT_EQ(budget.left(), 500);
  for (int i = 0; i < 49; ++i) EXPECT_TRUE(budget.take(10));
  EXPECT_FALSE(budget.take(11));
  EXPECT_EQ(budget.left(), 10);
  EXPECT_TRUE(budget.take(10));
  EXPECT_FALSE(budget.take(5));
  budget.put(4);
  EXPECT_FALSE(budget.take(5));
  budget.put(1);
  EXPECT_TRUE(budget.take(5));
  budget.put(100000);
  EXPECT_EQ(budget.left(), 500);
}

TEST(RetryBudget, ThreadsNeverTakeMoreThanThereIs) {
  RetryBudget budget;
  std::atomic<int> taken{0}, out_of_bounds{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 2000; ++i) {
        if (budget.take(5)) ++taken;
        if (i % 100 == 0) budget.put(0);
        const int left = budget.left();
        out_of_bounds += left < 0 || left > 500;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken, 100);
  EXPECT_EQ(budget.left(), 0);
  EXPECT_EQ(out_of_bounds, 0);
}

// Buckets outlive a test: when tests are repeated each has an endpoint of its own.
std::string fresh_endpoint() {
  static int made = 0;
  return "https://fresh-" + std::to_string(++made) + ".test";
}

TEST(RetryBudget, OneBucketAnEndpoint) {
  const auto a = RetryBudget::of("https://a.test"), b = RetryBudget::of("https://b.test");
  EXPECT_EQ(a, RetryBudget::of("https://a.test"));
  EXPECT_NE(a, b);
  EXPECT_NE(RetryBudget::of(""), RetryBudget::of(""));
}

TEST(RetryBudget, IsKeptForLayersToComeAndForgottenWithinBounds) {
  const std::string kept = fresh_endpoint();
  ASSERT_TRUE(RetryBudget::of(kept)->take(50));
  const auto held = RetryBudget::of("https://held.test");
  // More endpoints than are kept: the full buckets go first, those that are held never.
  for (int i = 0; i < 5000; ++i) (void)RetryBudget::of("https://" + std::to_string(i) + ".test");
  EXPECT_EQ(RetryBudget::of(kept)->left(), 450);
  EXPECT_EQ(RetryBudget::of("https://held.test"), held);
  // Emptied ones go as well when there are too many of them.
  std::vector<std::string> endpoints(5000);
  for (std::string& endpoint : endpoints) {
    endpoint = fresh_endpoint();
    ASSERT_TRUE(RetryBudget::of(endpoint)->take(100));
  }
  int remembered = 0;
  for (const std::string& endpoint : endpoints) {
    const auto budget = RetryBudget::of(endpoint);
    remembered += budget->left() < 500;
    budget->put(500);
  }
  EXPECT_LE(remembered, 256);
}

class Outage {
 public:
  explicit Outage(Errc code, std::string endpoint = {}) : code_(code) {
    info_.provider = "down";
    info_.endpoint = std::move(endpoint);
  }
  std::shared_ptr<const Backend> backend() {
    struct Down final : Backend {
      explicit Down(Outage& of) : outage(of) {}
      Outage& outage;
      const ModelInfo& info() const noexcept override { return outage.info_; }
      std::unique_ptr<Source> open(std::shared_ptr<const Request>, const Call&) const override {
        ++outage.requests;
        if (outage.up) return std::make_unique<test::FnSource>(test::play(test::text_reply({"x"})));
        return refuse(Error(outage.code_, "down").with_retry(RetryHint::kYes));
      }
    };
    return std::make_shared<Down>(*this);
  }
  std::atomic<int> requests{0};
  std::atomic<bool> up{false};

 private:
  Errc code_;
  ModelInfo info_;
};

const Retry kAtOnce{.backoff = milliseconds(0)};

TEST(Retry, UnderATotalOutageTheExtraRequestsAreAHundred) {
  Outage outage(Errc::kServerError);
  const TextModel model = TextModel(outage.backend()) | kAtOnce;
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    const auto done = model.generate("hi");
    ASSERT_FALSE(done);
    last = done.error().detail("retry_stopped");
  }
  EXPECT_EQ(outage.requests, 1000 + 100);
  EXPECT_EQ(last, "budget");
}

TEST(Retry, ATimeoutCostsTwice) {
  Outage outage(Errc::kTimeout);
  const TextModel model = TextModel(outage.backend()) | kAtOnce;
  for (int i = 0; i < 200; ++i) (void)model.generate("hi");
  EXPECT_EQ(outage.requests, 200 + 50);
}

TEST(Retry, AllLayersOfAnEndpointShareTheBudgetOnAllThreads) {
  const std::string endpoint = fresh_endpoint();
  Outage outage(Errc::kNetwork, endpoint);
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 25; ++i) (void)(TextModel(outage.backend()) | kAtOnce).generate("hi");
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(outage.requests, 200 + 100);
  EXPECT_EQ(RetryBudget::of(endpoint)->left(), 0);

  outage.up = true;  // each success puts one in: after five, one retry can be had
  const TextModel model = TextModel(outage.backend()) | kAtOnce;
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(model.generate("hi"));
  outage.up = false;
  outage.requests = 0;
  (void)model.generate("hi");
  (void)model.generate("hi");
  EXPECT_EQ(outage.requests, 2 + 1);
}

TEST(Retry, ASuccessPutsBackWhatItsRetriesTook) {
  const auto budget = std::make_shared<RetryBudget>();
  const auto run = [&](std::vector<Error> errors, std::vector<Event> events) {
    Attempts attempts;
    for (Error& error : errors) attempts.add(std::move(error));
    attempts.add(std::move(events), Error(Errc::kTruncated, "cut"));
    (void)TextModel(layers::make_retry(kAtOnce, attempts.backend(), budget, [] {
      return 0.0;
    })).generate("hi");
  };
  ASSERT_TRUE(budget->take(100));
  run({yes(), yes(Errc::kTimeout)}, {event(Kind::kStart)});  // fails for good
  EXPECT_EQ(budget->left(), 385);
  run({yes(), yes(Errc::kTimeout)}, {event(Kind::kStart), event(Kind::kPartBegin)});
  EXPECT_EQ(budget->left(), 385);
  run({}, {event(Kind::kStart), event(Kind::kPartBegin), event(Kind::kPartEnd)});
  EXPECT_EQ(budget->left(), 386);
  run({Error(Errc::kInvalidRequest, "wrong")}, {});  // costs nothing and earns nothing
  EXPECT_EQ(budget->left(), 386);
}

}  // namespace
}  // namespace infer
