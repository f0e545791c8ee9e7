#include "apps/infer/conversation.h"

#include <utility>

namespace infer::cli {

std::string Conversation::system() const {
  const bool there = !messages_.empty() && messages_.front().role == Role::kSystem;
  return there ? messages_.front().text() : std::string();
}

void Conversation::set_system(const std::string& text) {
  if (!messages_.empty() && messages_.front().role == Role::kSystem)
    messages_.erase(messages_.begin());
  if (!text.empty()) messages_.insert(messages_.begin(), infer::system(text));
}

void Conversation::reset() {
  const std::string system = this->system();
  messages_.clear();
  set_system(system);
}

std::size_t Conversation::last_question() const {
  for (std::size_t i = messages_.size(); i > 0; --i)
    if (messages_[i - 1].role == Role::kUser) return i - 1;
  return messages_.size();
}

bool Conversation::undo() {
  const std::size_t question = last_question();
  if (question == messages_.size()) return false;
  messages_.resize(question);
  return true;
}

bool Conversation::take_answer_back() {
  const std::size_t question = last_question();
  if (question == messages_.size()) return false;
  messages_.resize(question + 1);
  return true;
}

std::string Conversation::text() const {
  std::string out;
  for (const Message& message : messages_) {
    const std::string who(to_string(message.role));
    for (const Part& part : message.parts) {
      if (const auto* text = part.get<Text>()) out += who + ": " + text->text + "\n";
      if (const auto* refusal = part.get<Refusal>()) out += who + ": " + refusal->text + "\n";
      if (const auto* call = part.get<ToolCall>())
        out += who + ": " + call->name + "(" + call->arguments + ")\n";
      if (const auto* result = part.get<ToolResult>())
        for (const Part& inner : result->content)
          if (const auto* text = inner.get<Text>()) out += who + ": " + text->text + "\n";
      if (part.get<Media>()) out += who + ": [a picture]\n";
    }
  }
  return out;
}

}  // namespace infer::cli
