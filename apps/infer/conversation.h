// What was said in a chat, and taking some of it back.
#ifndef INFER_APPS_CONVERSATION_H_
#define INFER_APPS_CONVERSATION_H_

#include <string>
#include <vector>

#include "infer/message.h"

namespace infer::cli {

class Conversation {
 public:
  const std::vector<Message>& messages() const noexcept { return messages_; }
  void add(Message message) { messages_.push_back(std::move(message)); }
  void replace(std::vector<Message> messages) { messages_ = std::move(messages); }

  // The system message at the beginning; empty: none.
  std::string system() const;
  void set_system(const std::string& text);
  // Begins anew; the system message stays.
  void reset();
  // Takes back the last question and all that came after it. False if there is none.
  bool undo();
  // Takes back what came after the last question. False if there is no question.
  bool take_answer_back();
  // For people: a line "role: text" a part.
  std::string text() const;

 private:
  // Where the last question is; messages_.size() if there is none.
  std::size_t last_question() const;

  std::vector<Message> messages_;
};

}  // namespace infer::cli

#endif  // INFER_APPS_CONVERSATION_H_
