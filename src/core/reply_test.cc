#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <random>
#include <thread>
#include <vector>

#include "src/core/scripted.h"

namespace infer {
namespace {

using namespace std::chrono_literals;
using test::event;
using test::Kind;
using test::PartKind;
using test::Pull;

// ---- into a Response ---------------------------------------------------------------------------

std::vector<Event> part(PartKind kind, std::uint32_t i, std::string_view begin_data,
                        std::string_view begin_id, std::vector<std::string_view> deltas,
                        std::string_view end_data = {}, std::uint32_t choice = 0) {
  std::vector<Event> all;
  Event begin = event(Kind::kPartBegin, kind, begin_data, i, choice);
  begin.id = begin_id;
  all.push_back(begin);
  for (auto delta : deltas) all.push_back(event(Kind::kDelta, kind, delta, i, choice));
  Event end = event(Kind::kPartEnd, kind, end_data, i, choice);
  end.id = "item";
  end.extra = "{\"k\":1}";
  all.push_back(end);
  return all;
}
void append(std::vector<Event>& to, const std::vector<Event>& more) {
  to.insert(to.end(), more.begin(), more.end());
}

TEST(Reply, CollectsEveryKindOfPart) {
  Meta meta{.response_id = "resp", .request_id = "req", .model = "m-2", .extra = "{\"x\":1}"};
  Usage usage;
  usage.input = 3;
  usage.output = 5;
  Media png{.mime = "image/png", .source = Blob(std::string("png"))};
  const std::vector<float> vectors = {1, 2, 3, 4};
  std::vector<Event> all = {event(Kind::kStart)};
  all[0].meta = &meta;
  Event warning = event(Kind::kWarning, PartKind::kNone, "unsupported_setting");
  warning.id = "top_k has no effect";
  warning.extra = "{\"setting\":\"top_k\"}";
  all.push_back(warning);
  append(all, part(PartKind::kReasoning, 0, {}, {}, {"I ", "think"}, "sig"));
  append(all, part(PartKind::kText, 1, {}, {}, {"Hello", ", ", "world"}));
  append(all, part(PartKind::kToolCall, 2, "weather", "call_1", {"{\"city\":", "\"Oslo\"}"}));
  append(all, part(PartKind::kRefusal, 3, {}, {}, {"No."}));
  append(all, part(PartKind::kOpaque, 4, "web_search", {}, {"{\"a\"", ":1}"}));
  Event preview = event(Kind::kMedia, PartKind::kNone, {}, 5);
  preview.media = &png;
  preview.preview = true;
  all.push_back(preview);
  Event media = event(Kind::kMedia, PartKind::kNone, {}, 5);
  media.media = &png;
  media.id = "img";
  media.extra = "{\"q\":1}";
  all.push_back(media);
  Event vector = event(Kind::kVectors);
  vector.vectors = vectors;
  vector.dimensions = 2;
  all.push_back(vector);
  all.push_back(event(static_cast<Kind>(77)));  // of a later version
  Event end = test::finish(Finish::kToolCalls);
  end.data = "tool_use";
  end.usage = &usage;
  all.push_back(end);

  auto done = test::playing(all).stream("hi").finish();
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->id, "resp");
  EXPECT_EQ(done->request_id, "req");
  EXPECT_EQ(done->model, "m-2");
  EXPECT_EQ(done->metadata, "{\"x\":1}");
  EXPECT_EQ(done->provider, "scripted");
  EXPECT_EQ(done->usage.output, 5);
  EXPECT_EQ(done->vectors, vectors);
  EXPECT_EQ(done->dimensions, 2u);
  ASSERT_EQ(done->warnings.size(), 1u);
  EXPECT_EQ(done->warnings[0].code, "unsupported_setting");
  EXPECT_EQ(done->warnings[0].extra, "{\"setting\":\"top_k\"}");
  ASSERT_EQ(done->choices.size(), 1u);
  EXPECT_EQ(done->finish(), Finish::kToolCalls);
  EXPECT_EQ(done->choices[0].finish_raw, "tool_use");
  EXPECT_EQ(done->text(), "Hello, world");
  const auto& parts = done->message().parts;
  ASSERT_EQ(parts.size(), 6u);
  EXPECT_EQ(*parts[0].get<Reasoning>(), (Reasoning{.text = "I think", .signature = "sig"}));
  EXPECT_EQ(parts[0].id, "item");
  EXPECT_EQ(parts[0].issuer, "scripted");
  EXPECT_EQ(parts[0].extra, "{\"k\":1}");
  EXPECT_EQ(*parts[2].get<ToolCall>(),
            (ToolCall{.id = "call_1", .name = "weather", .arguments = "{\"city\":\"Oslo\"}"}));
  EXPECT_EQ(parts[3].get<Refusal>()->text, "No.");
  EXPECT_EQ(*parts[4].get<Opaque>(), (Opaque{.type = "web_search", .json = "{\"a\":1}"}));
  EXPECT_EQ(*parts[5].get<Media>(), png);
  EXPECT_EQ(parts[5].id, "img");
  ASSERT_EQ(done->tool_calls().size(), 1u);
}

TEST(Reply, KeepsInterleavedChoicesApart) {
  std::vector<Event> all = {event(Kind::kStart)};
  for (std::uint32_t c : {1u, 0u, 2u})
    all.push_back(event(Kind::kPartBegin, PartKind::kText, {}, 0, c));
  const std::vector<std::string> words = {"a", "b", "c", "d"};
  for (const auto& word : words)
    for (std::uint32_t c : {2u, 0u, 1u})
      all.push_back(event(Kind::kDelta, PartKind::kText, word, 0, c));
  for (std::uint32_t c : {0u, 2u, 1u}) {
    all.push_back(event(Kind::kPartEnd, PartKind::kText, {}, 0, c));
    Event end = test::finish(c == 1 ? Finish::kStopSequence : Finish::kLength, c);
    end.data = "END";
    all.push_back(end);
  }
  Reply reply = test::playing(all).stream("hi");
  std::string first;
  for (std::string_view chunk : reply.text()) first += chunk;  // choice 0 only
  EXPECT_EQ(first, "abcd");
  auto done = reply.finish();
  ASSERT_TRUE(done);
  ASSERT_EQ(done->choices.size(), 3u);
  for (const Choice& choice : done->choices) EXPECT_EQ(choice.message.text(), "abcd");
  EXPECT_EQ(done->choices[1].stop_sequence, "END");
  EXPECT_EQ(done->choices[1].finish_raw, "");
  EXPECT_EQ(done->choices[2].finish, Finish::kLength);
  EXPECT_EQ(done->choices[2].finish_raw, "END");
}

TEST(Reply, TextPassesOverOtherEvents) {
  std::vector<Event> all = {event(Kind::kStart)};
  append(all, part(PartKind::kReasoning, 0, {}, {}, {"hidden"}));
  append(all, part(PartKind::kText, 1, {}, {}, {"a"}));
  append(all, part(PartKind::kToolCall, 2, "t", "c", {"{}"}));
  append(all, part(PartKind::kText, 3, {}, {}, {"b"}));
  all.push_back(test::finish());
  Reply reply = test::playing(all).stream("hi");
  std::vector<std::string> chunks;
  for (std::string_view chunk : reply.text()) chunks.emplace_back(chunk);
  EXPECT_EQ(chunks, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reply.error(), nullptr);
  for (std::string_view chunk : reply.text()) ADD_FAILURE() << chunk;  // it is over
}

TEST(Reply, KeepsLogprobs) {
  const std::vector<TokenLogprob> logprobs = {
      {1, -0.1f, "a", 2}, {1, -0.1f, "a", 0}, {2, -2.0f, "b", 0}, {3, -0.5f, "c", 0}};
  std::vector<Event> all = test::text_reply({"ac"});
  all[2].logprobs = logprobs;
  auto done = test::playing(all).generate("hi");
  ASSERT_TRUE(done);
  const auto& kept = done->choices[0].logprobs;
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].chosen.token, 1);
  ASSERT_EQ(kept[0].top.size(), 2u);
  EXPECT_EQ(kept[0].top[1].bytes, "b");
  EXPECT_EQ(kept[1].chosen.bytes, "c");
  EXPECT_TRUE(kept[1].top.empty());
  // An entry that promises more alternatives than there are.
  const std::vector<TokenLogprob> cut = {{1, -0.1f, "a", 1000}};
  all[2].logprobs = cut;
  EXPECT_TRUE(test::playing(all).generate("hi"));
}

