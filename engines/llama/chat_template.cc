#include "chat_template.h"

#include <algorithm>
#include <cctype>
#include <ctime>
#include <utility>

#include "chat.h"
#include "refusal.h"
#include "template_limits.h"

namespace infer::llama {
namespace {

jinja::value text_value(const std::string& text) {
  return jinja::mk_val<jinja::value_string>(text);
}

// Text that came with the request: the runtime carries the mark to the output.
jinja::value user_value(const std::string& text) {
  auto value = jinja::mk_val<jinja::value_string>(text);
  value->mark_input();
  return value;
}

jinja::value tree_value(const Tree& tree) {
  switch (tree.kind) {
    case Tree::Kind::kBool: return jinja::mk_val<jinja::value_bool>(tree.truth);
    case Tree::Kind::kInt: return jinja::mk_val<jinja::value_int>(tree.integer);
    case Tree::Kind::kFloat: return jinja::mk_val<jinja::value_float>(tree.number);
    case Tree::Kind::kString: return user_value(tree.text);
    case Tree::Kind::kArray: {
      auto array = jinja::mk_val<jinja::value_array>();
      for (const Tree& item : tree.items) array->push_back(tree_value(item));
      return array;
    }
    case Tree::Kind::kObject: {
      auto object = jinja::mk_val<jinja::value_object>();
      for (std::size_t i = 0; i < tree.keys.size(); ++i) {
        object->insert(user_value(tree.keys[i]), tree_value(tree.items[i]));
      }
      return object;
    }
    case Tree::Kind::kNull: break;
  }
  return jinja::mk_val<jinja::value_none>();
}

void put(jinja::value_object& object, const char* key, const jinja::value& value) {
  object->insert(text_value(key), value);
}

// The reason at the end of the runtime's report, which otherwise draws the place in the template.
std::string reason_of(const std::exception& e) {
  std::string text = e.what();
  const std::size_t at = text.rfind("Error: ");
  if (at != std::string::npos) text.erase(0, at + 7);
  return text;
}

bool holds(const std::string& text, const char* piece) {
  return text.find(piece) != std::string::npos;
}

// Mistral's templates refuse every id of a call that is not nine letters and digits, so the ids of
// others become such, the same id the same each time.
std::string nine_characters(const std::string& id) {
  const bool fits = id.size() == 9 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
                      return std::isalnum(c) != 0;
                    });
  if (fits) return id;
  static const char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  uint64_t hash = 14695981039346656037U;  // FNV-1a
  for (const char c : id) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  std::string out;
  for (int i = 0; i < 9; ++i, hash >>= 5) out += kDigits[hash & 31];
  return out;
}

std::string date(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  localtime_r(&now, &parts);
  char text[32];
  return std::string(text, std::strftime(text, sizeof(text), format, &parts));
}

jinja::value tools_value(const std::vector<Tool>& tools) {
  auto array = jinja::mk_val<jinja::value_array>();
  for (const Tool& tool : tools) {
    auto function = jinja::mk_val<jinja::value_object>();
    put(function, "name", user_value(tool.name));
    put(function, "description", user_value(tool.description));
    put(function, "parameters", tree_value(tool.tree));
    auto object = jinja::mk_val<jinja::value_object>();
    put(object, "type", text_value("function"));
    put(object, "function", function);
    array->push_back(object);
  }
  return array;
}

bool is_system(const ChatMessage& message) {
  return message.role == "system" || message.role == "developer";
}

// Several system messages at the beginning as one, for templates that know but one.
std::vector<ChatMessage> merge_systems(std::vector<ChatMessage> messages) {
  while (messages.size() > 1 && is_system(messages[0]) && is_system(messages[1])) {
    messages[0].text += "\n\n" + messages[1].text;
    messages.erase(messages.begin() + 1);
  }
  return messages;
}

}  // namespace

struct ChatTemplate::Impl {
  std::unique_ptr<const common_chat_template> common;
  bool knows_developer = false, knows_thinking = false, nine_character_ids = false;
  // gpt-oss and LFM2 call reasoning "thinking"; gpt-oss wants no text beside a call then.
  bool thinking_key = false, gpt_oss = false, thinking_blocks = false;
  // Gemma 4's first template leaves the results of tools out.
  bool drops_results = false;

