// Messages on their way through a chat template, with the control-token texts in them made
// unrecognisable.
#ifndef INFER_ENGINES_LLAMA_GUARD_H_
#define INFER_ENGINES_LLAMA_GUARD_H_

#include <string>
#include <vector>

#include "messages.h"
#include "vocabulary.h"

namespace infer::llama {

// Refers to the messages it was made from where nothing had to be hidden, which is nearly always.
class GuardedMessages {
 public:
  GuardedMessages(const std::vector<ChatMessage>& messages, const Vocabulary& vocabulary);

  const std::vector<ChatMessage>& messages() const { return guard_.empty() ? plain_ : hidden_; }
  // What has to be taken out of the rendered prompt; empty if nothing.
  const std::string& guard() const { return guard_; }

 private:
  const std::vector<ChatMessage>& plain_;
  std::vector<ChatMessage> hidden_;
  std::string guard_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GUARD_H_