TEST(Reply, AnEndWithoutAFinishIsNotASuccess) {
  const TextModel cut(test::backend([](auto, const Call&) {
    auto events = std::make_shared<EventBuffer>();
    for (const Event& e : {event(Kind::kStart), event(Kind::kPartBegin, PartKind::kText),
                           event(Kind::kDelta, PartKind::kText, "half an ans")})
      events->push(e);
    return replay(events);
  }));
  auto done = cut.generate("hi");
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kTruncated);
  ASSERT_NE(done.error().partial(), nullptr);
  EXPECT_EQ(done.error().partial()->text(), "half an ans");
}

TEST(Reply, TheDeadlineCutsASourceThatNeverPauses) {
  auto reply = test::model([] {
                 return [](test::Pull p) {
                   p.event = event(Kind::kProgress);
                   return Step::kEvent;
                 };
               }).stream("hi", {.timeouts = {.total = std::chrono::milliseconds(5)}});
  auto done = reply.finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kTimeout);
  EXPECT_EQ(done.error().detail("timeout"), "total");
}

TEST(Reply, BrokenGrammarLosesNothingAndBreaksNothing) {
  // Deltas without a beginning, wild indices, ends without parts.
  std::vector<Event> all = {event(Kind::kDelta, PartKind::kReasoning, "lost?"),
                            event(Kind::kDelta, PartKind::kText, "x", 4000000000u),
                            event(Kind::kPartEnd, PartKind::kText, {}, 9, 3),
                            event(Kind::kMedia),
                            event(Kind::kVectors),
                            event(Kind::kUsage),
                            event(Kind::kFinish)};
  auto done = test::playing(all).generate("hi");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->choices[0].message.parts[0].get<Reasoning>()->text, "lost?x");
  std::vector<Event> wild = {event(Kind::kDelta, PartKind::kText, "x", 0, 4000000000u)};
  auto clipped = test::playing(wild).generate("hi");
  ASSERT_TRUE(clipped);
  EXPECT_LE(clipped->choices.size(), 4096u);
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::vector<Event> noise;
    for (int i = 0; i < 40; ++i) {
      Event e = event(static_cast<Kind>(random() % 14), static_cast<PartKind>(random() % 8), "d",
                      random() % 4, random() % 3);
      e.id = "i";
      noise.push_back(e);
    }
    EXPECT_TRUE(test::playing(noise).generate("hi"));
  }
}

