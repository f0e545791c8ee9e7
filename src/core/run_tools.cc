#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "infer/tools.h"
#include "src/core/from_now.h"
#include "src/core/json.h"
#include "src/core/utf8.h"

namespace infer {
inline namespace v0 {

namespace {

Error invalid(const std::string& field, const std::string& what) {
  return Error(Errc::kInvalidRequest, field + ": " + what).with_detail("field", field);
}

template <class T>
void add(std::optional<T>& sum, const std::optional<T>& more) {
  if (more) sum = sum.value_or(T{}) + *more;
}

void add(Usage& sum, const Usage& more) {
  add(sum.input, more.input);
  add(sum.cache_read, more.cache_read);
  add(sum.cache_write, more.cache_write);
  add(sum.output, more.output);
  add(sum.reasoning, more.reasoning);
  add(sum.timing.queue, more.timing.queue);
  add(sum.timing.connect, more.timing.connect);
  add(sum.timing.prefill, more.timing.prefill);
  add(sum.timing.decode, more.timing.decode);
  // To the first content of the run, not of all steps in a row.
  if (!sum.timing.first) sum.timing.first = more.timing.first;
}

class Runner {
 public:
  Runner(const TextModel& model, TextRequest request, const std::vector<ToolFunction>& functions,
         const ToolOptions& options, Call call)
      : model_(model),
        request_(std::move(request)),
        functions_(functions),
        options_(options),
        call_(std::move(call)) {
    // One end for the whole run: stream() only ever shortens it.
    call_.deadline = std::min(call_.deadline, core::from_now(call_.timeouts.total));
    if (call_.wire == Wire::kAuto && !options_.on_event) call_.wire = Wire::kWhole;
  }

  ToolRun run() {
    std::optional<Error> error = take_functions();
    while (!error && !done_) error = step();
    if (error)
      out_.answer = std::move(*error);
    else
      out_.answer = out_.steps.back();
    out_.messages = std::move(request_.messages);
    return std::move(out_);
  }

 private:
  std::optional<Error> take_functions();
  std::optional<Error> stopped() const;
  std::optional<Error> step();
  std::optional<Error> ask();
  std::optional<Error> run_calls(const std::vector<ToolCall>& calls);
  Result<std::string> run_call(const ToolCall& call, std::optional<Error>& end);
  Result<std::string> arguments_of(const ToolCall& call) const;
  void put_result(const ToolCall& call, const Result<std::string>& result);
  const ToolFunction* function(std::string_view name) const;
  bool is_callers(const ToolCall& call) const;
  std::string known_tools() const;

  const TextModel& model_;
  TextRequest request_;  // its messages are the conversation
  const std::vector<ToolFunction>& functions_;
  const ToolOptions& options_;
  Call call_;
  std::size_t callers_tools_ = 0;  // the first of request_.tools; the others are functions
  ToolRun out_;
  bool done_ = false;
};

std::optional<Error> Runner::take_functions() {
  if (request_.n > 1)
    return invalid("n", "must be 1: of several answers it is not known which to go on with");
  if (options_.max_steps == 0) return invalid("max_steps", "must be at least 1");
  callers_tools_ = request_.tools.size();
  for (std::size_t i = 0; i < functions_.size(); ++i) {
    const std::string field = "functions[" + std::to_string(i) + "]";
    const Tool& tool = functions_[i].tool;
    if (!functions_[i].run) return invalid(field + ".run", "is empty, give it a function");
    if (tool.name.empty()) return invalid(field + ".tool.name", "a tool needs a name");
    for (const Tool& other : request_.tools)
      if (other.name == tool.name)
        return invalid(field + ".tool.name", "there are two tools called " + tool.name);
    request_.tools.push_back(tool);
  }
  return std::nullopt;
}

std::optional<Error> Runner::stopped() const {
  if (call_.stop.stop_requested())
    return Error(call_.stop.reason().value_or(Errc::kCancelled), "the caller asked to stop");
  if (call_.deadline != Clock::time_point::max() && Clock::now() >= call_.deadline)
    return Error(Errc::kTimeout, "the model and its tools took longer than the total time allows")
        .with_detail("timeout", "total");
  return std::nullopt;
}

std::optional<Error> Runner::step() {
  if (auto error = stopped()) return error;
  if (auto error = ask()) return error;
  std::vector<ToolCall> calls = out_.steps.back().tool_calls();
  std::erase_if(calls, [](const ToolCall& call) { return call.provider_executed; });
  if (auto error = run_calls(calls)) return error;
  const bool paused = out_.steps.back().finish() == Finish::kPaused;
  done_ = !out_.pending.empty() || (calls.empty() && !paused);
  if (done_ || out_.steps.size() < options_.max_steps) return std::nullopt;
  const std::string limit = std::to_string(options_.max_steps);
  return Error(Errc::kBudgetExceeded,
               "the model has no answer after " + limit +
                   (options_.max_steps == 1 ? " step" : " steps") +
                   " (max_steps); go on with the messages of this run, or allow more")
      .with_detail("limit", limit);
}

// One request; its answer becomes a part of the conversation.
std::optional<Error> Runner::ask() {
  Reply reply = model_.stream(request_, call_);
  while (const Event* event = reply.next())
    if (options_.on_event) options_.on_event(*event);
  add(out_.usage, reply.response().usage);
  auto response = reply.finish();
  if (!response) return response.error();
  if (!response->message().parts.empty()) request_.messages.push_back(response->message());
  out_.steps.push_back(std::move(*response));
  return std::nullopt;
}

// The reason to end the run, if one came up. Every call gets a result nevertheless.
std::optional<Error> Runner::run_calls(const std::vector<ToolCall>& calls) {
  std::optional<Error> end;
  for (const ToolCall& call : calls) {
    if (is_callers(call)) {
      out_.pending.push_back(call);
      continue;
    }
    if (!end) end = stopped();
    put_result(call, end ? Error(end->code(), "not run: the work was stopped before this call")
                         : run_call(call, end));
  }
  using Mode = ToolChoice::Mode;
  // Forced to call again and again the model could never answer.
  const Mode mode = request_.tool_choice.mode;
  if (!calls.empty() && (mode == Mode::kRequired || mode == Mode::kNamed))
    request_.tool_choice = {};
  return end;
}

Result<std::string> Runner::run_call(const ToolCall& call, std::optional<Error>& end) {
  const ToolFunction* const known = function(call.name);
  if (!known)
    return Error(Errc::kNotFound,
                 "there is no tool called \"" + call.name + "\"; " + known_tools());
  const auto arguments = arguments_of(call);
  if (!arguments) return arguments.error();
  if (options_.approve)
    if (auto allowed = options_.approve(call); !allowed) return allowed.error();
  auto result = known->run(*arguments);
  if (!result && options_.stop_on_error) end = result.error();
  return result;
}

Result<std::string> Runner::arguments_of(const ToolCall& call) const {
  if (call.custom) return call.arguments;
  if (call.arguments.find_first_not_of(" \t\r\n") == std::string::npos) return std::string("{}");
  auto json = core::parse_json(call.arguments, core::kMaxInnerJsonDepth);
  if (json && json->is_object()) return call.arguments;
  std::string what = json ? "not a JSON object" : json.error().message();
  if (out_.steps.back().finish() == Finish::kLength) what += " (the answer was cut at max_tokens)";
  return Error(Errc::kInvalidRequest, "the arguments of " + call.name + " are wrong: " + what +
                                          "; write them as one JSON object");
}

void Runner::put_result(const ToolCall& call, const Result<std::string>& result) {
  const std::string& text = result ? *result : result.error().message();
  // A request with other bytes would be refused, and the conversation with it.
  request_.messages.push_back(tool_result(call, core::utf8_repaired(text), !result));
  if (options_.on_result)
    options_.on_result(call, *request_.messages.back().parts.front().get<ToolResult>());
}

const ToolFunction* Runner::function(std::string_view name) const {
  for (const ToolFunction& known : functions_)
    if (known.tool.name == name) return &known;
  return nullptr;
}

bool Runner::is_callers(const ToolCall& call) const {
  for (std::size_t i = 0; i < callers_tools_; ++i)
    if (request_.tools[i].name == call.name) return true;
  return false;
}

std::string Runner::known_tools() const {
  std::string names;
  for (const Tool& tool : request_.tools)
    if (!tool.name.empty()) names += (names.empty() ? "" : ", ") + tool.name;
  return names.empty() ? "there are no tools" : "the tools are: " + names;
}

}  // namespace

ToolRun run_tools(const TextModel& model, TextRequest request,
                  const std::vector<ToolFunction>& functions, const ToolOptions& options,
                  Call call) {
  return Runner(model, std::move(request), functions, options, std::move(call)).run();
}

}  // namespace v0
}  // namespace infer
