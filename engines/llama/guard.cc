#include "guard.h"

#include <algorithm>

namespace infer::llama {
namespace {

// Every text of a chat that a template can put into the prompt. The same for reading and for
// changing it: Messages and Tools may be const.
template <class AnyTree, class Visit>
void visit_tree(AnyTree& tree, Visit&& visit) {
  visit(tree.text);
  for (auto& key : tree.keys) visit(key);
  for (auto& item : tree.items) visit_tree(item, visit);
}

template <class Messages, class Tools, class Visit>
void visit_texts(Messages& messages, Tools& tools, Visit&& visit) {
  for (auto& m : messages) {
    for (auto* text : {&m.text, &m.name, &m.reasoning, &m.tool_call_id}) visit(*text);
    for (auto& call : m.tool_calls) {
      for (auto* text : {&call.id, &call.name, &call.arguments}) visit(*text);
      if (call.tree) visit_tree(*call.tree, visit);
    }
  }
  for (auto& tool : tools) {
    for (auto* text : {&tool.name, &tool.description}) visit(*text);
    visit_tree(tool.tree, visit);
  }
}

}  // namespace

GuardedChat::GuardedChat(const std::vector<ChatMessage>& messages, const std::vector<Tool>& tools,
                         const Vocabulary& vocabulary)
    : plain_messages_(messages), plain_tools_(tools) {
  std::vector<std::string_view> texts;
  visit_texts(messages, tools, [&](const std::string& text) { texts.push_back(text); });
  const bool needed = std::any_of(texts.begin(), texts.end(), [&](std::string_view text) {
    return vocabulary.holds_control_text(text);
  });
  if (!needed) return;
  guard_ = guard_for(texts);
  hidden_messages_ = messages;
  hidden_tools_ = tools;
  visit_texts(hidden_messages_, hidden_tools_,
              [&](std::string& text) { text = vocabulary.hide(text, guard_); });
}

}  // namespace infer::llama