// ---- its life ----------------------------------------------------------------------------------

TEST(Reply, FinishesOnce) {
  Reply reply = test::playing(test::text_reply({"a"})).stream("hi");
  auto first = reply.finish();
  ASSERT_TRUE(first);
  EXPECT_EQ(first->text(), "a");
  auto second = reply.finish();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(reply.next(), nullptr);
  EXPECT_EQ(reply.try_next(), Step::kEnd);

  Reply failing = test::playing({}, Error(Errc::kIo, "no")).stream("hi");
  EXPECT_EQ(failing.finish().error().code(), Errc::kIo);
  EXPECT_EQ(failing.finish().error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(failing.error()->code(), Errc::kIo);
}

TEST(Reply, IsEmptyAfterAMove) {
  Reply a = test::playing(test::text_reply({"x"})).stream("hi");
  ASSERT_NE(a.next(), nullptr);
  Reply b = std::move(a);
  EXPECT_EQ(a.next(), nullptr);  // NOLINT(bugprone-use-after-move): what this is about
  EXPECT_EQ(a.try_next(), Step::kError);
  ASSERT_NE(a.error(), nullptr);
  EXPECT_EQ(a.error()->code(), Errc::kInvalidRequest);
  EXPECT_EQ(a.finish().error().code(), Errc::kInvalidRequest);
  EXPECT_TRUE(a.response().choices.empty());
  EXPECT_EQ(a.event().kind, Kind::kNone);
  for (std::string_view chunk : a.text()) ADD_FAILURE() << chunk;
  a = std::move(b);
  auto done = a.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->text(), "x");
  a = Reply();
  EXPECT_EQ(a.next(), nullptr);
}

TEST(Reply, EventIsThereOnlyAfterAnEvent) {
  bool pending = true;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&, play = test::play(test::text_reply({"x"}))](Pull p) mutable {
                    pending = !pending;
                    return pending ? Step::kPending : play(p);
                  };
                }).stream("hi");
  EXPECT_EQ(reply.event().kind, Kind::kNone);
  ASSERT_EQ(reply.try_next(), Step::kEvent);
  EXPECT_EQ(reply.event().kind, Kind::kStart);
  ASSERT_EQ(reply.try_next(), Step::kPending);
  EXPECT_EQ(reply.event().kind, Kind::kNone);
}

