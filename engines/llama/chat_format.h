// What llama.cpp knows of how a model answers, from its chat template: the tags of reasoning, the
// form of tool calls, the grammars that hold a model to them.
//
// llama.cpp has two ways to it. Some templates it knows by heart ("special" here): their answers
// are read by its parser from the beginning. All others it takes apart by rendering small chats and
// comparing the results, once, when the model is loaded; of these we know the tags ourselves.
// Thread rule: immutable after construction, safe for concurrent use.
#ifndef INFER_ENGINES_LLAMA_CHAT_FORMAT_H_
#define INFER_ENGINES_LLAMA_CHAT_FORMAT_H_

#include <memory>
#include <string>
#include <vector>

#include "answer_parser.h"
#include "chat_template.h"
#include "grammar.h"
#include "tools.h"

namespace infer::llama {

// What one request asks of the answer's form.
struct AnswerWish {
  const std::vector<ChatMessage>& messages;
  std::vector<Tool> tools;  // that may be called; empty: none
  bool required = false;    // one must be called
  bool parallel = true;     // more than one may be
  bool thinking = true;     // as the template was told
  bool open = false;        // the prompt has begun the reasoning
};

struct AnswerPlan {
  std::shared_ptr<const AnswerFormat> format;  // null: all of the answer is text
  GrammarSpec grammar;                         // of the calls; may be empty
  std::vector<std::string> markers;            // texts that the parser must see, control tokens too
  std::vector<std::string> stops;              // that end the answer
};

class ChatFormat {
 public:
  // Lifetime: the template's within this one's. What llama.cpp cannot make out leaves a format
  // without reasoning and tool calls.
  explicit ChatFormat(const ChatTemplate& chat_template);
  ~ChatFormat();

  bool calls_tools() const;
  bool calls_parallel() const;
  bool thinks() const;
  // Around reasoning; may be empty.
  const std::string& think_begin() const;
  const std::string& think_end() const;

  // Throws Refusal, naming the field.
  AnswerPlan plan(const AnswerWish& wish) const;
  // The grammar of an answer that thinks first and then is JSON of this schema.
  std::string thinking_json_grammar(const std::string& schema, bool open) const;

 private:
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CHAT_FORMAT_H_
