// How requests share the engine: one prefill for what begins alike, the same text as alone, fair
// turns. Through the ABI, with the shipped model.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "plugin_driver.h"

namespace infer::test {
namespace {

using Json = nlohmann::json;

const char kModel[] = INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf";
const char kStory[] = "Tell me a story about a fox.";
const char kForNobody[] = "{\"threads\":1,\"prefix_cache\":false}";  // every prompt is read anew

std::string conversation(const std::vector<std::string>& turns, const Json& more = Json::object()) {
  Json request = more;
  request["task"] = "text";
  request["messages"] = Json::array();
  for (std::size_t i = 0; i < turns.size(); ++i) {
    request["messages"].push_back({{"role", i % 2 == 0 ? "user" : "assistant"},
                                   {"parts", {{{"type", "text"}, {"text", turns[i]}}}}});
  }
  return request.dump();
}

Json raw_of(const Outcome& outcome) {
  const Seen* finish = outcome.last(INFER_EV_FINISH);
  return finish == nullptr ? Json::object() : Json::parse(finish->raw, nullptr, false);
}

std::string long_text(int words) {
  static const char* const kWords[] = {"fox", "ball", "river", "golden", "key", "Lily", "hat"};
  std::string text;
  for (int i = 0; i < words; ++i)
    text += std::string(i == 0 ? "" : " ") + kWords[(i * i + i / 3) % 7];
  return text;
}

// Reads all of them at once: one that is not read stops when its ring is full.
std::vector<Outcome> drain_together(const std::vector<std::unique_ptr<Source>>& sources) {
  std::size_t running = sources.size();
  std::vector<bool> ended(sources.size());
  while (running > 0) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (ended[i]) continue;
      const int result = sources[i]->step();
      if (result == INFER_EVENT || result == INFER_PENDING) continue;
      ended[i] = true;
      --running;
    }
    std::this_thread::yield();
  }
  std::vector<Outcome> outcomes;
  for (const auto& source : sources) outcomes.push_back(source->outcome());
  return outcomes;
}

TEST(Prefix, TheNextTurnComputesOnlyWhatIsNew) {
  const Model model(kModel);
  const Outcome first = ask(model, conversation({"My name is Tom."}));
  ASSERT_EQ(first.result, INFER_END) << first.failure.message;
  EXPECT_EQ(first.usage().cache_read, 0);
  const Outcome second =
      ask(model, conversation({"My name is Tom.", first.text(), "What is my name?"}));
  ASSERT_EQ(second.result, INFER_END) << second.failure.message;
  // All that was read; the answer was written token by token, and is read now.
  EXPECT_EQ(second.usage().cache_read, first.usage().input);
  EXPECT_EQ(raw_of(second)["prefill_tokens"], second.usage().input - second.usage().cache_read);
}

// The texts of a model that never reuses anything are the reference.
TEST(Prefix, WarmTextIsColdText) {
  const Model cold(kModel, kForNobody), warm(kModel);
  std::vector<std::string> requests;
  for (const char* question :
       {"Hello!", "What is the capital of France?", kStory, "Tell me a story about Lily.",
        "Count to ten.", "How do you say hello in Russian?"}) {
    requests.push_back(conversation({question}));
    requests.push_back(conversation({question}, {{"seed", 7}, {"temperature", 1.0}}));
    requests.push_back(conversation({"Hello!", "Hello! How can I help you today?", question}));
    requests.push_back(conversation({"Hello!", "Hello! How can I help you today?", question},
                                    {{"seed", 11}, {"temperature", 0.8}}));
  }
  int64_t reused = 0;
  for (int round = 0; round < 2; ++round) {
    for (const std::string& request : requests) {
      const Outcome expected = ask(cold, request), got = ask(warm, request);
      EXPECT_EQ(expected.usage().cache_read, 0);
      EXPECT_EQ(got.text(), expected.text()) << request;
      reused += got.usage().cache_read;
    }
  }
  EXPECT_GT(reused, 500);
}

