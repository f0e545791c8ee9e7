// A chat on its way through a chat template, with the control-token texts in it made
// unrecognisable.
#ifndef INFER_ENGINES_LLAMA_GUARD_H_
#define INFER_ENGINES_LLAMA_GUARD_H_

#include <string>
#include <vector>

#include "messages.h"
#include "tools.h"
#include "vocabulary.h"

namespace infer::llama {

// Refers to the messages and tools it was made from where nothing had to be hidden, which is nearly
// always.
class GuardedChat {
 public:
  GuardedChat(const std::vector<ChatMessage>& messages, const std::vector<Tool>& tools,
              const Vocabulary& vocabulary);

  const std::vector<ChatMessage>& messages() const {
    return guard_.empty() ? plain_messages_ : hidden_messages_;
  }
  const std::vector<Tool>& tools() const { return guard_.empty() ? plain_tools_ : hidden_tools_; }
  // What has to be taken out of the rendered prompt; empty if nothing.
  const std::string& guard() const { return guard_; }

 private:
  const std::vector<ChatMessage>& plain_messages_;
  const std::vector<Tool>& plain_tools_;
  std::vector<ChatMessage> hidden_messages_;
  std::vector<Tool> hidden_tools_;
  std::string guard_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GUARD_H_
