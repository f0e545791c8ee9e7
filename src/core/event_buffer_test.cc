#include <gtest/gtest.h>

#include <memory>
#include <random>

#include "infer/layers.h"
#include "src/core/scripted.h"

namespace infer {
namespace {

using test::event;
using test::Kind;
using test::PartKind;

// An event whose every view points to the heap, so that it can be taken away.
struct Original {
  std::string data, id, extra;
  Usage usage;
  Media media;
  Meta meta;
  std::vector<float> vectors;
  std::vector<std::string> bytes;
  std::vector<TokenLogprob> logprobs;
  Event event;

  explicit Original(std::mt19937& random) {
    // Short and long strings: within and beyond what a string holds in itself.
    const auto text = [&] {
      return std::string(random() % 60, static_cast<char>('a' + random() % 26));
    };
    data = text();
    id = text();
    extra = text();
    usage.input = static_cast<std::int64_t>(random());
    usage.raw = text();
    usage.timing.decode = std::chrono::nanoseconds(random());
    media.mime = text();
    media.source = Blob(text());
    meta = {text(), text(), text(), text()};
    vectors.assign(random() % 5, 1.5f);
    for (unsigned i = random() % 4; i > 0; --i) bytes.push_back(text());
    for (const std::string& b : bytes)
      logprobs.push_back({static_cast<std::int32_t>(random()), -1.0f, b,
                          static_cast<std::uint32_t>(random() % 3)});
    event.kind = static_cast<Event::Kind>(random() % 12);
    event.part_kind = static_cast<Event::PartKind>(random() % 6);
    event.finish = static_cast<Finish>(random() % 9);
    event.preview = random() % 2 == 0;
    event.choice = random();
    event.part = random();
    event.step = random();
    event.steps = random();
    event.data = data;
    event.id = id;
    event.extra = extra;
    if (random() % 2 == 0) event.usage = &usage;
    if (random() % 2 == 0) event.media = &media;
    if (random() % 2 == 0) event.meta = &meta;
    event.vectors = vectors;
    event.dimensions = random();
    event.logprobs = logprobs;
  }
};

bool same(const Usage& a, const Usage& b) {
  return a.input == b.input && a.output == b.output && a.raw == b.raw &&
         a.timing.decode == b.timing.decode;
}
void expect_same(const Event& a, const Event& b) {
  EXPECT_EQ(a.kind, b.kind);
  EXPECT_EQ(a.part_kind, b.part_kind);
  EXPECT_EQ(a.finish, b.finish);
  EXPECT_EQ(a.preview, b.preview);
  EXPECT_EQ(a.choice, b.choice);
  EXPECT_EQ(a.part, b.part);
  EXPECT_EQ(a.step, b.step);
  EXPECT_EQ(a.steps, b.steps);
  EXPECT_EQ(a.data, b.data);
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.extra, b.extra);
  EXPECT_EQ(a.dimensions, b.dimensions);
  ASSERT_EQ(a.usage == nullptr, b.usage == nullptr);
  if (a.usage) {
    EXPECT_TRUE(same(*a.usage, *b.usage));
  }
  ASSERT_EQ(a.media == nullptr, b.media == nullptr);
  if (a.media) {
    EXPECT_EQ(*a.media, *b.media);
  }
  ASSERT_EQ(a.meta == nullptr, b.meta == nullptr);
  if (a.meta) {
    EXPECT_EQ(a.meta->request_id, b.meta->request_id);
    EXPECT_EQ(a.meta->extra, b.meta->extra);
  }
  EXPECT_TRUE(std::equal(a.vectors.begin(), a.vectors.end(), b.vectors.begin(), b.vectors.end()));
  ASSERT_EQ(a.logprobs.size(), b.logprobs.size());
  for (std::size_t i = 0; i < a.logprobs.size(); ++i) {
    EXPECT_EQ(a.logprobs[i].token, b.logprobs[i].token);
    EXPECT_EQ(a.logprobs[i].bytes, b.logprobs[i].bytes);
    EXPECT_EQ(a.logprobs[i].n_top, b.logprobs[i].n_top);
  }
}

TEST(EventBuffer, KeepsWholeEventsBeyondTheirOriginals) {
  std::mt19937 random(11), again(11);
  auto buffer = std::make_shared<EventBuffer>();
  EXPECT_TRUE(buffer->empty());
  std::vector<const Event*> where;
  for (int i = 0; i < 300; ++i) {
    auto original = std::make_unique<Original>(random);
    buffer->push(original->event);
    where.push_back(&(*buffer)[static_cast<std::size_t>(i)]);
  }
  EXPECT_EQ(buffer->size(), 300u);
  for (std::size_t i = 0; i < 300; ++i) {
    EXPECT_EQ(where[i], &(*buffer)[i]);  // later pushes moved nothing
    const Original same_again(again);
    expect_same((*buffer)[i], same_again.event);
  }
  EventBuffer moved = std::move(*buffer);
  EXPECT_EQ(&moved[7], where[7]);
  // A copy of a kept event: its views point into the first buffer.
  EventBuffer copy;
  copy.push(moved[7]);
  moved.clear();
  EXPECT_EQ(moved.size(), 0u);
  again.seed(11);
  for (int i = 0; i < 7; ++i) Original skipped(again);
  expect_same(copy[0], Original(again).event);
}

TEST(EventBuffer, ReplaysTheSameSequenceAnyNumberOfTimes) {
  std::mt19937 random(5);
  auto buffer = std::make_shared<EventBuffer>();
  for (int i = 0; i < 50; ++i) buffer->push(Original(random).event);
  Poller poller;
  for (const bool with_error : {false, true}) {
    std::optional<Error> error;
    if (with_error) error = Error(Errc::kTruncated, "cut");
    auto source = replay(buffer, error);
    for (std::size_t i = 0; i < 50; ++i) {
      ASSERT_EQ(source->pull(poller), Step::kEvent);
      expect_same(source->event(), (*buffer)[i]);
    }
    EXPECT_EQ(source->pull(poller), with_error ? Step::kError : Step::kEnd);
    if (with_error) {
      EXPECT_EQ(source->take_error().code(), Errc::kTruncated);
    }
  }
  auto empty = replay(std::make_shared<EventBuffer>());
  EXPECT_EQ(empty->pull(poller), Step::kEnd);
}

TEST(EventBuffer, ARecordedReplyReadsTheSame) {
  auto buffer = std::make_shared<EventBuffer>();
  const TextModel recorded = mock({.deltas = {"a", "b", "c"}, .reasoning = "hm"}) |
                             Tap{.on_event = [&](const Event& e) { buffer->push(e); }};
  auto first = recorded.generate("hi");
  ASSERT_TRUE(first);
  const TextModel played(test::backend([&](auto, const Call&) { return replay(buffer); }));
  auto second = played.generate("hi");
  ASSERT_TRUE(second);
  EXPECT_EQ(second->text(), first->text());
  EXPECT_EQ(second->usage.output, first->usage.output);
  EXPECT_EQ(second->message().parts.size(), 2u);
}

}  // namespace
}  // namespace infer