// Long enough for every way in which the engine computes a batch, and drawn so wildly that a
// difference in the last bit shows.
TEST(Prefix, LongWarmTextIsColdText) {
  const Model cold(kModel, kForNobody), warm(kModel);
  for (int seed = 0; seed < 24; ++seed) {
    const std::string request =
        conversation({"Repeat after me: " + long_text(40 + 5 * seed)},
                     {{"seed", seed}, {"temperature", 1.5}, {"max_tokens", 24}});
    EXPECT_EQ(ask(warm, request).text(), ask(cold, request).text()) << seed;
  }
}

TEST(Prefix, AGrowingConversationIsColdTextAtEveryTurn) {
  const Model cold(kModel, kForNobody), warm(kModel);
  std::vector<std::string> turns;
  int64_t read = 0;  // of the turn before
  for (const char* question : {"My name is Anna.", "What is the opposite of hot?",
                               "What does a cow say?", "What is my name?", "Count to five."}) {
    turns.push_back(question);
    const Outcome got = ask(warm, conversation(turns));
    EXPECT_EQ(got.text(), ask(cold, conversation(turns)).text());
    EXPECT_GE(got.usage().cache_read, read - 2);
    read = got.usage().input;
    turns.push_back(got.text());
  }
}

TEST(Prefix, RequestsThatArriveTogetherReadTheirCommonBeginningOnce) {
  const Model model(kModel, "{\"threads\":1,\"parallel\":8}");
  const std::string shared = long_text(150);
  std::vector<std::unique_ptr<Source>> sources;
  for (int i = 0; i < 8; ++i) {
    sources.push_back(std::make_unique<Source>(
        model, conversation({shared + " " + std::to_string(i)}, {{"max_tokens", 3}})));
  }
  int64_t computed = 0, input = 0;
  for (auto& source : sources) {
    const Outcome& outcome = source->drain();
    ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
    computed += raw_of(outcome)["prefill_tokens"].get<int64_t>();
    input += outcome.usage().input;
  }
  EXPECT_LT(computed, input / 4);
}

TEST(Choices, FourAnswersRunOnePrefill) {
  const Model model(kModel);
  const std::string request = conversation({kStory}, {{"n", 4}, {"max_tokens", 12}});
  const Outcome outcome = ask(model, request);
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  const Json raw = raw_of(outcome);
  EXPECT_EQ(raw["prefills"], 1);
  // Each further answer computes the prompt's last two tokens.
  EXPECT_EQ(raw["prefill_tokens"], outcome.usage().input + 2 * 3);
  EXPECT_EQ(outcome.usage().output, 4 * 12);
  EXPECT_EQ(outcome.usage().cache_read, 0);
  const std::string alone = ask(model, conversation({kStory}, {{"max_tokens", 12}})).text();
  for (uint32_t choice = 0; choice < 4; ++choice) EXPECT_EQ(outcome.text(choice), alone);
}

TEST(Choices, MoreThanRunAtOnceStillRunOnePrefill) {
  const Model model(kModel, "{\"threads\":1,\"parallel\":2}");
  const Outcome outcome =
      ask(model,
          conversation({kStory}, {{"n", 7}, {"max_tokens", 5}, {"temperature", 1.0}, {"seed", 3}}));
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  EXPECT_EQ(raw_of(outcome)["prefills"], 1);
  EXPECT_EQ(raw_of(outcome)["prefill_tokens"], outcome.usage().input + 2 * 6);
}

TEST(Choices, EachIsWhatItsSeedGivesAlone) {
  const Model model(kModel, kForNobody);
  const Outcome together =
      ask(model, conversation({kStory}, {{"n", 4}, {"seed", 100}, {"temperature", 1.0}}));
  ASSERT_EQ(together.result, INFER_END) << together.failure.message;
  std::set<std::string> different;
  for (uint32_t choice = 0; choice < 4; ++choice) {
    const Outcome alone =
        ask(model, conversation({kStory}, {{"seed", 100 + choice}, {"temperature", 1.0}}));
    EXPECT_EQ(together.text(choice), alone.text()) << choice;
    different.insert(alone.text());
  }
  EXPECT_EQ(different.size(), 4u);
}

