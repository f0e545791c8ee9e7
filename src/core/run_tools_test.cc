#include "infer/tools.h"

#include <gmock/gmock.h>

#include <memory>

#include "infer/layers.h"
#include "infer/mock.h"
#include "src/core/scripted.h"

namespace infer {
namespace {

using namespace std::chrono_literals;
using test::ask;
using testing::ElementsAre;
using testing::HasSubstr;

ToolCall call(std::string id, std::string name, std::string arguments = "{}") {
  return ToolCall{.id = std::move(id), .name = std::move(name), .arguments = std::move(arguments)};
}
MockScript asks_for(std::vector<ToolCall> calls) {
  return MockScript{.deltas = {"Let me see."}, .tool_calls = std::move(calls)};
}
MockScript says(std::string text) { return MockScript{.deltas = {std::move(text)}}; }

ToolFunction function(std::string name, std::function<Result<std::string>(std::string_view)> run) {
  return ToolFunction{.tool = {.name = std::move(name)}, .run = std::move(run)};
}
ToolFunction echoing(std::string name) {
  return function(name, [name](std::string_view arguments) -> Result<std::string> {
    return name + " got " + std::string(arguments);
  });
}
ToolFunction failing(std::string name) {
  return function(name, [](std::string_view) -> Result<std::string> {
    return Error(Errc::kNotFound, "no such city");
  });
}

std::vector<ToolResult> results(const ToolRun& run) {
  std::vector<ToolResult> all;
  for (const Message& message : run.messages)
    for (const Part& part : message.parts)
      if (const auto* result = part.get<ToolResult>()) all.push_back(*result);
  return all;
}
std::string text(const ToolResult& result) { return result.content.front().get<Text>()->text; }

// The property that every end of a run must keep: what is there can be sent again.
void expect_sendable(const ToolRun& run) {
  std::vector<std::string> called, answered;
  for (const Message& message : run.messages) {
    EXPECT_FALSE(message.parts.empty());
    for (const Part& part : message.parts) {
      if (const auto* one = part.get<ToolCall>(); one && !one->provider_executed)
        called.push_back(one->id);
      if (const auto* one = part.get<ToolResult>()) answered.push_back(one->call_id);
    }
  }
  for (const ToolCall& one : run.pending) answered.push_back(one.id);
  EXPECT_EQ(called, answered);
}

TEST(RunTools, AsksUntilThereIsAnAnswer) {
  const TextModel model =
      mock_turns({asks_for({call("c1", "weather", R"({"city": "Oslo"})")}),
                  asks_for({call("c2", "weather", R"({"city": "Rome"})")}), says("Rain in both.")});
  auto run = run_tools(model, ask("Weather in Oslo and Rome?"), {echoing("weather")});
  ASSERT_TRUE(run.answer);
  EXPECT_EQ(run.answer->text(), "Rain in both.");
  ASSERT_EQ(run.steps.size(), 3u);
  ASSERT_EQ(run.messages.size(), 6u);
  EXPECT_EQ(run.messages[1], run.steps[0].message()) << "the answer whole";
  EXPECT_EQ(run.messages[5].text(), "Rain in both.");
  ASSERT_EQ(results(run).size(), 2u);
  EXPECT_EQ(results(run)[0].call_id, "c1");
  EXPECT_EQ(results(run)[0].name, "weather");
  EXPECT_EQ(text(results(run)[0]), R"(weather got {"city": "Oslo"})") << "the bytes as they came";
  EXPECT_FALSE(results(run)[0].is_error);
  expect_sendable(run);
}

TEST(RunTools, UsageIsTheSumOfAllSteps) {
  const TextModel model = mock_turns({asks_for({call("c1", "f")}), says("done")});
  auto run = run_tools(model, ask("one two"), {echoing("f")});
  ASSERT_TRUE(run.answer);
  std::int64_t input = 0, output = 0;
  for (const Response& step : run.steps) {
    input += *step.usage.input;
    output += *step.usage.output;
  }
  EXPECT_EQ(run.usage.input, input);
  EXPECT_EQ(run.usage.output, output);
  EXPECT_GT(input, *run.answer->usage.input);
  EXPECT_FALSE(run.usage.cache_read) << "nobody said";
}

TEST(RunTools, CallsOfATurnRunInTheirOrder) {
  std::vector<std::string> order;
  const auto noting = [&order](std::string name) {
    return function(name, [&order, name](std::string_view) -> Result<std::string> {
      order.push_back(name);
      return name;
    });
  };
  const TextModel model =
      mock_turns({asks_for({call("1", "b"), call("2", "a"), call("3", "b")}), says("ok")});
  auto run = run_tools(model, ask("go"), {noting("a"), noting("b")});
  ASSERT_TRUE(run.answer);
  EXPECT_THAT(order, ElementsAre("b", "a", "b"));
  expect_sendable(run);
}

TEST(RunTools, TheModelIsToldWhatItGotWrong) {
  const TextModel model = mock_turns(
      {asks_for({call("1", "wether"), call("2", "weather", R"({"city")"),
                 call("3", "weather", "[1]"), call("4", "broken"), call("5", "weather", "")}),
       says("I see.")});
  auto run = run_tools(model, ask("go"), {echoing("weather"), failing("broken")});
  ASSERT_TRUE(run.answer) << run.answer.error();
  const auto all = results(run);
  ASSERT_EQ(all.size(), 5u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_TRUE(all[i].is_error) << i;
  EXPECT_THAT(text(all[0]), HasSubstr("weather, broken")) << "the tools that there are";
  EXPECT_THAT(text(all[1]), HasSubstr("at byte 7"));
  EXPECT_THAT(text(all[2]), HasSubstr("object"));
  EXPECT_EQ(text(all[3]), "no such city");
  EXPECT_EQ(text(all[4]), "weather got {}") << "no arguments are an empty object";
  EXPECT_FALSE(all[4].is_error);
  expect_sendable(run);
}

TEST(RunTools, AFunctionsErrorMayEndTheRun) {
  const TextModel model =
      mock_turns({asks_for({call("1", "good"), call("2", "bad"), call("3", "good")}), says("no")});
  ToolOptions options;
  options.stop_on_error = true;
  auto run = run_tools(model, ask("go"), {echoing("good"), failing("bad")}, options);
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().code(), Errc::kNotFound);
  EXPECT_EQ(run.answer.error().message(), "no such city");
  const auto all = results(run);
  ASSERT_EQ(all.size(), 3u);
  EXPECT_FALSE(all[0].is_error);
  EXPECT_EQ(text(all[1]), "no such city");
  EXPECT_THAT(text(all[2]), HasSubstr("not run"));
  expect_sendable(run);
}

TEST(RunTools, BytesOfAFunctionBecomeText) {
  const TextModel model = mock_turns({asks_for({call("1", "f")}), says("ok")});
  auto run = run_tools(
      model, ask("go"),
      {function("f", [](std::string_view) { return Result<std::string>(std::string("a\xff")); })});
  ASSERT_TRUE(run.answer) << run.answer.error();
  EXPECT_EQ(text(results(run)[0]), "a\xEF\xBF\xBD");
}

TEST(RunTools, TheStepLimitKeepsWhatWasMade) {
  int ran = 0;
  const auto counting = function("f", [&ran](std::string_view) -> Result<std::string> {
    return "run " + std::to_string(++ran);
  });
  const TextModel model = mock(asks_for({call("1", "f")}));
  ToolOptions options;
  options.max_steps = 3;
  auto run = run_tools(model, ask("go"), {counting}, options);
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().code(), Errc::kBudgetExceeded);
  EXPECT_EQ(run.answer.error().detail("limit"), "3");
  EXPECT_THAT(run.answer.error().message(), HasSubstr("max_steps"));
  EXPECT_EQ(run.steps.size(), 3u);
  EXPECT_EQ(ran, 3) << "the calls of the last answer too";
  EXPECT_EQ(run.messages.size(), 7u);
  expect_sendable(run);