TEST(Reply, ErrorCarriesWhatCame) {
  std::vector<Event> all = test::text_reply({"ha", "lf"});
  all.resize(4);
  Reply reply = test::playing(all, Error(Errc::kNetwork, "reset")).stream("hi");
  auto done = reply.finish();
  ASSERT_FALSE(done);
  EXPECT_EQ(done.error().code(), Errc::kNetwork);
  EXPECT_EQ(done.error().provider(), "scripted");
  ASSERT_NE(done.error().partial(), nullptr);
  EXPECT_EQ(done.error().partial()->text(), "half");
  EXPECT_EQ(reply.response().text(), "half");
  Reply nothing = test::playing({event(Kind::kStart)}, Error(Errc::kNetwork, "x")).stream("hi");
  EXPECT_EQ(nothing.finish().error().partial(), nullptr);  // no content came
  Reply other = test::playing({}, Error(Errc::kNetwork, "x").with_provider("inner")).stream("hi");
  EXPECT_EQ(other.finish().error().provider(), "inner");
}

TEST(Reply, BadRequestIsTheFirstStepAndReachesNoBackend) {
  bool opened = false;
  const TextModel model(test::backend([&](auto, const Call&) {
    opened = true;
    return refuse(Error(Errc::kEngine, "no"));
  }));
  Reply reply = model.stream(TextRequest{});
  EXPECT_EQ(reply.try_next(), Step::kError);
  EXPECT_EQ(reply.error()->code(), Errc::kInvalidRequest);
  EXPECT_EQ(reply.error()->detail("field"), "messages");
  EXPECT_FALSE(opened);
}

TEST(Reply, KeepsItsBackendAndDropsTheSourceFirst) {
  struct Watched {
    std::vector<std::string> log;
  };
  auto watched = std::make_shared<Watched>();
  struct Logged {
    std::shared_ptr<Watched> to;
    const char* what;
    ~Logged() { to->log.push_back(what); }
  };
  {
    Reply reply = [&] {
      auto life = std::make_shared<Logged>(Logged{watched, "backend"});
      watched->log.clear();
      const TextModel model(test::backend([life, watched](auto, const Call&) {
        auto source_life = std::make_shared<Logged>(Logged{watched, "source"});
        watched->log.clear();
        return std::make_unique<test::FnSource>(
            [source_life, play = test::play(test::text_reply({"x"}))](Pull p) mutable {
              return play(p);
            });
      }));
      return model.stream("hi");
    }();
    ASSERT_NE(reply.next(), nullptr);
    EXPECT_TRUE(watched->log.empty());
  }
  EXPECT_EQ(watched->log, (std::vector<std::string>{"source", "backend"}));
}

// ---- stopping ----------------------------------------------------------------------------------

TEST(Reply, StopBeforeTheStart) {
  StopSource stop;
  stop.request_stop(Errc::kBudgetExceeded);
  auto done = mock({.deltas = {"a"}}).stream("hi", {.stop = stop.token()}).finish();
  EXPECT_EQ(done.error().code(), Errc::kBudgetExceeded);
}

TEST(Reply, StopWakesAReaderThatSleeps) {
  for (const bool obeys : {true, false}) {
    StopSource stop;
    std::atomic<bool> pending{false};
    const TextModel model(test::backend([&](auto, const Call& call) {
      auto watch = std::make_shared<Watch>(call);
      std::vector<Event> two = test::text_reply({"so far"});
      two.resize(3);
      return std::make_unique<test::FnSource>(
          [&, obeys, watch, play = test::play(two), i = 0](Pull p) mutable {
            if (obeys) {
              if (auto error = watch->check()) {
                p.error = std::move(*error);
                return Step::kError;
              }
            }
            if (++i <= 3) return play(p);
            pending = true;
            if (obeys) watch->arm(p.poller);
            return Step::kPending;
          });
    }));
    Reply reply = model.stream("hi", {.stop = stop.token()});
    std::thread other([&] {
      while (!pending) std::this_thread::yield();
      std::this_thread::sleep_for(2ms);
      stop.request_stop(Errc::kTimeout);
    });
    auto done = reply.finish();
    other.join();
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kTimeout);
    ASSERT_NE(done.error().partial(), nullptr);
    EXPECT_EQ(done.error().partial()->text(), "so far");
  }
}

