#include "apps/infer/answer.h"

#include <gtest/gtest.h>

namespace infer::cli {
namespace {

Event delta(std::string_view text, std::uint32_t choice = 0,
            Event::PartKind kind = Event::PartKind::kText) {
  return Event{.kind = Event::Kind::kDelta, .part_kind = kind, .choice = choice, .data = text};
}

Response two_answers() {
  Response response;
  response.choices.resize(2);
  response.choices[0].message = assistant("one");
  response.choices[1].message = assistant("two");
  return response;
}

TEST(Answer, HoldsTheTextOfTheFirstAnswerOnly) {
  Output out(-1);
  Answer answer(out, false);
  answer.add(Event{.kind = Event::Kind::kStart});
  answer.add(delta("thinking", 0, Event::PartKind::kReasoning));
  answer.add(delta("one"));
  answer.add(delta("two", 1));
  answer.add(delta(" no", 0, Event::PartKind::kRefusal));
  EXPECT_EQ(out.buffer(), "one no");
}

TEST(Answer, AddsNothingToAFile) {
  Output out(-1);
  Answer answer(out, false);
  answer.add(delta("a\x1b[2J"));
  answer.finish(Response{});
  EXPECT_EQ(out.buffer(), "a\x1b[2J");
}

TEST(Answer, SeparatesAnswersByLines) {
  Output out(-1);
  Answer answer(out, false);
  answer.add(delta("one"));
  answer.add(delta("two", 1));
  answer.finish(two_answers());
  EXPECT_EQ(out.buffer(), "one\ntwo");
}

TEST(Answer, SaysNothingOfCallsThatTheProviderRuns) {
  Output out(-1);
  Answer answer(out, false);
  answer.add(delta("before "));
  answer.add(Event{.kind = Event::Kind::kPartBegin,
                   .part_kind = Event::PartKind::kToolCall,
                   .data = "search",
                   .extra = R"({"provider_executed":true})"});
  answer.add(delta("{}", 0, Event::PartKind::kToolCall));
  answer.add(Event{.kind = Event::Kind::kPartEnd, .part_kind = Event::PartKind::kToolCall});
  answer.add(
      Event{.kind = Event::Kind::kPartBegin, .part_kind = Event::PartKind::kText, .part = 2});
  answer.add(delta("after"));
  EXPECT_EQ(out.buffer(), "before after");
}

TEST(Answer, ShowsACallAsALine) {
  const auto part = [](Event::Kind kind, Event::PartKind of, std::string_view data) {
    return Event{.kind = kind, .part_kind = of, .data = data};
  };
  Output out(-1);
  Answer answer(out, false);
  answer.add(delta("Let me see."));
  for (const char* city : {"Oslo", "Rome"}) {
    const std::string arguments = std::string("\"") + city + "\"}";
    answer.add(part(Event::Kind::kPartBegin, Event::PartKind::kToolCall, "weather"));
    answer.add(part(Event::Kind::kDelta, Event::PartKind::kToolCall, "{\"city\":"));
    answer.add(part(Event::Kind::kDelta, Event::PartKind::kToolCall, arguments));
    answer.add(part(Event::Kind::kPartEnd, Event::PartKind::kToolCall, ""));
  }
  EXPECT_EQ(out.buffer(),
            "Let me see.\nweather({\"city\":\"Oslo\"})\nweather({\"city\":\"Rome\"})\n");

  Response response;
  response.choices.resize(2);
  response.choices[1].message.parts.push_back({.value = ToolCall{.name = "f", .arguments = "{}"}});
  Output second(-1);
  Answer(second, false).finish(response);
  EXPECT_EQ(second.buffer(), "f({})\n") << "those of the other answers too";
}

TEST(Answer, ALineIsEndedOnce) {
  Output out(-1);
  Answer answer(out, false);
  answer.end_line();
  EXPECT_EQ(out.buffer(), "");
  answer.add(delta("a"));
  answer.end_line();
  answer.end_line();
  EXPECT_EQ(out.buffer(), "a\n");
}

TEST(LogprobsText, TellsATokenALine) {
  Choice choice;
  choice.logprobs = {{.chosen = {1, 0, "a\n"}, .top = {}},
                     {.chosen = {2, -0.6931472f, "b"}, .top = {{3, 0, "c"}, {4, 0, "d"}}}};
  EXPECT_EQ(logprobs_text(choice),
            "infer: token: 100.0 % \"a\\n\"\n"
            "infer: token: 50.0 % \"b\"; likeliest: 100.0 % \"c\", 100.0 % \"d\"\n");
  EXPECT_EQ(logprobs_text({}), "");
}

TEST(Answer, EndsTheLastLineOfATerminal) {
  Output out(-1);
  Answer answer(out, true);
  answer.add(delta("a\x1b"));
  answer.finish(Response{});
  EXPECT_EQ(out.buffer(), "a\xE2\x90\x9B\n");

  Output nothing(-1);
  Answer(nothing, true).finish(Response{});
  EXPECT_EQ(nothing.buffer(), "") << "no line was begun";
}

}  // namespace
}  // namespace infer::cli
