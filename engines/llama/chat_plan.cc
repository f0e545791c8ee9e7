#include "chat_plan.h"

#include <algorithm>
#include <utility>

#include "guard.h"
#include "refusal.h"

namespace infer::llama {
namespace {

using Mode = ToolChoice::Mode;
using Effort = Thinking::Effort;

[[noreturn]] void refuse(int code, const std::string& field, const std::string& message) {
  throw field_refusal(code, field, message);
}

bool may_call(const Tooling& tooling) {
  return !tooling.tools.empty() && tooling.choice.mode != Mode::kNone;
}

void check_choice(const Tooling& tooling) {
  if (tooling.choice.mode == Mode::kRequired && tooling.tools.empty())
    refuse(INFER_E_INVALID_REQUEST, "tool_choice", "a call is required, but there are no tools");
  if (tooling.choice.mode != Mode::kNamed) return;
  const bool there = std::any_of(tooling.tools.begin(), tooling.tools.end(),
                                 [&](const Tool& t) { return t.name == tooling.choice.name; });
  if (!there)
    refuse(INFER_E_INVALID_REQUEST, "tool_choice.name",
           "\"" + tooling.choice.name + "\" is none of the tools");
}

std::vector<Tool> callable(const Tooling& tooling) {
  if (!may_call(tooling)) return {};
  if (tooling.choice.mode != Mode::kNamed) return tooling.tools;
  std::vector<Tool> one;
  for (const Tool& tool : tooling.tools) {
    if (tool.name == tooling.choice.name) one.push_back(tool);
  }
  return one;
}

// What templates call the levels. Those that know any know these three.
std::string effort_word(Effort effort) {
  switch (effort) {
    case Effort::kMinimal:
    case Effort::kLow: return "low";
    case Effort::kMedium: return "medium";
    case Effort::kHigh:
    case Effort::kMax: return "high";
    default: return {};
  }
}

bool is_json(const OutputForm& output) {
  return output.kind == OutputForm::Kind::kJsonObject ||
         output.kind == OutputForm::Kind::kJsonSchema;
}

std::string joined(const std::vector<PromptPart>& parts) {
  std::string text;
  for (const PromptPart& part : parts) text += part.text;
  return text;
}

bool ends_with_tag(std::string_view text, std::string_view tag) {
  const std::size_t last = text.find_last_not_of(" \t\r\n");
  if (tag.empty() || last == std::string_view::npos || last + 1 < tag.size()) return false;
  return text.substr(last + 1 - tag.size(), tag.size()) == tag;
}

// The marker is no single control token where the vocabulary spells it in several.
std::vector<llama_token> control_tokens(const std::vector<std::string>& markers,
                                        const Vocabulary& vocabulary) {
  std::vector<llama_token> tokens;
  for (const std::string& marker : markers) {
    const llama_token token = vocabulary.token_named(marker);
    if (token >= 0 && llama_vocab_is_control(vocabulary.engine(), token)) tokens.push_back(token);
  }
  std::sort(tokens.begin(), tokens.end());
  return tokens;
}

void plan_thinking(const ChatTemplate& how, const ChatFormat& format, const TextRequest& request,
                   ChatPlan& plan) {
  const Effort effort = request.tooling.thinking.effort;
  plan.thinking = effort != Effort::kNone;
  // What must have a form had better not be thought about first, unless that is asked for.
  const bool formed = request.output.kind != OutputForm::Kind::kText;
  if (formed && effort == Effort::kUnset) plan.thinking = !how.knows_thinking();
  if (effort == Effort::kUnset) return;
  if (effort == Effort::kNone) {
    if (format.thinks() && !how.knows_thinking())
      plan.warnings.push_back(unsupported_setting(
          "reasoning.effort", "the model's chat template cannot turn its reasoning off"));
    return;
  }
  if (how.knows_effort()) {
    plan.effort = effort_word(effort);
  } else {
    plan.warnings.push_back(unsupported_setting(
        "reasoning.effort", format.thinks() ? "the model's chat template knows no levels"
                                            : "the model's chat template knows no reasoning"));
  }
}

}  // namespace

struct Chat::Side {
  Side(const std::string& source, const Vocabulary& vocabulary)
      : chat_template(source, vocabulary.control_text(vocabulary.bos()),
                      vocabulary.control_text(vocabulary.eos())),
        format(chat_template) {}