  auto more = run_tools(mock(says("done")), {.messages = run.messages}, {counting});
  ASSERT_TRUE(more.answer);
  EXPECT_EQ(more.messages.size(), 8u);
}

TEST(RunTools, AnAnswerAtTheLimitIsAnAnswer) {
  const TextModel model = mock_turns({asks_for({call("1", "f")}), says("done")});
  ToolOptions options;
  options.max_steps = 2;
  EXPECT_TRUE(run_tools(model, ask("go"), {echoing("f")}, options).answer);
}

TEST(RunTools, WhatCannotWorkIsRefusedBeforeAnythingIsSent) {
  bool asked = false;
  const TextModel model =
      mock(says("x")) | Tap{.on_event = [&asked](const Event&) { asked = true; }};
  const auto refused = [&](TextRequest request, std::vector<ToolFunction> functions,
                           std::uint32_t steps, std::string_view field) {
    ToolOptions options;
    options.max_steps = steps;
    auto run = run_tools(model, std::move(request), functions, options);
    ASSERT_FALSE(run.answer);
    EXPECT_EQ(run.answer.error().code(), Errc::kInvalidRequest);
    EXPECT_EQ(run.answer.error().detail("field"), field);
    EXPECT_EQ(run.messages.size(), 1u) << "the conversation is given back";
  };
  TextRequest two = ask("x");
  two.n = 2;
  refused(two, {}, 8, "n");
  refused(ask("x"), {}, 0, "max_steps");
  refused(ask("x"), {echoing("f"), echoing("f")}, 8, "functions[1].tool.name");
  refused(ask("x"), {echoing("f"), {.tool = {.name = "g"}}}, 8, "functions[1].run");
  refused(ask("x"), {echoing("")}, 8, "functions[0].tool.name");
  refused(ask("x"), {echoing("a b")}, 8, "tools[0].name");
  TextRequest taken = ask("x");
  taken.tools.push_back({.name = "f"});
  refused(taken, {echoing("f")}, 8, "functions[0].tool.name");
  EXPECT_FALSE(asked);
}

TEST(RunTools, AStopBetweenTheCallsIsObeyed) {
  StopSource stop;
  const auto stopping = function("stop", [&stop](std::string_view) -> Result<std::string> {
    stop.request_stop();
    return "stopped";
  });
  const TextModel model = mock_turns({asks_for({call("1", "stop"), call("2", "f")}), says("no")});
  auto run = run_tools(model, ask("go"), {stopping, echoing("f")}, {}, {.stop = stop.token()});
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().code(), Errc::kCancelled);
  ASSERT_EQ(results(run).size(), 2u);
  EXPECT_FALSE(results(run)[0].is_error);
  EXPECT_THAT(text(results(run)[1]), HasSubstr("not run"));
  EXPECT_EQ(run.steps.size(), 1u) << "the model was not asked again";
  expect_sendable(run);
}

