// A model's own chat template, run by llama.cpp's Jinja runtime.
// Thread rule: immutable after construction, safe for concurrent use.
#ifndef INFER_ENGINES_LLAMA_CHAT_TEMPLATE_H_
#define INFER_ENGINES_LLAMA_CHAT_TEMPLATE_H_

#include <memory>
#include <string>
#include <vector>

#include "messages.h"
#include "vocabulary.h"

namespace infer::llama {

class ChatTemplate {
 public:
  // Throws Refusal INVALID_REQUEST if the source is no template.
  ChatTemplate(const std::string& source, std::string bos_text, std::string eos_text);
  ~ChatTemplate();

  // The prompt up to where the answer begins. Throws Refusal INVALID_REQUEST with the template's
  // own message.
  std::vector<PromptPart> render(const std::vector<ChatMessage>& messages) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CHAT_TEMPLATE_H_