TEST(Reply, CutsASourceThatIgnoresItsToken) {
  StopSource stop;
  int pulls = 0;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&](Pull p) {
                    ++pulls;
                    p.event = event(Kind::kProgress);
                    return Step::kEvent;  // for ever
                  };
                }).stream("hi", {.stop = stop.token()});
  for (int i = 0; i < 10; ++i) ASSERT_NE(reply.next(), nullptr);
  stop.request_stop();
  EXPECT_EQ(reply.next(), nullptr);
  EXPECT_EQ(reply.error()->code(), Errc::kCancelled);
  EXPECT_EQ(pulls, 11);
  EXPECT_EQ(reply.next(), nullptr);
  EXPECT_EQ(pulls, 11);  // gone
}

TEST(Reply, StopAfterTheEndChangesNothing) {
  StopSource stop;
  Reply reply = mock({.deltas = {"a"}}).stream("hi", {.stop = stop.token()});
  while (reply.next()) {
  }
  stop.request_stop();
  EXPECT_EQ(reply.error(), nullptr);
  auto done = reply.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->text(), "a");
}

TEST(Reply, StopReachesARepliesPoller) {
  StopSource stop;
  Poller poller;
  Reply reply =
      mock({.deltas = {"a"}, .delay = 1h}).stream("hi", {.stop = stop.token(), .poller = poller});
  std::thread other([&] {
    std::this_thread::sleep_for(3ms);
    stop.request_stop();
  });
  while (poller.wait())
    while (Reply* ready = poller.ready())
      while (ready->try_next() == Step::kEvent) {
      }
  other.join();
  EXPECT_EQ(reply.error()->code(), Errc::kCancelled);
}

TEST(Reply, ComesAndGoesWhileItsTokenIsStopped) {
  for (int round = 0; round < 200; ++round) {
    StopSource stop;
    std::thread other([&] { stop.request_stop(); });
    {
      Reply reply = mock({.deltas = {"a", "b"}}).stream("hi", {.stop = stop.token()});
      (void)reply.next();
      if (round % 2 == 0) (void)reply.finish();
    }
    other.join();
  }
}

// ---- times -------------------------------------------------------------------------------------

// Says kPending at these steps for ever (no wake-up of its own), events elsewhere.
std::string which_timeout(Call call, std::vector<Event> before) {
  const TextModel model(test::backend([&](auto, const Call& given) {
    auto watch = std::make_shared<Watch>(given);
    return std::make_unique<test::FnSource>([watch, before, i = std::size_t{0}](Pull p) mutable {
      if (auto error = watch->check()) {
        p.error = std::move(*error);
        return Step::kError;
      }
      if (i < before.size()) {
        p.event = before[i++];
        watch->note(p.event);
        return Step::kEvent;
      }
      watch->arm(p.poller);
      return Step::kPending;
    });
  }));
  auto done = model.stream("hi", std::move(call)).finish();
  if (done) return "none";
  EXPECT_EQ(done.error().code(), Errc::kTimeout) << done.error();
  return std::string(done.error().detail("timeout"));
}

TEST(Reply, SaysWhichTimeRanOut) {
  const std::vector<Event> start = {event(Kind::kStart)};
  const std::vector<Event> content = {event(Kind::kStart),
                                      event(Kind::kPartBegin, PartKind::kText)};
  EXPECT_EQ(which_timeout({.timeouts = {.first = 2ms, .idle = 1h, .total = 1h}}, start), "first");
  EXPECT_EQ(which_timeout({.timeouts = {.first = 1h, .idle = 2ms, .total = 1h}}, content), "idle");
  EXPECT_EQ(which_timeout({.timeouts = {.first = 1h, .idle = 1h, .total = 2ms}}, content), "total");
  EXPECT_EQ(which_timeout({.timeouts = {.first = 1h, .total = 2ms}}, start), "total");
  // Before the first content the idle time does not run; after it the first does not.
  EXPECT_EQ(which_timeout({.timeouts = {.idle = 1ms, .total = 20ms}}, start), "total");
  EXPECT_EQ(which_timeout({.timeouts = {.first = 1ms, .total = 20ms}}, content), "total");
  EXPECT_EQ(which_timeout({.deadline = Clock::now() + 2ms}, content), "total");
  EXPECT_EQ(which_timeout({.timeouts = {.total = 1h}, .deadline = Clock::now() + 2ms}, content),
            "total");
  EXPECT_EQ(which_timeout({.timeouts = {.total = 0ms}}, content), "total");
  EXPECT_EQ(which_timeout({.timeouts = {.total = -5ms}}, content), "total");
}

