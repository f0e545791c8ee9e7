#include "src/cloud/event_queue.h"

#include <gtest/gtest.h>

#include <random>

#include "infer/conformance.h"
#include "src/core/response.h"

namespace infer::cloud {
namespace {

using Kind = Event::Kind;
using PartKind = Event::PartKind;

// What a reader of the queue sees, with every view used while it must be alive.
Response drained(EventQueue& queue, std::string* kinds = nullptr) {
  Response response;
  EventChecker checker(8);
  while (!queue.empty()) {
    const Event& event = queue.pop();
    const auto finding = checker.feed(event);
    EXPECT_FALSE(finding) << finding->rule << ": " << finding->what;
    if (kinds) *kinds += std::string(to_string(event.kind)) + ' ';
    core::accumulate(event, response);
  }
  return response;
}

std::string arguments(const Response& response, std::size_t part) {
  return response.choices.at(0).message.parts.at(part).get<ToolCall>()->arguments;
}

TEST(EventQueue, GivesWhatWasPutInItsOrder) {
  EventQueue queue;
  queue.start({.response_id = "r1", .model = "m"});
  queue.begin(1, 0, PartKind::kText);
  queue.delta(1, "Hello");
  queue.delta_view(1, ", world");
  queue.end(1);
  queue.usage({.input = 3, .output = 2});
  queue.finish(0, Finish::kStop, "stop");
  std::string kinds;
  const Response response = drained(queue, &kinds);
  EXPECT_EQ(kinds, "start part_begin delta delta part_end usage finish ");
  EXPECT_EQ(response.text(), "Hello, world");
  EXPECT_EQ(response.id, "r1");
  EXPECT_EQ(response.choices[0].finish_raw, "stop");
  EXPECT_EQ(queue.answer_bytes(), 12u);
  queue.begin(2, 1, PartKind::kToolCall, "name", "id");
  queue.end(2, "s", "i", "e");
  EXPECT_EQ(queue.answer_bytes(), 21u);
}

TEST(EventQueue, LetsPartsThatInterleaveOutOneAfterTheOther) {
  EventQueue queue;
  queue.start({});
  queue.begin(10, 0, PartKind::kToolCall, "a", "id_a");
  queue.begin(11, 0, PartKind::kToolCall, "b", "id_b");
  queue.begin(12, 0, PartKind::kToolCall, "c", "id_c");
  queue.delta(12, "3");
  queue.delta(11, "2");
  queue.end(11);
  queue.delta(10, "1");
  queue.delta(12, "4");
  queue.end(10);
  queue.delta(12, "5");
  queue.finish(0, Finish::kToolCalls, {});
  const Response response = drained(queue);
  ASSERT_EQ(response.message().parts.size(), 3u);
  EXPECT_EQ(arguments(response, 0), "1");
  EXPECT_EQ(arguments(response, 1), "2");
  EXPECT_EQ(arguments(response, 2), "345");
  EXPECT_EQ(response.tool_calls()[2].id, "id_c");
}

TEST(EventQueue, HoldsLogprobsBackWithTheirBytes) {
  EventQueue queue;
  queue.start({});
  queue.begin(1, 0, PartKind::kText);
  queue.begin(2, 0, PartKind::kText);
  {
    std::string gone = "token";
    queue.delta(2, gone, {{.token = 7, .logprob = -1, .bytes = gone}});
    gone.assign(gone.size(), '?');
  }
  queue.finish(0, Finish::kStop, {});
  const Response response = drained(queue);
  ASSERT_EQ(response.choices[0].logprobs.size(), 1u);
  EXPECT_EQ(response.choices[0].logprobs[0].chosen.bytes, "token");
}

TEST(EventQueue, UsageNeverShrinks) {
  EventQueue queue;
  queue.start({});
  queue.usage({.input = 10, .cache_read = 4, .output = 1});
  queue.usage({.input = 2, .output = 5});
  queue.finish(0, Finish::kStop, {});
  const Response response = drained(queue);
  EXPECT_EQ(response.usage.input, 10);
  EXPECT_EQ(response.usage.cache_read, 4);
  EXPECT_EQ(response.usage.output, 5);
}

// Any order of beginnings, pieces and ends over several choices: the grammar holds, and each part
// is what was put into it.
TEST(EventQueue, AnyInterleavingKeepsTheGrammarAndEveryByte) {
  std::mt19937 random(20260601);
  for (int round = 0; round < 2000; ++round) {
    EventQueue queue;
    queue.start({});
    Response response;
    EventChecker checker(3);
    std::map<std::uint64_t, std::string> wanted;
    std::vector<std::uint64_t> open;
    std::map<std::uint64_t, std::uint32_t> choice_of;
    const auto drain = [&] {
      while (!queue.empty()) {
        const Event& event = queue.pop();
        const auto finding = checker.feed(event);
        ASSERT_FALSE(finding) << finding->rule << ": " << finding->what;
        core::accumulate(event, response);
      }
    };
    std::uint64_t next = 0;
    for (int i = 0; i < 40; ++i) {
      const auto what = random() % 5;
      if (what == 0 || open.empty()) {
        const auto choice = static_cast<std::uint32_t>(random() % 3);
        choice_of[next] = choice;
        wanted[next] = "";
        queue.begin(next, choice, PartKind::kToolCall, std::to_string(next));
        open.push_back(next++);
      } else if (what == 1) {
        const std::size_t at = random() % open.size();
        queue.end(open[at]);
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(at));
      } else {
        const std::uint64_t key = open[random() % open.size()];
        const std::string piece(1 + random() % 3, static_cast<char>('a' + random() % 26));
        wanted[key] += piece;
        queue.delta(key, piece);
      }
      if (random() % 3 == 0) drain();
    }
    for (std::uint32_t choice = 0; choice < 3; ++choice) queue.finish(choice, Finish::kStop, {});
    drain();
    EXPECT_FALSE(checker.end());
    std::size_t parts = 0;
    for (const Choice& choice : response.choices)
      for (const Part& part : choice.message.parts) {
        const ToolCall& call = *part.get<ToolCall>();
        EXPECT_EQ(call.arguments, wanted.at(std::stoull(call.name)));
        ++parts;
      }
    EXPECT_EQ(parts, wanted.size());
  }
}

TEST(EventQueue, PicturesArePartsLikeAnyOther) {
  EventQueue queue;
  queue.start({});
  queue.progress("preview", 1, 2);
  queue.preview(0, Media{.source = Blob(std::string("half"))}, "{}", 1, 2);
  queue.media(1, 0, Media{.mime = "image/png", .source = Blob(std::string("one"))}, "{\"a\":1}");
  queue.begin(2, 0, PartKind::kText);
  queue.delta(2, "between");
  queue.preview(0, Media{.source = Url{"not shown: a part is open"}}, {}, 2, 2);
  queue.media(3, 0, Media{.source = Url{"two"}});
  queue.media(4, 0, Media{.source = Url{"three"}});
  queue.begin(5, 0, PartKind::kText);
  queue.delta(5, "after");
  queue.media(6, 1, Media{.source = Url{"of another choice"}});
  queue.end(2);
  queue.finish(0, Finish::kStop, {});
  queue.finish(1, Finish::kStop, {});
  EXPECT_EQ(queue.answer_bytes(), 3u + 7u + 7u + 5u);
  std::string kinds;
  const Response response = drained(queue, &kinds);
  EXPECT_EQ(kinds,
            "start progress media media part_begin delta media part_end media media part_begin "
            "delta part_end finish finish ");
  const auto& parts = response.choices.at(0).message.parts;
  ASSERT_EQ(parts.size(), 5u);
  EXPECT_EQ(std::get<Blob>(parts[0].get<Media>()->source).view(), "one");
  EXPECT_EQ(parts[0].extra, "{\"a\":1}");
  EXPECT_EQ(parts[1].get<Text>()->text, "between");
  EXPECT_EQ(std::get<Url>(parts[2].get<Media>()->source).url, "two");
  EXPECT_EQ(std::get<Url>(parts[3].get<Media>()->source).url, "three");
  EXPECT_EQ(parts[4].get<Text>()->text, "after");
  EXPECT_EQ(std::get<Url>(response.choices.at(1).message.parts.at(0).get<Media>()->source).url,
            "of another choice");
}

TEST(EventQueue, VectorsLiveUntilTheQueueIsEmpty) {
  EventQueue queue;
  queue.start({});
  queue.vectors({1, 2, 3, 4}, 2);
  queue.finish(0, Finish::kStop, {});
  EXPECT_EQ(queue.answer_bytes(), 16u);
  const Response response = drained(queue);
  EXPECT_EQ(response.vectors, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(response.dimensions, 2u);
}

}  // namespace
}  // namespace infer::cloud
