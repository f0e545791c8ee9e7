#include "apps/infer/answer_options.h"

#include <charconv>
#include <chrono>
#include <limits>
#include <string_view>
#include <utility>

#include "apps/infer/request_file.h"

namespace infer::cli {
namespace {

using Effort = ReasoningOptions::Effort;

Error bad_option(const char* option, const std::string& what) {
  return Error(Errc::kInvalidRequest, std::string(option) + ": " + what)
      .with_detail("field", std::string(option).substr(2));
}

template <class T>
bool read_number(std::string_view text, T& value) {
  const auto end = text.data() + text.size();
  const auto [at, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && at == end && !text.empty();
}

// "17=-2.5"
std::optional<Error> add_bias(const std::string& text, TextRequest& request) {
  const std::size_t equals = text.find('=');
  std::int32_t token = -1;
  double bias = 0;
  if (equals == std::string::npos ||
      !read_number(std::string_view(text).substr(0, equals), token) || token < 0 ||
      !read_number(std::string_view(text).substr(equals + 1), bias))
    return bad_option("--logit-bias", "'" + text + "' is not ID=VALUE, such as 17=-100");
  request.logit_bias[token] = bias;
  return std::nullopt;
}

std::optional<Effort> effort_of(std::string_view name) {
  constexpr std::pair<std::string_view, Effort> kNames[] = {
      {"none", Effort::kNone},     {"minimal", Effort::kMinimal}, {"low", Effort::kLow},
      {"medium", Effort::kMedium}, {"high", Effort::kHigh},       {"max", Effort::kMax}};
  for (const auto& [known, effort] : kNames)
    if (known == name) return effort;
  return std::nullopt;
}

ToolChoice choice_of(const std::string& text) {
  using Mode = ToolChoice::Mode;
  if (text.empty() || text == "auto") return {};
  if (text == "none") return {.mode = Mode::kNone};
  if (text == "required") return {.mode = Mode::kRequired};
  return {.mode = Mode::kNamed, .name = text};
}

std::optional<Error> read_form(const AnswerOptions& o, infer::Output& output) {
  if (!o.schema_file.empty()) {
    auto schema = read_json_file("--schema", o.schema_file);
    if (!schema) return schema.error();
    output.form = infer::Output::Form::kJsonSchema;
    output.schema = std::move(*schema);
  }
  if (o.json_object) output.form = infer::Output::Form::kJsonObject;
  if (!o.grammar_file.empty()) {
    auto grammar = read_text_file("--grammar", o.grammar_file);
    if (!grammar) return grammar.error();
    if (grammar->empty()) return bad_option("--grammar", o.grammar_file + " is empty");
    output.form = infer::Output::Form::kGrammar;
    output.grammar = std::move(*grammar);
  }
  return std::nullopt;
}

}  // namespace

Call call_of(const Times& times, const StopToken& stop) {
  const auto ms = [](const std::optional<double>& seconds) {
    using Ms = std::chrono::milliseconds;
    std::optional<Ms> time;
    if (seconds) time = Ms(static_cast<Ms::rep>(*seconds * 1000));
    return time;
  };
  Call call;
  call.stop = stop;
  call.timeouts.total = ms(times.total);
  call.timeouts.connect = ms(times.connect);
  call.timeouts.first = ms(times.first);
  call.timeouts.idle = ms(times.idle);
  return call;
}

Result<TextRequest> request_of(const AnswerOptions& o) {
  TextRequest request = o.request;
  for (const std::string& bias : o.logit_bias)
    if (auto error = add_bias(bias, request)) return *error;
  if (!o.effort.empty()) {
    const auto effort = effort_of(o.effort);
    if (!effort)
      return bad_option("--effort",
                        "'" + o.effort + "' is none of none, minimal, low, medium, high, max");
    request.reasoning.effort = *effort;
  }
  if (o.logprobs) request.logprobs = Logprobs{.top = *o.logprobs};
  if (o.truncate) request.truncation = Truncation::kDropOldest;
  if (auto error = read_form(o, request.output)) return *error;
  request.tool_choice = choice_of(o.tool_choice);
  if (o.tools_file.empty()) {
    if (!o.tool_choice.empty())
      return bad_option("--tool-choice", "there are no tools; name --tools FILE");
    return request;
  }
  auto tools = read_tools_file(o.tools_file);
  if (!tools) return tools.error();
  request.tools = std::move(*tools);
  return request;
}

}  // namespace infer::cli