TEST(Reply, IdleTimeIsNotExtendedByProgress) {
  int pulls = 0;
  const TextModel model(test::backend([&](auto, const Call& given) {
    auto watch = std::make_shared<Watch>(given);
    return std::make_unique<test::FnSource>([watch, &pulls](Pull p) {
      ++pulls;
      if (auto error = watch->check()) {
        p.error = std::move(*error);
        return Step::kError;
      }
      if (pulls == 1) {
        p.event = event(Kind::kPartBegin, PartKind::kText);
        watch->note(p.event);
        return Step::kEvent;
      }
      if (pulls % 2 == 0) {  // a ping, then nothing, and so on
        p.event = event(Kind::kProgress);
        watch->note(p.event);
        return Step::kEvent;
      }
      watch->arm(p.poller);
      p.poller.wake_at(Clock::now() + 1ms);
      return Step::kPending;
    });
  }));
  auto done = model.stream("hi", {.timeouts = {.idle = 10ms}}).finish();
  EXPECT_EQ(done.error().detail("timeout"), "idle");
}

TEST(Reply, HugeTimesMeanForEver) {
  using std::chrono::milliseconds;
  Timeouts huge{
      .first = milliseconds::max(), .idle = milliseconds::max(), .total = milliseconds::max()};
  EXPECT_TRUE(mock({.deltas = {"a"}, .delay = 1ms}).generate("hi", {.timeouts = huge}));
  huge = {.first = std::chrono::hours(24 * 365 * 1000),
          .idle = std::chrono::hours(1 << 30),
          .total = milliseconds::max() - 1ms};
  EXPECT_TRUE(mock({.deltas = {"a"}, .delay = 1ms}).generate("hi", {.timeouts = huge}));
  Timeouts tiny{.total = milliseconds::min()};
  EXPECT_EQ(mock({.deltas = {"a"}, .delay = 1h}).generate("hi", {.timeouts = tiny}).error().code(),
            Errc::kTimeout);
}

TEST(Reply, DeadlineCutsASourceThatDoesNotLook) {
  int pulls = 0;
  Reply reply = test::model([&]() -> test::PullFn {
                  return [&](Pull) {
                    ++pulls;
                    return Step::kPending;  // no watch, no wake-up
                  };
                }).stream("hi", {.timeouts = {.total = 5ms}});
  auto done = reply.finish();
  EXPECT_EQ(done.error().code(), Errc::kTimeout);
  EXPECT_EQ(done.error().detail("timeout"), "total");
  EXPECT_LE(pulls, 4);
}

TEST(Reply, StampsTheDeadlineForTheBackend) {
  Call seen;
  const TextModel model(test::backend([&](auto, const Call& call) {
    seen = call;
    return refuse(Error(Errc::kEngine, "no"));
  }));
  const auto before = Clock::now();
  (void)model.stream("hi", {.timeouts = {.total = 1h}}).finish();
  EXPECT_GE(seen.deadline, before + 1h);
  EXPECT_LE(seen.deadline, Clock::now() + 1h);
  EXPECT_TRUE(seen.poller.has_value());
  const auto soon = before + 1min;
  (void)model.stream("hi", {.timeouts = {.total = 1h}, .deadline = soon}).finish();
  EXPECT_EQ(seen.deadline, soon);
  EXPECT_EQ(seen.wire, Wire::kAuto);
  (void)model.generate("hi");
  EXPECT_EQ(seen.wire, Wire::kWhole);
  (void)model.generate("hi", {.wire = Wire::kStream});
  EXPECT_EQ(seen.wire, Wire::kStream);
  (void)model.map({test::ask("hi")});
  EXPECT_EQ(seen.wire, Wire::kWhole);
}

// ---- models ------------------------------------------------------------------------------------