TEST(Choices, EveryOneHasItsPartsAndOneFinish) {
  const Model model(kModel);
  const Outcome outcome = ask(model, conversation({"Count to ten."}, {{"n", 3}}));
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  for (uint32_t choice = 0; choice < 3; ++choice) {
    std::vector<int> kinds;
    for (const Seen& e : outcome.events) {
      if (e.choice == choice && e.kind >= INFER_EV_PART_BEGIN && e.kind != INFER_EV_USAGE &&
          (kinds.empty() || kinds.back() != e.kind))
        kinds.push_back(e.kind);
    }
    EXPECT_EQ(kinds, (std::vector<int>{INFER_EV_PART_BEGIN, INFER_EV_DELTA, INFER_EV_PART_END,
                                       INFER_EV_FINISH}))
        << choice;
  }
}

TEST(Steps, EightRepliesTakeLessThanTwiceTheStepsOfOne) {
  const Model model(kModel, "{\"threads\":1,\"parallel\":8}");
  const Json greedy = {{"max_tokens", 40}, {"logit_bias", {{"0", -1e6}, {"2", -1e6}}}};
  const int64_t one = raw_of(ask(model, conversation({kStory}, greedy)))["steps"];
  std::vector<std::unique_ptr<Source>> sources;
  for (int i = 0; i < 8; ++i) {
    sources.push_back(std::make_unique<Source>(
        model, conversation({"What is " + std::to_string(i) + " plus two?"}, greedy)));
  }
  int64_t most = 0;
  for (const Outcome& outcome : drain_together(sources))
    most = std::max(most, raw_of(outcome)["steps"].get<int64_t>());
  EXPECT_GE(one, 40);
  EXPECT_LT(most, 2 * one);
}

TEST(Steps, AShortPromptDoesNotWaitForALongOne) {
  const Model model(kModel, "{\"threads\":1,\"batch\":32}");
  Source slow(model, conversation({long_text(180)}, {{"max_tokens", 1}}));
  Source quick(model, conversation({"Hi!"}, {{"max_tokens", 1}}));
  const int64_t steps = raw_of(quick.drain())["steps"];
  EXPECT_LE(steps, 2);
  EXPECT_GT(raw_of(slow.drain())["steps"].get<int64_t>(), 2 * steps);
}

TEST(Cancel, OfALeaderLeavesItsFollowersToThemselves) {
  const Model model(kModel, "{\"threads\":1,\"batch\":32}");
  const std::string shared = long_text(180);
  for (int i = 0; i < 20; ++i) {
    Source leader(model, conversation({shared + " a"}, {{"max_tokens", 2}}));
    Source follower(model, conversation({shared + " b"}, {{"max_tokens", 2}}));
    leader.cancel();
    EXPECT_EQ(leader.drain().result, INFER_E_CANCELLED);
    EXPECT_EQ(follower.drain().result, INFER_END) << follower.outcome().failure.message;
  }
}

TEST(Cancel, OfManyAnswersFreesAllTheirPlaces) {
  const Model model(kModel, "{\"threads\":1,\"parallel\":4}");
  for (int i = 0; i < 20; ++i) {
    Source source(model, conversation({kStory}, {{"n", 16}}));
    for (int step = 0; step < i; ++step) source.step();
    source.cancel();
    EXPECT_EQ(source.drain().result, INFER_E_CANCELLED);
  }
  EXPECT_EQ(ask(model, conversation({"Hello!"})).text(), "Hello! How can I help you today?");
}

// -- A conversation that is too long.

