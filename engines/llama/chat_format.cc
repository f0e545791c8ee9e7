#include "chat_format.h"

#include <algorithm>
#include <exception>
#include <regex>
#include <utility>

#include "chat-auto-parser.h"
#include "json-schema-to-grammar.h"
#include "json.h"
#include "peg-parser.h"
#include "refusal.h"

namespace infer::llama {
namespace {

using autoparser::generation_params;

constexpr char kBlanks[] = " \t\r\n\v\f";

std::string trimmed(const std::string& text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

common_json to_json(const std::vector<Tool>& tools) {
  common_json out = common_json::array();
  for (const Tool& tool : tools) {
    common_json function = common_json::object();
    function["name"] = tool.name;
    function["description"] = tool.description;
    function["parameters"] = common_json::parse(tool.schema);
    common_json object = common_json::object();
    object["type"] = "function";
    object["function"] = function;
    out.push_back(object);
  }
  return out;
}

common_json to_json(const ChatMessage& message, bool object_arguments) {
  common_json out = common_json::object();
  out["role"] = message.role == "developer" ? "system" : message.role;
  out["content"] = message.text;
  if (!message.reasoning.empty()) out["reasoning_content"] = message.reasoning;
  if (!message.name.empty()) out["name"] = message.name;
  if (!message.tool_call_id.empty()) out["tool_call_id"] = message.tool_call_id;
  if (message.tool_calls.empty()) return out;
  common_json calls = common_json::array();
  for (const ToolCall& call : message.tool_calls) {
    common_json function = common_json::object();
    function["name"] = call.name;
    if (object_arguments && call.tree) {
      function["arguments"] = common_json::parse(call.arguments);
    } else {
      function["arguments"] = call.arguments;
    }
    common_json object = common_json::object();
    object["type"] = "function";
    object["function"] = function;
    object["id"] = call.id;
    calls.push_back(object);
  }
  out["tool_calls"] = calls;
  return out;
}

// llama.cpp's grammar of several calls is also satisfied by none: "(tool-call? space)+".
std::string with_a_call(const std::string& gbnf) {
  static const std::regex kPerhaps(R"(\(([a-z0-9-]+)\? space\)\+)");
  return std::regex_replace(gbnf, kPerhaps, "($1 space)+");
}

std::string grammar_text(const common_peg_arena& parser, bool calls_only) {
  return build_grammar(
      [&](const common_grammar_builder& builder) { parser.build_grammar(builder, calls_only); });
}

}  // namespace

struct ChatFormat::Impl {
  const ChatTemplate& chat_template;
  bool special = false, known = false;
  autoparser::autoparser analysis;
  std::string think_begin, think_end;
  bool thinks = false;

  explicit Impl(const ChatTemplate& t) : chat_template(t) {}

  const common_chat_template& common() const { return chat_template.common(); }

  generation_params params_of(const AnswerWish& wish) const {
    generation_params params;
    common_json messages = common_json::array();
    for (const ChatMessage& m : wish.messages)
      messages.push_back(to_json(m, common().caps.supports_object_arguments));
    params.messages = messages;
    if (!wish.tools.empty()) params.tools = to_json(wish.tools);
    params.parallel_tool_calls = wish.parallel;
    params.reasoning_format = COMMON_REASONING_FORMAT_AUTO;
    params.enable_thinking = wish.thinking;
    params.add_generation_prompt = true;
    params.extra_context = common_json::object();
    return params;
  }

  bool wrapped() const { return !special && analysis.content.is_always_wrapped(); }
  bool calls_tools() const {
    if (!known || !chat_template.shows_tools()) return false;
    return special || analysis.tools.format.mode != autoparser::tool_format::NONE;
  }