TEST(Model, MapKeepsOrderAndGoesOnAfterFailures) {
  std::atomic<int> open{0}, most{0};
  const TextModel model(test::backend([&](std::shared_ptr<const Request> request, const Call&) {
    most = std::max(most.load(), ++open);
    const std::string text = std::get<TextRequest>(*request).messages[0].text();
    struct Open {
      std::atomic<int>& n;
      ~Open() { --n; }
    };
    auto life = std::shared_ptr<Open>(new Open{open});
    // Later ones are quicker; every third fails.
    auto words = std::make_shared<std::string>(text);
    std::vector<Event> events = test::text_reply({*words});
    std::optional<Error> error;
    if (std::stoi(text) % 3 == 2) {
      events.resize(1);
      error = Error(Errc::kOverloaded, text);
    }
    return std::make_unique<test::FnSource>([life, words, play = test::play(events, error),
                                             left = 40 - std::stoi(text)](Pull p) mutable {
      if (left-- > 0) {
        p.poller.wake_at(Clock::now());
        if (left % 5 == 0) p.poller.wake();  // of no meaning to map
        return Step::kPending;
      }
      return play(p);
    });
  }));
  std::vector<TextRequest> requests;
  for (int i = 0; i < 40; ++i) requests.push_back(test::ask(std::to_string(i)));
  requests[7].messages.clear();  // invalid
  for (const std::size_t parallel : {0u, 1u, 3u, 100u}) {
    most = 0;
    auto results = model.map(requests, parallel);
    ASSERT_EQ(results.size(), 40u);
    for (int i = 0; i < 40; ++i) {
      const auto& result = results[static_cast<std::size_t>(i)];
      if (i == 7) {
        EXPECT_EQ(result.error().code(), Errc::kInvalidRequest);
      } else if (i % 3 == 2) {
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().message(), std::to_string(i));
      } else {
        ASSERT_TRUE(result) << result.error();
        EXPECT_EQ(result->text(), std::to_string(i));
      }
    }
    const int limit = static_cast<int>(std::clamp<std::size_t>(parallel, 1, 39));
    EXPECT_EQ(most, limit);
    EXPECT_EQ(open, 0);
  }
  EXPECT_TRUE(model.map({}).empty());
}

TEST(Model, MapStops) {
  StopSource stop;
  stop.request_stop();
  const std::vector<TextRequest> three = {test::ask("1"), test::ask("2"), test::ask("3")};
  for (const auto& result : mock({.deltas = {"a"}}).map(three, 2, {.stop = stop.token()}))
    EXPECT_EQ(result.error().code(), Errc::kCancelled);
}

TEST(Model, CountsTokens) {
  Usage usage;
  usage.input = 42;
  bool counted = false;
  const TextModel model(test::backend([&](std::shared_ptr<const Request> request, const Call&) {
    counted = std::holds_alternative<CountRequest>(*request);
    Event end = test::finish();
    end.usage = &usage;
    return std::make_unique<test::FnSource>(test::play({event(Kind::kStart), end}));
  }));
  auto n = model.count_tokens(test::ask("hi"));
  ASSERT_TRUE(n);
  EXPECT_EQ(*n, 42);
  EXPECT_TRUE(counted);
  usage.input.reset();
  EXPECT_EQ(model.count_tokens(test::ask("hi")).error().code(), Errc::kProtocol);
  EXPECT_EQ(mock({}).count_tokens(test::ask("hi")).error().code(), Errc::kUnsupported);
  EXPECT_EQ(model.count_tokens({}).error().code(), Errc::kInvalidRequest);
}

TEST(Model, EmbedsOneRowAnInput) {
  std::vector<float> vectors = {1, 2, 3, 4, 5, 6};
  std::uint32_t dimensions = 3;
  const EmbeddingModel model(test::backend([&](auto, const Call&) {
    Event e = event(Kind::kVectors);
    e.vectors = vectors;
    e.dimensions = dimensions;
    return std::make_unique<test::FnSource>(test::play({event(Kind::kStart), e, test::finish()}));
  }));
  auto done = model.embed({"a", "b"});
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->rows(), 2u);
  EXPECT_EQ((*done)[1][0], 4);
  EXPECT_EQ(model.embed({"a"}).error().code(), Errc::kProtocol);
  vectors.push_back(7);
  EXPECT_EQ(model.embed({"a", "b"}).error().code(), Errc::kProtocol);  // half a row
  dimensions = 0;
  EXPECT_EQ(model.embed({"a", "b"}).error().code(), Errc::kProtocol);
  EXPECT_EQ(model.embed(std::vector<std::string>{}).error().detail("field"), "inputs");
}