TEST(RunTools, AStopWithinAnAnswerKeepsWhatCame) {
  StopSource stop;
  int deltas = 0;
  ToolOptions options;
  options.on_event = [&](const Event& event) {
    if (event.kind == Event::Kind::kDelta && ++deltas == 4) stop.request_stop();
  };
  // Two deltas of the first step (text, arguments), then two of the second.
  const TextModel model =
      mock_turns({asks_for({call("1", "f")}), {.deltas = {"one ", "two ", "three"}}});
  auto run = run_tools(model, ask("go"), {echoing("f")}, options, {.stop = stop.token()});
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().code(), Errc::kCancelled);
  ASSERT_NE(run.answer.error().partial(), nullptr);
  EXPECT_EQ(run.answer.error().partial()->text(), "one two ");
  EXPECT_EQ(run.messages.size(), 3u) << "question, call, result";
  EXPECT_EQ(run.steps.size(), 1u);
  EXPECT_GT(*run.usage.output, 0);
  expect_sendable(run);
}

TEST(RunTools, TheReasonOfTheStopIsTold) {
  StopSource stop;
  stop.request_stop(Errc::kTimeout);
  auto run = run_tools(mock(says("x")), ask("go"), {}, {}, {.stop = stop.token()});
  EXPECT_EQ(run.answer.error().code(), Errc::kTimeout);
}

TEST(RunTools, TheTotalTimeHoldsForTheWholeRun) {
  // Each step alone would fit. A clock that is slow on a loaded machine only ends it earlier.
  const auto slow = MockScript{.deltas = {"x"}, .tool_calls = {call("1", "f")}, .delay = 30ms};
  ToolOptions options;
  options.max_steps = 1000;
  auto run =
      run_tools(mock(slow), ask("go"), {echoing("f")}, options, {.timeouts = {.total = 100ms}});
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().code(), Errc::kTimeout);
  EXPECT_EQ(run.answer.error().detail("timeout"), "total");
  EXPECT_LT(run.steps.size(), 4u);
  expect_sendable(run);
}

