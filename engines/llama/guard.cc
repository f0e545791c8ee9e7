#include "guard.h"

#include <algorithm>

namespace infer::llama {
namespace {

template <class Visit>
void visit_tree(Tree& tree, Visit&& visit) {
  visit(tree.text);
  for (std::string& key : tree.keys) visit(key);
  for (Tree& item : tree.items) visit_tree(item, visit);
}

// Every text of the messages that a template can put into the prompt.
template <class Visit>
void visit_texts(std::vector<ChatMessage>& messages, Visit&& visit) {
  for (ChatMessage& m : messages) {
    for (std::string* text : {&m.text, &m.name, &m.reasoning, &m.tool_call_id}) visit(*text);
    for (ToolCall& call : m.tool_calls) {
      for (std::string* text : {&call.id, &call.name, &call.arguments}) visit(*text);
      if (call.tree) visit_tree(*call.tree, visit);
    }
  }
}

}  // namespace

GuardedMessages::GuardedMessages(const std::vector<ChatMessage>& messages,
                                 const Vocabulary& vocabulary)
    : plain_(messages), hidden_(messages) {
  std::vector<std::string_view> texts;
  visit_texts(hidden_, [&](std::string& text) { texts.push_back(text); });
  const bool needed = std::any_of(texts.begin(), texts.end(), [&](std::string_view text) {
    return vocabulary.holds_control_text(text);
  });
  if (!needed) return;
  guard_ = guard_for(texts);
  visit_texts(hidden_, [&](std::string& text) { text = vocabulary.hide(text, guard_); });
}

}  // namespace infer::llama
