// From a request to what the engine needs: the prompt's tokens, and how the answer must look and is
// split.
// Thread rule: immutable after construction, safe for concurrent use.
#ifndef INFER_ENGINES_LLAMA_CHAT_PLAN_H_
#define INFER_ENGINES_LLAMA_CHAT_PLAN_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat_format.h"
#include "chat_template.h"
#include "grammar.h"
#include "request.h"
#include "vocabulary.h"

namespace infer::llama {

// After so many tokens of reasoning these are put into the answer instead of what the model would
// have written.
struct ThinkingBudget {
  int32_t tokens = 0;
  std::vector<llama_token> end;
};

struct ChatPlan {
  std::vector<llama_token> prompt;
  GrammarSpec grammar;             // of the calls, or of the demanded output; may be empty
  std::vector<llama_token> shown;  // control tokens whose text the parser must see, sorted
  std::vector<std::string> stops;  // beside the request's own
  std::vector<Warning> warnings;   // beside the request's own
  std::optional<ThinkingBudget> budget;

  // One a choice; null: all of the answer is text.
  std::unique_ptr<AnswerParser> parser() const;

  std::shared_ptr<const AnswerFormat> format;
  // What the template was told.
  bool thinking = true;
  std::string effort;
};

class Chat {
 public:
  // An empty source: a model without a chat template, whose prompts are the messages' texts with
  // blank lines between them. `tool_source`: the template for requests with tools, where the model
  // has one of its own for them. Lifetime: the vocabulary's within this one's. Throws Refusal if a
  // source is no template.
  Chat(const std::string& source, const std::string& tool_source, const Vocabulary& vocabulary);
  ~Chat();

  // Checks what of the request concerns tools, reasoning and the template. Throws Refusal, naming
  // the field.
  ChatPlan plan(const TextRequest& request) const;
  // The prompt of other messages, all else as planned.
  std::vector<llama_token> prompt(const std::vector<ChatMessage>& messages,
                                  const TextRequest& request, const ChatPlan& plan) const;

  bool has_template() const { return plain_ != nullptr; }
  // For the model's capabilities.
  bool calls_tools() const;
  bool thinks() const;

 private:
  struct Side;  // a template and its format

  const Side* side(const TextRequest& request) const;
  std::vector<PromptPart> parts(const std::vector<ChatMessage>& messages,
                                const TextRequest& request, const ChatPlan& plan,
                                std::string& guard) const;
  void plan_answer(const Side& side, const TextRequest& request, bool open, ChatPlan& plan) const;
  void plan_budget(const Side& side, const TextRequest& request, ChatPlan& plan) const;

  const Vocabulary& vocabulary_;
  std::unique_ptr<const Side> plain_, tool_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CHAT_PLAN_H_
