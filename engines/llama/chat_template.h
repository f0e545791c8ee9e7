// A model's own chat template, run by llama.cpp's Jinja runtime.
// Thread rule: immutable after construction, safe for concurrent use.
#ifndef INFER_ENGINES_LLAMA_CHAT_TEMPLATE_H_
#define INFER_ENGINES_LLAMA_CHAT_TEMPLATE_H_

#include <memory>
#include <string>
#include <vector>

#include "messages.h"
#include "tools.h"
#include "vocabulary.h"

struct common_chat_template;

namespace infer::llama {

// What a template is given.
struct ChatInput {
  const std::vector<ChatMessage>& messages;
  const std::vector<Tool>& tools;  // the model is told of these
  bool thinking = true;            // enable_thinking
  std::string effort;              // reasoning_effort; empty: the template's default
};

class ChatTemplate {
 public:
  // Throws Refusal INVALID_REQUEST if the source is no template.
  ChatTemplate(const std::string& source, const std::string& bos_text, const std::string& eos_text);
  ~ChatTemplate();

  // The prompt up to where the answer begins. Throws Refusal INVALID_REQUEST with the template's
  // own message.
  std::vector<PromptPart> render(const ChatInput& input) const;

  // What llama.cpp makes of it.
  const common_chat_template& common() const;
  // Whether the template has a place for tools, and for calls of earlier turns.
  bool shows_tools() const;
  bool shows_tool_calls() const;
  bool knows_effort() const;    // reasoning_effort changes the prompt
  bool knows_thinking() const;  // enable_thinking is looked at

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CHAT_TEMPLATE_H_
