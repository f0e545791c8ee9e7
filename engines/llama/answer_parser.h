// Splits an answer into text, reasoning and tool calls while it streams.
#ifndef INFER_ENGINES_LLAMA_ANSWER_PARSER_H_
#define INFER_ENGINES_LLAMA_ANSWER_PARSER_H_

#include <memory>
#include <string>
#include <vector>

#include "answer.h"
#include "call_reader.h"

namespace infer::llama {

// How the answers to one request look.
struct AnswerFormat {
  // Around reasoning; empty: there is none to be found.
  std::string think_begin, think_end;
  bool thinking = false;  // the prompt has begun the reasoning already

  // Texts that a tool call may begin with. Without `calls` nothing is a tool call.
  std::vector<std::string> triggers;
  std::shared_ptr<const CallFormat> calls;
  bool parallel = true;  // more than one call
};

// Text between the calls and around them stays text; white space beside a tag does not.
std::unique_ptr<AnswerParser> make_answer_parser(std::shared_ptr<const AnswerFormat> format);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_ANSWER_PARSER_H_