TEST(RunTools, ADeadlineThatHasPassedInAFunctionIsSeen) {
  Call timed;
  timed.deadline = Clock::now() + 20ms;
  const auto sleeping = function("f", [&timed](std::string_view) -> Result<std::string> {
    while (Clock::now() < timed.deadline) {
    }
    return "late";
  });
  // The answer itself must fit: a machine that cannot do that in time has no step to look at.
  auto run = run_tools(mock_turns({asks_for({call("1", "f"), call("2", "f")}), says("no")}),
                       ask("go"), {sleeping}, {}, timed);
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().detail("timeout"), "total");
  expect_sendable(run);
}

TEST(RunTools, AModelsErrorKeepsTheEarlierSteps) {
  MockScript broken{.deltas = {"half"}};
  broken.error = Error(Errc::kNetwork, "gone");
  auto run = run_tools(mock_turns({asks_for({call("1", "f")}), broken}), ask("go"), {echoing("f")});
  ASSERT_FALSE(run.answer);
  EXPECT_EQ(run.answer.error().code(), Errc::kNetwork);
  EXPECT_EQ(run.answer.error().partial()->text(), "half");
  EXPECT_EQ(run.messages.size(), 3u);
  expect_sendable(run);
}

TEST(RunTools, CallsOfTheCallersToolsAreGivenBack) {
  TextRequest request = ask("go");
  request.tools.push_back({.name = "confirm"});
  const TextModel model =
      mock_turns({asks_for({call("1", "f"), call("2", "confirm")}), says("ok")});
  auto run = run_tools(model, request, {echoing("f")});
  ASSERT_TRUE(run.answer);
  EXPECT_EQ(run.answer->finish(), Finish::kToolCalls);
  ASSERT_EQ(run.pending.size(), 1u);
  EXPECT_EQ(run.pending[0].name, "confirm");
  ASSERT_EQ(results(run).size(), 1u) << "the function has run";

  request.messages = run.messages;
  request.messages.push_back(tool_result(run.pending[0], "yes"));
  EXPECT_EQ(run_tools(model, request, {echoing("f")}).answer->text(), "ok");
}

TEST(RunTools, ApprovalIsAskedForBeforeEachCall) {
  ToolOptions options;
  std::vector<std::string> told;
  options.approve = [](const ToolCall& asked) -> Result<void> {
    if (asked.name == "rm") return Error(Errc::kForbidden, "the user said no");
    return {};
  };
  options.on_result = [&told](const ToolCall& asked, const ToolResult& result) {
    told.push_back(asked.id + (result.is_error ? " error: " : ": ") + text(result));
  };
  bool ran = false;
  const auto rm = function("rm", [&ran](std::string_view) -> Result<std::string> {
    ran = true;
    return "";
  });
  auto run = run_tools(mock_turns({asks_for({call("1", "rm"), call("2", "ls")}), says("ok")}),
                       ask("go"), {rm, echoing("ls")}, options);
  ASSERT_TRUE(run.answer);
  EXPECT_FALSE(ran);
  EXPECT_THAT(told, ElementsAre("1 error: the user said no", "2: ls got {}"));
}

// What a request was made of, seen by the model.
struct Seen {
  std::vector<TextRequest> requests{};
  std::vector<Wire> wires{};
};

TextModel watched(TextModel model, std::shared_ptr<Seen> seen) {
  return TextModel(
      test::backend([model, seen](std::shared_ptr<const Request> request, const Call& call) {
        seen->requests.push_back(std::get<TextRequest>(*request));
        seen->wires.push_back(call.wire);
        return model.backend()->open(std::move(request), call);
      }));
}

TEST(RunTools, AForcedCallIsForcedOnce) {
  auto seen = std::make_shared<Seen>();
  const TextModel model = watched(mock_turns({asks_for({call("1", "f")}), says("ok")}), seen);
  TextRequest request = ask("go");
  request.tool_choice = {.mode = ToolChoice::Mode::kNamed, .name = "f"};
  request.tools.push_back({.name = "mine"});
  ASSERT_TRUE(run_tools(model, request, {echoing("f")}).answer);
  ASSERT_EQ(seen->requests.size(), 2u);
  EXPECT_EQ(seen->requests[0].tool_choice.mode, ToolChoice::Mode::kNamed);
  EXPECT_EQ(seen->requests[1].tool_choice.mode, ToolChoice::Mode::kAuto);
  EXPECT_EQ(seen->requests[1].tools.size(), 2u);
  EXPECT_THAT(seen->wires, ElementsAre(Wire::kWhole, Wire::kWhole));
}