  const jinja::caps& caps() const { return common->caps; }

  jinja::value content(const std::string& text) const {
    if (caps().supports_string_content || !caps().supports_typed_content) return user_value(text);
    auto part = jinja::mk_val<jinja::value_object>();
    put(part, "type", text_value("text"));
    put(part, "text", user_value(text));
    auto parts = jinja::mk_val<jinja::value_array>();
    parts->push_back(part);
    return parts;
  }

  jinja::value call_id(const std::string& id) const {
    return user_value(nine_character_ids ? nine_characters(id) : id);
  }

  jinja::value tool_calls(const std::vector<ToolCall>& calls) const {
    auto array = jinja::mk_val<jinja::value_array>();
    for (const ToolCall& call : calls) {
      auto function = jinja::mk_val<jinja::value_object>();
      put(function, "name", user_value(call.name));
      const bool as_object = caps().supports_object_arguments && call.tree.has_value();
      put(function, "arguments", as_object ? tree_value(*call.tree) : user_value(call.arguments));
      auto object = jinja::mk_val<jinja::value_object>();
      put(object, "type", text_value("function"));
      put(object, "function", function);
      if (!call.id.empty() || nine_character_ids) put(object, "id", call_id(call.id));
      array->push_back(object);
    }
    return array;
  }

  // Ministral's way: what was thought and what was said as two blocks.
  jinja::value blocks(const ChatMessage& from) const {
    auto list = jinja::mk_val<jinja::value_array>();
    const auto add = [&](const char* type, const std::string& text) {
      auto block = jinja::mk_val<jinja::value_object>();
      put(block, "type", text_value(type));
      put(block, type, user_value(text));
      list->push_back(block);
    };
    if (!from.reasoning.empty()) add("thinking", from.reasoning);
    add("text", from.text);
    return list;
  }

  jinja::value message(const ChatMessage& from) const {
    auto object = jinja::mk_val<jinja::value_object>();
    const bool rename = from.role == "developer" && !knows_developer;
    put(object, "role", text_value(rename ? "system" : from.role));
    const bool in_blocks =
        thinking_blocks && (from.role == "assistant" || from.role == "system" || rename);
    const bool thought = !from.reasoning.empty() && !in_blocks;
    if (!(gpt_oss && thought && !from.tool_calls.empty()))
      put(object, "content", in_blocks ? blocks(from) : content(from.text));
    if (thought) put(object, "reasoning_content", user_value(from.reasoning));
    if (thought && thinking_key) put(object, "thinking", user_value(from.reasoning));
    if (!from.name.empty()) put(object, "name", user_value(from.name));
    if (!from.tool_call_id.empty()) put(object, "tool_call_id", call_id(from.tool_call_id));
    if (!from.tool_calls.empty()) put(object, "tool_calls", tool_calls(from.tool_calls));
    return object;
  }

  // A template without a system role gets the system's text at the head of the next message.
  std::vector<ChatMessage> adapt(std::vector<ChatMessage> messages) const {
    if (caps().supports_system_role || messages.empty() || !is_system(messages[0])) return messages;
    messages = merge_systems(std::move(messages));
    if (messages.size() == 1) {
      messages[0].role = "user";
      return messages;
    }
    messages[1].text = messages[0].text + "\n" + messages[1].text;
    messages.erase(messages.begin());
    return messages;
  }