  void plan_whole(const AnswerWish& wish, AnswerPlan& plan) const;
  void plan_tags(const AnswerWish& wish, AnswerPlan& plan) const;
  std::shared_ptr<const CallFormat> calls_of(const AnswerWish& wish, AnswerPlan& plan) const;
  common_peg_arena call_parser(const AnswerWish& wish, bool thinking_first) const;
};

ChatFormat::ChatFormat(const ChatTemplate& chat_template) {
  auto impl = std::make_unique<Impl>(chat_template);
  try {
    ChatMessage hello;
    hello.role = "user";
    hello.text = "Hello";
    const std::vector<ChatMessage> messages = {hello};
    generation_params params = impl->params_of({.messages = messages, .tools = {}});
    const auto special =
        common_chat_try_specialized_template(impl->common(), impl->common().src, params);
    impl->special = special.has_value();
    if (special) {
      impl->thinks = special->supports_thinking;
      impl->think_begin = trimmed(special->thinking_start_tag);
      if (!special->thinking_end_tags.empty())
        impl->think_end = trimmed(special->thinking_end_tags.front());
    } else {
      impl->analysis.analyze_template(impl->common());
      impl->thinks = impl->analysis.reasoning.mode != autoparser::reasoning_mode::NONE;
      impl->think_begin = trimmed(impl->analysis.reasoning.start);
      impl->think_end = trimmed(impl->analysis.reasoning.end);
    }
    impl->thinks = impl->thinks && !impl->think_end.empty();
    impl->known = true;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception&) {
    impl->special = impl->thinks = false;
    impl->think_begin = impl->think_end = "";
  }
  impl_ = std::move(impl);
}

ChatFormat::~ChatFormat() = default;

bool ChatFormat::calls_tools() const { return impl_->calls_tools(); }
bool ChatFormat::calls_parallel() const {
  return calls_tools() && impl_->common().caps.supports_parallel_tool_calls;
}
bool ChatFormat::thinks() const { return impl_->thinks; }
const std::string& ChatFormat::think_begin() const { return impl_->think_begin; }
const std::string& ChatFormat::think_end() const { return impl_->think_end; }

// The parser of calls alone, which begins where a call does. `thinking_first`: it begins within
// reasoning instead.
common_peg_arena ChatFormat::Impl::call_parser(const AnswerWish& wish, bool thinking_first) const {
  const generation_params params =
      params_of({.messages = {}, .tools = wish.tools, .parallel = wish.parallel});
  autoparser::analyze_tools tools = analysis.tools;
  if (!wish.parallel && tools.format.section_start.empty()) {
    // llama.cpp repeats what has marks of its own, so one call becomes the whole section.
    tools.format.section_start = std::exchange(tools.format.per_call_start, {});
    tools.format.section_end = std::exchange(tools.format.per_call_end, {});
  }
  generation_params how = params;
  if (thinking_first) how.tool_choice = COMMON_CHAT_TOOL_CHOICE_REQUIRED;
  return build_chat_peg_parser([&](common_chat_peg_builder& p) {
    autoparser::parser_build_context context(p, how);
    context.content = &analysis.content;
    context.reasoning = &analysis.reasoning;
    if (thinking_first)
      context.reasoning_parser = p.reasoning(p.until(think_end)) + p.literal(think_end) + p.space();
    return tools.build_parser(context);
  });
}

std::shared_ptr<const CallFormat> ChatFormat::Impl::calls_of(const AnswerWish& wish,
                                                             AnswerPlan& plan) const {
  const autoparser::tool_format_analysis& format = analysis.tools.format;
  const std::string& marker =
      format.section_start.empty() ? format.per_call_start : format.section_start;
  auto calls = std::make_shared<CallFormat>();
  calls->parser = call_parser(wish, false);
  calls->lead = marker.substr(0, marker.find(trimmed(marker)));
  calls->has_ids = !format.id_field.empty() || !format.gen_id_field.empty();
  GrammarSpec& grammar = plan.grammar;
  if (wish.required && wish.open) {
    grammar.gbnf = with_a_call(grammar_text(call_parser(wish, true), false));
  } else if (wish.required || !marker.empty()) {
    grammar.gbnf = with_a_call(grammar_text(calls->parser, true));
    grammar.lazy = !wish.required;
  }
  if (grammar.lazy) grammar.trigger_words = {trimmed(marker)};
  if (grammar.lazy && format.openai_wrapper_trigger)
    grammar.trigger_words.push_back("{\"type\": \"function\",");
  return calls;
}

// Where the tags are known.
void ChatFormat::Impl::plan_tags(const AnswerWish& wish, AnswerPlan& plan) const {
  if (!thinks && wish.tools.empty()) return;
  auto format = std::make_shared<AnswerFormat>();
  if (thinks) {
    format->think_begin = think_begin;
    format->think_end = think_end;
    // Where only the end is marked, an answer begins with its reasoning.
    format->thinking = wish.open || (think_begin.empty() && wish.thinking);
  }
  if (!wish.tools.empty()) {
    format->calls = calls_of(wish, plan);
    format->parallel = wish.parallel;
    const autoparser::tool_format_analysis& marks = analysis.tools.format;
    const std::string marker =
        trimmed(marks.section_start.empty() ? marks.per_call_start : marks.section_start);
    format->triggers = {marker.empty() ? "{" : marker};
    if (marks.openai_wrapper_trigger) format->triggers.push_back("{\"type\": \"function\",");
  }
  plan.markers = analysis.preserved_tokens;
  plan.stops = analysis.additional_stops;
  plan.format = std::move(format);
}

// Where llama.cpp's parser must see the answer from its beginning, and of the prompt what belongs
// to the answer.
void ChatFormat::Impl::plan_whole(const AnswerWish& wish, AnswerPlan& plan) const {
  generation_params params = params_of(wish);
  const common_chat_params made =
      special ? common_chat_try_specialized_template(common(), common().src, params).value()
              : autoparser::peg_generator::generate_parser(common(), params, analysis);
  auto calls = std::make_shared<CallFormat>();
  calls->parser.load(made.parser);
  calls->format = made.format;
  calls->lead = made.generation_prompt;
  calls->whole = true;
  auto format = std::make_shared<AnswerFormat>();
  format->thinking = wish.open;
  format->calls = std::move(calls);
  plan.markers = made.preserved_tokens;
  plan.stops = made.additional_stops;
  plan.format = std::move(format);
  if (wish.tools.empty()) return;
  if (wish.required && (wish.open || !made.grammar_lazy || made.grammar.empty())) {
    throw field_refusal(INFER_E_UNSUPPORTED, "tool_choice",
                        "with this model's format a call cannot be forced" +
                            std::string(wish.open ? " while it thinks; set reasoning.effort none, "
                                                    "or"
                                                  : ";") +
                            " use auto");
  }
  plan.grammar.gbnf = with_a_call(made.grammar);
  plan.grammar.lazy = !wish.required;
  for (const common_grammar_trigger& trigger : made.grammar_triggers) {
    const bool pattern = trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN ||
                         trigger.type == COMMON_GRAMMAR_TRIGGER_TYPE_PATTERN_FULL;
    (pattern ? plan.grammar.trigger_patterns : plan.grammar.trigger_words).push_back(trigger.value);
  }
}

AnswerPlan ChatFormat::plan(const AnswerWish& wish) const {
  AnswerPlan plan;
  if (!impl_->known) return plan;
  try {
    if (impl_->special || impl_->wrapped()) {
      impl_->plan_whole(wish, plan);
    } else {
      impl_->plan_tags(wish, plan);
    }
  } catch (const Refusal&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw field_refusal(INFER_E_INVALID_REQUEST, "tools",
                        "no grammar can be made of them: " + std::string(e.what()));
  }
  return plan;
}

std::string ChatFormat::thinking_json_grammar(const std::string& schema, bool open) const {
  try {
    const common_json json = common_json::parse(schema);
    return grammar_text(build_chat_peg_parser([&](common_chat_peg_builder& p) {
                          const common_peg_parser begin = p.literal(open ? "" : impl_->think_begin);
                          return begin + p.reasoning(p.until(impl_->think_end)) +
                                 p.literal(impl_->think_end) + p.space() +
                                 p.content(p.schema(p.json(), "answer", json));
                        }),
                        false);
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw field_refusal(INFER_E_INVALID_REQUEST, "output.schema",
                        "no grammar can be made of it: " + std::string(e.what()));
  }
}

}  // namespace infer::llama