TEST(RunTools, StreamsWhereEventsAreAskedFor) {
  auto seen = std::make_shared<Seen>();
  const TextModel model = watched(mock_turns({asks_for({call("1", "f")}), says("ok")}), seen);
  int starts = 0;
  std::string words;
  ToolOptions options;
  options.on_event = [&](const Event& event) {
    starts += event.kind == Event::Kind::kStart ? 1 : 0;
    if (event.part_kind == Event::PartKind::kText) words += event.data;
  };
  ASSERT_TRUE(run_tools(model, ask("go"), {echoing("f")}, options).answer);
  EXPECT_EQ(starts, 2);
  EXPECT_EQ(words, "Let me see.ok");
  EXPECT_THAT(seen->wires, ElementsAre(Wire::kAuto, Wire::kAuto));
}

TEST(RunTools, SignaturesAndItemsUnknownGoBackWhole) {
  using Kind = Event::Kind;
  using PartKind = Event::PartKind;
  const auto part = [](PartKind kind, std::string_view name, std::string_view bytes,
                       std::string_view end, std::uint32_t index) {
    Event begin = test::event(Kind::kPartBegin, kind, name, index);
    begin.id = kind == PartKind::kToolCall ? "c1" : "";
    Event close = test::event(Kind::kPartEnd, kind, end, index);
    close.id = "item";
    close.extra = R"({"kept":true})";
    return std::vector<Event>{begin, test::event(Kind::kDelta, kind, bytes, index), close};
  };
  std::vector<Event> first = {test::event(Kind::kStart)};
  for (const auto& events : {part(PartKind::kReasoning, "", "hm", "signature", 0),
                             part(PartKind::kOpaque, "strange", "{}", "", 1),
                             part(PartKind::kToolCall, "f", R"({ "a" : 1 })", "", 2)})
    first.insert(first.end(), events.begin(), events.end());
  first.push_back(test::finish(Finish::kToolCalls));
  int turn = 0;
  auto seen = std::make_shared<Seen>();
  const TextModel model =
      watched(test::model([&] {
                return turn++ == 0 ? test::play(first) : test::play(test::text_reply({"ok"}));
              }),
              seen);
  auto run = run_tools(model, ask("go"), {echoing("f")});
  ASSERT_TRUE(run.answer) << run.answer.error();
  ASSERT_EQ(seen->requests.size(), 2u);
  const std::vector<Part>& back = seen->requests[1].messages[1].parts;
  ASSERT_EQ(back.size(), 3u);
  EXPECT_EQ(back[0].get<Reasoning>()->signature, "signature");
  EXPECT_EQ(back[1].get<Opaque>()->type, "strange");
  EXPECT_EQ(back[2].get<ToolCall>()->arguments, R"({ "a" : 1 })");
  for (const Part& one : back) {
    EXPECT_EQ(one.id, "item");
    EXPECT_EQ(one.extra, R"({"kept":true})");
  }
}

TEST(RunTools, APausedTurnGoesOn) {
  const TextModel model = mock_turns({{.deltas = {"x"}, .finish = Finish::kPaused}, says("ok")});
  auto run = run_tools(model, ask("go"), {});
  ASSERT_TRUE(run.answer);
  EXPECT_EQ(run.steps.size(), 2u);
  EXPECT_EQ(run.answer->text(), "ok");
}

TEST(MockTurns, PlaysOneAfterTheOtherAndTheLastAgain) {
  const TextModel model = mock_turns({says("a"), says("b")});
  EXPECT_EQ(model.generate("x")->text(), "a");
  EXPECT_EQ(model.generate("x")->text(), "b");
  EXPECT_EQ(model.generate("x")->text(), "b");
  EXPECT_EQ(mock_turns({}).generate("x").error().code(), Errc::kInvalidRequest);
}

}  // namespace
}  // namespace infer
