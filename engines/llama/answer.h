// What an answer's text is made of: text, reasoning and tool calls, told apart while it streams.
#ifndef INFER_ENGINES_LLAMA_ANSWER_H_
#define INFER_ENGINES_LLAMA_ANSWER_H_

#include <memory>
#include <string_view>

namespace infer::llama {

// Receives the pieces of an answer in order. A change from text to reasoning or to a tool call ends
// one part and begins the next.
class AnswerSink {
 public:
  virtual ~AnswerSink() = default;
  virtual void text(std::string_view delta) = 0;
  virtual void reasoning(std::string_view delta) = 0;
  // A tool call begins; its arguments follow. An empty id (the model gave none, or only after the
  // arguments) gets one from the sink.
  virtual void tool_call(std::string_view name, std::string_view id) = 0;
  // More of the arguments of the last tool call: JSON, as the model wrote it.
  virtual void arguments(std::string_view delta) = 0;
};

// Splits one answer. Thread rule: the engine's thread alone.
class AnswerParser {
 public:
  virtual ~AnswerParser() = default;
  // More of the answer's text: whole characters, stop sequences already taken out. What may still
  // become something else is held back.
  virtual void feed(std::string_view text, AnswerSink& out) = 0;
  // The answer is over: what was held back is decided. True if it asks for tools.
  virtual bool finish(AnswerSink& out) = 0;
  // Whether what comes next is reasoning, as far as it can be told.
  virtual bool in_reasoning() const = 0;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_ANSWER_H_