TEST(Model, RanksBestFirst) {
  std::vector<float> scores = {0.5f, -2, 3, 0.5f};
  std::uint32_t dimensions = 1;
  const RerankModel model(test::backend([&](std::shared_ptr<const Request> request, const Call&) {
    EXPECT_EQ(std::get<RerankRequest>(*request).query, "q");
    Event e = event(Kind::kVectors);
    e.vectors = scores;
    e.dimensions = dimensions;
    return std::make_unique<test::FnSource>(test::play({event(Kind::kStart), e, test::finish()}));
  }));
  const auto order = [&](std::optional<std::uint32_t> top_n) {
    auto done = model.rerank(
        RerankRequest{.query = "q", .documents = {"a", "b", "c", "d"}, .top_n = top_n});
    std::vector<std::size_t> indices;
    if (!done) return indices;
    for (const Ranking::Item& item : done->items) {
      EXPECT_EQ(item.score, scores[item.index]);
      indices.push_back(item.index);
    }
    return indices;
  };
  EXPECT_EQ(order({}), (std::vector<std::size_t>{2, 0, 3, 1}));
  EXPECT_EQ(order(2), (std::vector<std::size_t>{2, 0}));
  EXPECT_EQ(order(9), (std::vector<std::size_t>{2, 0, 3, 1}));
  EXPECT_EQ(model.rerank("q", {"a"}).error().code(), Errc::kProtocol);
  scores[1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(model.rerank("q", {"a", "b", "c", "d"}).error().code(), Errc::kProtocol);
  scores[1] = 0;
  dimensions = 2;
  EXPECT_EQ(model.rerank("q", {"a", "b", "c", "d"}).error().code(), Errc::kProtocol);
  EXPECT_EQ(model.rerank("", {"a"}).error().detail("field"), "query");
  EXPECT_EQ(model.rerank("q", {}).error().detail("field"), "documents");
  EXPECT_EQ(RerankModel(mock({}).backend()).rerank("q", {"a"}).error().code(), Errc::kUnsupported);
}

TEST(Model, ImagesAreThePartsOfTheMessage) {
  Media png{.mime = "image/png", .source = Blob(std::string("png"))};
  const ImageModel model(test::backend([&](auto, const Call&) {
    std::vector<Event> all = {event(Kind::kStart)};
    for (std::uint32_t i = 0; i < 2; ++i) {
      Event e = event(Kind::kMedia, PartKind::kNone, {}, i);
      e.media = &png;
      all.push_back(e);
    }
    all.push_back(test::finish());
    return std::make_unique<test::FnSource>(test::play(all));
  }));
  auto done = model.generate({.prompt = "a fox", .n = 2});
  ASSERT_TRUE(done);
  ASSERT_EQ(done->message().parts.size(), 2u);
  EXPECT_EQ(*done->message().parts[1].get<Media>(), png);
}

TEST(Mock, ObeysItsScript) {
  ToolCall call{.id = "c1", .name = "f", .arguments = "{}"};
  auto done = mock({.deltas = {"a", "b"}, .reasoning = "hm", .tool_calls = {call}}).generate("hi");
  ASSERT_TRUE(done);
  EXPECT_EQ(done->text(), "ab");
  EXPECT_EQ(done->finish(), Finish::kToolCalls);
  EXPECT_EQ(done->tool_calls(), std::vector<ToolCall>{call});
  EXPECT_EQ(mock({}).generate("one two three")->text(), "one two three");
  TextRequest two = test::ask("one two three");
  two.max_tokens = 2;
  auto cut = mock({}).generate(two);
  EXPECT_EQ(cut->text(), "one two ");
  EXPECT_EQ(cut->finish(), Finish::kLength);
  two.stop = {"x"};
  EXPECT_EQ(mock({}).generate(two).error().detail("field"), "stop");
  TextRequest warm = test::ask("x");
  warm.temperature = 1;
  warm.sampling.top_k = 3;
  EXPECT_EQ(mock({}).generate(warm)->warnings.size(), 2u);
  auto failed = mock({.deltas = {"a"}, .error = Error(Errc::kNetwork, "x")}).generate("hi");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().partial()->text(), "a");
}

}  // namespace
}  // namespace infer
