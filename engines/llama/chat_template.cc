#include "chat_template.h"

#include <utility>

#include "jinja/caps.h"
#include "jinja/parser.h"
#include "jinja/runtime.h"
#include "refusal.h"

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

}  // namespace

struct ChatTemplate::Impl {
  std::string source, bos, eos;
  jinja::program program;
  jinja::caps caps;
  bool knows_developer = false;

  jinja::value content(const std::string& text) const {
    if (caps.supports_string_content || !caps.supports_typed_content) return user_value(text);
    auto part = jinja::mk_val<jinja::value_object>();
    put(part, "type", text_value("text"));
    put(part, "text", user_value(text));
    auto parts = jinja::mk_val<jinja::value_array>();
    parts->push_back(part);
    return parts;
  }

  jinja::value tool_calls(const std::vector<ToolCall>& calls) const {
    auto array = jinja::mk_val<jinja::value_array>();
    for (const ToolCall& call : calls) {
      auto function = jinja::mk_val<jinja::value_object>();
      put(function, "name", user_value(call.name));
      const bool as_object = caps.supports_object_arguments && call.tree.has_value();
      put(function, "arguments", as_object ? tree_value(*call.tree) : user_value(call.arguments));
      auto object = jinja::mk_val<jinja::value_object>();
      put(object, "type", text_value("function"));
      put(object, "id", user_value(call.id));
      put(object, "function", function);
      array->push_back(object);
    }
    return array;
  }

  jinja::value message(const ChatMessage& from) const {
    auto object = jinja::mk_val<jinja::value_object>();
    const bool rename = from.role == "developer" && !knows_developer;
    put(object, "role", text_value(rename ? "system" : from.role));
    put(object, "content", content(from.text));
    if (!from.name.empty()) put(object, "name", user_value(from.name));
    if (!from.reasoning.empty()) put(object, "reasoning_content", user_value(from.reasoning));
    if (!from.tool_call_id.empty()) put(object, "tool_call_id", user_value(from.tool_call_id));
    if (!from.tool_calls.empty()) put(object, "tool_calls", tool_calls(from.tool_calls));
    return object;
  }

  // A template without a system role gets the system's text at the head of the next message.
  std::vector<ChatMessage> adapt(const std::vector<ChatMessage>& messages) const {
    std::vector<ChatMessage> out = messages;
    if (caps.supports_system_role || out.size() < 2) return out;
    if (out[0].role != "system" && out[0].role != "developer") return out;
    out[1].text = out[0].text + "\n" + out[1].text;
    out.erase(out.begin());
    return out;
  }
};

ChatTemplate::ChatTemplate(const std::string& source, std::string bos_text, std::string eos_text) {
  auto impl = std::make_unique<Impl>();
  try {
    jinja::lexer lexer;
    const jinja::lexer_result tokens = lexer.tokenize(source);
    impl->program = jinja::parse_from_tokens(tokens);
    impl->source = tokens.source;
    impl->caps = jinja::caps_get(impl->program);
  } catch (const std::exception& e) {
    throw Refusal(INFER_E_INVALID_REQUEST,
                  "the model's chat template cannot be read: " + reason_of(e));
  }
  impl->bos = std::move(bos_text);
  impl->eos = std::move(eos_text);
  impl->knows_developer = source.find("developer") != std::string::npos;
  impl_ = std::move(impl);
}

ChatTemplate::~ChatTemplate() = default;

std::vector<PromptPart> ChatTemplate::render(const std::vector<ChatMessage>& messages) const {
  std::vector<PromptPart> out;
  try {
    auto list = jinja::mk_val<jinja::value_array>();
    for (const ChatMessage& m : impl_->adapt(messages)) {
      if (!m.tool_calls.empty() && !impl_->caps.supports_tool_calls) {
        throw Refusal(INFER_E_UNSUPPORTED, "the model's chat template has no place for tool calls");
      }
      list->push_back(impl_->message(m));
    }
    jinja::context context(impl_->source);
    context.set_val("messages", list);
    context.set_val("add_generation_prompt", jinja::mk_val<jinja::value_bool>(true));
    context.set_val("bos_token", text_value(impl_->bos));
    context.set_val("eos_token", text_value(impl_->eos));
    jinja::runtime runtime(context);
    const jinja::value_string text =
        jinja::runtime::gather_string_parts(runtime.execute(impl_->program));
    for (const jinja::string_part& part : text->val_str.parts) {
      out.push_back(PromptPart{part.is_input, part.val});
    }
  } catch (const Refusal&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& e) {
    throw Refusal(INFER_E_INVALID_REQUEST,
                  "the model's chat template refused the messages: " + reason_of(e));
  }
  return out;
}

}  // namespace infer::llama
