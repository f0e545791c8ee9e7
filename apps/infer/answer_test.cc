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