  std::vector<PromptPart> run(const std::vector<ChatMessage>& messages,
                              const ChatInput& input) const {
    auto list = jinja::mk_val<jinja::value_array>();
    for (const ChatMessage& m : messages) list->push_back(message(m));
    jinja::context context(common->src);
    context.set_val("messages", list);
    context.set_val("bos_token", text_value(common->bos_tok));
    context.set_val("eos_token", text_value(common->eos_tok));
    context.set_val("enable_thinking", jinja::mk_val<jinja::value_bool>(input.thinking));
    if (!input.tools.empty()) context.set_val("tools", tools_value(input.tools));
    context.set_val("datetime", text_value(date("%b %d %Y")));
    context.set_val("date_string", text_value(date("%d %b %Y")));
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(true));
    if (!input.effort.empty()) jinja::caps_apply_reasoning_effort(context, input.effort);
    jinja::runtime runtime(context);
    const jinja::value_string text =
        jinja::runtime::gather_string_parts(runtime.execute(common->prog));
    std::vector<PromptPart> out;
    for (const jinja::string_part& part : text->val_str.parts) {
      out.push_back(PromptPart{part.is_input, part.val});
    }
    return out;
  }
};

ChatTemplate::ChatTemplate(const std::string& source, const std::string& bos_text,
                           const std::string& eos_text) {
  auto impl = std::make_unique<Impl>();
  try {
    check_template(source);
    impl->common = std::make_unique<const common_chat_template>(source, bos_text, eos_text);
    if (holds(source, "<|channel|>") || holds(source, "[TOOL_CALLS]")) {
      // Of these, llama.cpp mends what is broken in the templates that models were published with.
      const common_chat_templates_ptr mended =
          common_chat_templates_init(nullptr, source, bos_text, eos_text);
      impl->common = std::make_unique<const common_chat_template>(
          common_chat_templates_source(mended.get()), bos_text, eos_text);
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Refusal(INFER_E_INVALID_REQUEST,
                  "the model's chat template cannot be read: " + reason_of(e));
  }
  const std::string& text = impl->common->src;
  impl->knows_developer = holds(text, "developer");
  impl->knows_thinking = holds(text, "enable_thinking");
  impl->nine_character_ids = holds(text, "alphanumeric strings with length 9");
  impl->thinking_blocks = holds(text, "[SYSTEM_PROMPT]") && holds(text, "[TOOL_CALLS]") &&
                          holds(text, "[ARGS]") && !holds(text, "[CALL_ID]");
  impl->drops_results = holds(text, "'<|tool_call>call:'") && !holds(text, "{#- OpenAI Chat");
  impl->gpt_oss = holds(text, "<|channel|>") && holds(text, ".thinking");
  impl->thinking_key = impl->gpt_oss || holds(text, "message.thinking") ||
                       holds(text, "message[\"thinking\"]") || holds(text, "message['thinking']");
  impl_ = std::move(impl);
}

ChatTemplate::~ChatTemplate() = default;

std::vector<PromptPart> ChatTemplate::render(const ChatInput& input) const {
  const bool calls = std::any_of(input.messages.begin(), input.messages.end(),
                                 [](const ChatMessage& m) { return !m.tool_calls.empty(); });
  if (calls && !shows_tool_calls())
    throw Refusal(INFER_E_UNSUPPORTED, "the model's chat template has no place for tool calls");
  if (calls && impl_->drops_results) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "the model's chat template leaves the results of tools out: take a newer file of "
                  "the model, or set chat_template when it is loaded");
  }
  TemplateBudget::renew(input.messages.size());
  const std::vector<ChatMessage> messages = impl_->adapt(input.messages);
  const bool several = messages.size() > 1 && is_system(messages[0]) && is_system(messages[1]);
  try {
    try {
      return impl_->run(messages, input);
    } catch (const std::bad_alloc&) {
      throw;
    } catch (const std::exception&) {
      if (!several) throw;
      return impl_->run(merge_systems(messages), input);
    }
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Refusal(INFER_E_INVALID_REQUEST,
                  "the model's chat template refused the messages: " + reason_of(e));
  }
}

const common_chat_template& ChatTemplate::common() const { return *impl_->common; }
bool ChatTemplate::shows_tools() const {
  return impl_->caps().supports_tools && impl_->caps().supports_tool_calls;
}
bool ChatTemplate::shows_tool_calls() const { return impl_->caps().supports_tool_calls; }
bool ChatTemplate::knows_effort() const { return impl_->caps().supports_reasoning_effort; }
bool ChatTemplate::knows_thinking() const { return impl_->knows_thinking; }

}  // namespace infer::llama
