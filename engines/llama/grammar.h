// A grammar that an answer must follow, compiled once per request.
#ifndef INFER_ENGINES_LLAMA_GRAMMAR_H_
#define INFER_ENGINES_LLAMA_GRAMMAR_H_

#include <string>
#include <vector>

#include "llama.h"
#include "settings.h"

namespace infer::llama {

struct GrammarSpec {
  std::string gbnf;  // empty: none
  // Lazy: binding only from the first place on where one of these is met (a tool call's beginning).
  bool lazy = false;
  std::vector<std::string> trigger_patterns;
  std::vector<llama_token> trigger_tokens;

  bool empty() const { return gbnf.empty(); }
};

// The grammar of the form that the request demands: none for text. Throws Refusal, naming the field
// and what is wrong with it.
GrammarSpec grammar_of(const OutputForm& output);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GRAMMAR_H_
