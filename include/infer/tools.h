// infer/tools.h - letting a model call functions of this program, until it has its answer.
//
//   infer::ToolFunction weather{
//       .tool = {.name = "get_weather",
//                .description = "The weather in a city now",
//                .schema = R"({"type":"object","properties":{"city":{"type":"string"}}})"},
//       .run = [](std::string_view arguments) -> infer::Result<std::string> {
//         return look_up(arguments);               // arguments: {"city":"Oslo"}
//       }};
//
//   infer::TextRequest request{.messages = {infer::user("Do I need an umbrella in Oslo?")}};
//   auto run = infer::run_tools(*model, request, {weather});
//   if (!run.answer) { std::cerr << run.answer.error() << '\n'; return 1; }
//   std::cout << run.answer->text() << '\n';
//   request.messages = std::move(run.messages);    // for the next turn
//
// One step is one request to the model and the running of the calls in its answer, in their order.
// The answer goes into the conversation whole, ids and signatures included, then the results; then
// the model is asked again, until it answers without a call.
//
// What a model can get wrong it is told, so that it can do better: a tool that is not there (the
// result names those that are), arguments that are not a JSON object, a function's error. Calls
// that the provider runs itself are left alone.
//
// It needs nothing of a backend but TextModel, so that it works with every one and with layers.
// Thread rule: run_tools is a plain function that waits; it and everything that it calls run on the
// calling thread.
#ifndef INFER_TOOLS_H_
#define INFER_TOOLS_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/call.h"
#include "infer/export.h"
#include "infer/message.h"
#include "infer/model.h"
#include "infer/request.h"
#include "infer/result.h"

namespace infer {
inline namespace v0 {

// A tool and the function behind it.
struct ToolFunction {
  Tool tool{};
  // The arguments are a JSON object, "{}" where the model sent none; of a custom tool (free text)
  // they are what the model wrote. The view lives during the call. Gives the text for the model
  // (bytes that are not UTF-8 become U+FFFD), or an Error, whose message the model is shown. Must
  // not throw.
  std::function<Result<std::string>(std::string_view arguments)> run{};
};

// How far to go, and who watches. The hooks must not throw.
struct ToolOptions {
  // Requests to the model, at least 1. When the last of them is answered with calls, these are run
  // too, and the run ends with kBudgetExceeded: run_tools() on its messages goes on from there.
  std::uint32_t max_steps = 8;
  // Whether a function's error ends the run with that error. Default: the model is told.
  bool stop_on_error = false;
  // Every event of every step as it comes (a step begins with kStart). Set: the model streams.
  std::function<void(const Event&)> on_event{};
  // Before a function runs. An Error keeps it from running; the model is told its message.
  std::function<Result<void>(const ToolCall&)> approve{};
  // What a call gave, also where it was not run. `result` lives during the call.
  std::function<void(const ToolCall&, const ToolResult& result)> on_result{};
};

// What came of it; all fields hold what was done, also where the run failed.
struct [[nodiscard]] ToolRun {
  // The last step's answer, or why there is none. Besides the errors of any reply:
  //   kInvalidRequest  n > 1, max_steps 0, two tools of one name, a function without `run`
  //   kBudgetExceeded  max_steps, as detail "limit"; partial() is the last answer
  //   kCancelled, kTimeout  of the Call, within a step or between two
  // A reply that broke off in the middle is in error().partial(), not in `messages`.
  Result<Response> answer = Response{};
  // The whole conversation: the request's messages, answers, results. It can always be sent again:
  // each call in it has its result, for those that were not run one that says so (but `pending`).
  std::vector<Message> messages{};
  // Calls to tools of request.tools that no function stands behind: theirs to run is the caller.
  // With one the run ends; append tool_result(call, ...) to `messages` for each to go on.
  std::vector<ToolCall> pending{};
  // Every step's whole response, oldest first, with its own usage, warnings and log-probabilities.
  std::vector<Response> steps{};
  // All steps together, the one that failed included. `raw` is empty: each step has its own.
  Usage usage{};
};

// Asks the model with `functions` as tools besides request.tools, as told above. The timeouts hold
// for each step but `total`, which holds for the run. Functions are not interrupted: those that
// take long should look at the caller's stop token themselves. A tool_choice that forces a call
// holds until one was made; then the model may answer.
INFER_API ToolRun run_tools(const TextModel& model, TextRequest request,
                            const std::vector<ToolFunction>& functions,
                            const ToolOptions& options = {}, Call call = {});

}  // namespace v0
}  // namespace infer

#endif  // INFER_TOOLS_H_