  const ChatTemplate chat_template;
  const ChatFormat format;
};

std::unique_ptr<AnswerParser> ChatPlan::parser() const {
  return format == nullptr ? nullptr : make_answer_parser(format);
}

Chat::Chat(const std::string& source, const std::string& tool_source, const Vocabulary& vocabulary)
    : vocabulary_(vocabulary) {
  if (!source.empty()) plain_ = std::make_unique<Side>(source, vocabulary);
  if (!tool_source.empty()) tool_ = std::make_unique<Side>(tool_source, vocabulary);
  if (plain_ == nullptr) plain_ = std::move(tool_);
}

Chat::~Chat() = default;

bool Chat::calls_tools() const {
  return (plain_ != nullptr && plain_->format.calls_tools()) ||
         (tool_ != nullptr && tool_->format.calls_tools());
}
bool Chat::thinks() const { return plain_ != nullptr && plain_->format.thinks(); }

const Chat::Side* Chat::side(const TextRequest& request) const {
  return tool_ != nullptr && !request.tooling.tools.empty() ? tool_.get() : plain_.get();
}

std::vector<PromptPart> Chat::parts(const std::vector<ChatMessage>& messages,
                                    const TextRequest& request, const ChatPlan& plan,
                                    std::string& guard) const {
  const Side* how = side(request);
  if (how != nullptr) {
    const GuardedChat guarded(messages, request.tooling.tools, vocabulary_);
    guard = guarded.guard();
    return how->chat_template.render(
        {guarded.messages(), guarded.tools(), plan.thinking, plan.effort});
  }
  PromptPart all = {true, {}};
  for (const ChatMessage& m : messages) {
    if (!all.text.empty() && !m.text.empty()) all.text += "\n\n";
    all.text += m.text;
  }
  return {all};
}

std::vector<llama_token> Chat::prompt(const std::vector<ChatMessage>& messages,
                                      const TextRequest& request, const ChatPlan& plan) const {
  std::string guard;
  const std::vector<PromptPart> rendered = parts(messages, request, plan, guard);
  return vocabulary_.tokenize(rendered, guard);
}

ChatPlan Chat::plan(const TextRequest& request) const {
  const Tooling& tooling = request.tooling;
  ChatPlan plan;
  check_choice(tooling);
  const Side* how = side(request);
  if (!tooling.tools.empty() && (how == nullptr || !how->chat_template.shows_tools())) {
    refuse(INFER_E_UNSUPPORTED, "tools",
           how == nullptr ? "the model has no chat template that could tell it of them"
                          : "the model's chat template has no place for them");
  }
  if (may_call(tooling) && !how->format.calls_tools())
    refuse(INFER_E_UNSUPPORTED, "tools",
           "it cannot be made out from the model's chat template how it calls them");
  if (may_call(tooling) && request.output.kind != OutputForm::Kind::kText)
    refuse(INFER_E_UNSUPPORTED, "output",
           "an answer cannot be held to a form while it may call tools: leave one out, or set "
           "tool_choice to none");
  if (how != nullptr) {
    plan_thinking(how->chat_template, how->format, request, plan);
    std::string guard;
    const std::vector<PromptPart> rendered = parts(request.messages, request, plan, guard);
    plan.prompt = vocabulary_.tokenize(rendered, guard);
    plan_answer(*how, request, ends_with_tag(joined(rendered), how->format.think_begin()), plan);
    plan_budget(*how, request, plan);
  } else {
    plan.prompt = prompt(request.messages, request, plan);
    plan.grammar = grammar_of(request.output);
  }
  return plan;
}

// The grammar of an output takes the place of a format, but for reasoning that comes first.
void Chat::plan_answer(const Side& how, const TextRequest& request, bool open,
                       ChatPlan& plan) const {
  const ChatFormat& format = how.format;
  const OutputForm& output = request.output;
  const bool thinks_first =
      is_json(output) && format.thinks() &&
      (open || (plan.thinking && request.tooling.thinking.effort != Effort::kUnset &&
                !format.think_begin().empty()));
  if (thinks_first) {
    const bool any = output.kind == OutputForm::Kind::kJsonObject;
    plan.grammar.gbnf =
        format.thinking_json_grammar(any ? R"({"type": "object"})" : output.schema, open);
    plan.grammar.field = "output.schema";
    auto tags = std::make_shared<AnswerFormat>();
    tags->think_begin = format.think_begin();
    tags->think_end = format.think_end();
    tags->thinking = open;
    plan.shown = control_tokens({tags->think_begin, tags->think_end}, vocabulary_);
    plan.format = std::move(tags);
    return;
  }
  if (output.kind != OutputForm::Kind::kText) {
    plan.grammar = grammar_of(output);
    return;
  }
  const Mode mode = request.tooling.choice.mode;
  AnswerPlan answer =
      format.plan({.messages = request.messages,
                   .tools = callable(request.tooling),
                   .required = mode == Mode::kRequired || mode == Mode::kNamed,
                   .parallel = request.tooling.parallel.value_or(format.calls_parallel()),
                   .thinking = plan.thinking,
                   .open = open});
  plan.shown = control_tokens(answer.markers, vocabulary_);
  plan.grammar = std::move(answer.grammar);
  plan.stops = std::move(answer.stops);
  plan.format = std::move(answer.format);
}

void Chat::plan_budget(const Side& how, const TextRequest& request, ChatPlan& plan) const {
  const std::optional<int32_t> tokens = request.tooling.thinking.budget_tokens;
  if (!tokens || plan.format == nullptr || !how.format.thinks()) return;
  ThinkingBudget budget = {*tokens, vocabulary_.tokenize({{false, how.format.think_end()}}, {})};
  if (!budget.end.empty() && budget.end[0] == vocabulary_.bos())
    budget.end.erase(budget.end.begin());
  plan.budget = std::move(budget);
}

}  // namespace infer::llama