Json long_conversation(int turns) {
  Json messages = Json::array();
  const auto add = [&](const char* role, const std::string& text) {
    messages.push_back({{"role", role}, {"parts", {{{"type", "text"}, {"text", text}}}}});
  };
  add("system", "You are a pirate.");
  for (int i = 0; i < turns; ++i) {
    add("user", "What is the capital of France?");
    add("assistant", "Arr! The capital of France is Paris. " + long_text(20));
  }
  add("user", "Hello!");
  return messages;
}

TEST(Truncation, NeverUnlessAsked) {
  const Model model(kModel);
  const Json request = {{"task", "text"}, {"messages", long_conversation(60)}};
  const Outcome outcome = ask(model, request.dump());
  EXPECT_EQ(outcome.result, INFER_E_CONTEXT_OVERFLOW);
  const Json details = Json::parse(outcome.failure.details);
  EXPECT_GT(details["need"], details["have"]);
}

TEST(Truncation, DropsTheOldestTurnsAndSaysSo) {
  const Model model(kModel);
  const Json request = {
      {"task", "text"}, {"messages", long_conversation(60)}, {"truncation", "drop_oldest"}};
  const Outcome outcome = ask(model, request.dump());
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  const Seen* warning = outcome.last(INFER_EV_WARNING);
  ASSERT_NE(warning, nullptr);
  EXPECT_EQ(warning->data, "truncated_prompt");
  const Json facts = Json::parse(warning->extra);
  const auto dropped = facts["dropped_messages"].get<std::size_t>();
  EXPECT_EQ(dropped % 2, 0u);
  EXPECT_GT(dropped, 0u);
  // Exactly that prompt: the same as if the caller had left them out.
  Json shorter = long_conversation(60);
  shorter.erase(shorter.begin() + 1, shorter.begin() + 1 + static_cast<std::ptrdiff_t>(dropped));
  const Outcome by_hand = ask(model, Json({{"task", "text"}, {"messages", shorter}}).dump());
  EXPECT_EQ(by_hand.usage().input, outcome.usage().input);
  EXPECT_EQ(by_hand.text(), outcome.text());
  // And no turn more than need be.
  Json longer = long_conversation(60);
  longer.erase(longer.begin() + 1, longer.begin() + static_cast<std::ptrdiff_t>(dropped) - 1);
  const Outcome count =
      ask(model, Json({{"task", "count"}, {"messages", longer}}).dump(), INFER_TASK_COUNT);
  EXPECT_GT(count.usage().input + static_cast<int64_t>(facts["answer"]),
            static_cast<int64_t>(facts["have"]));
}

TEST(Truncation, AShortConversationIsLeftAlone) {
  const Model model(kModel);
  const Json request = {
      {"task", "text"}, {"messages", long_conversation(1)}, {"truncation", "drop_oldest"}};
  const Outcome outcome = ask(model, request.dump());
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  EXPECT_EQ(outcome.last(INFER_EV_WARNING), nullptr);
}

// What stands before the first message of the user is older than it.
TEST(Truncation, DropsAnAnswerThatComesBeforeAnyQuestion) {
  const Model model(kModel);
  Json messages = Json::array();
  for (const auto& [role, text] :
       {std::pair<const char*, std::string>("assistant", long_text(400)), {"user", "Hello!"}})
    messages.push_back({{"role", role}, {"parts", {{{"type", "text"}, {"text", text}}}}});
  const Outcome outcome =
      ask(model,
          Json({{"task", "text"}, {"messages", messages}, {"truncation", "drop_oldest"}}).dump());
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  EXPECT_EQ(outcome.text(), ask(model, conversation({"Hello!"})).text());
}

TEST(Truncation, WhatCannotBeDroppedIsAnOverflow) {
  const Model model(kModel);
  const Outcome outcome =
      ask(model, conversation({"Hi!", "Hello!", long_text(900)}, {{"truncation", "drop_oldest"}}));
  EXPECT_EQ(outcome.result, INFER_E_CONTEXT_OVERFLOW);
}

}  // namespace
}  // namespace infer::test
