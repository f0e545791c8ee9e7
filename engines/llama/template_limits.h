// Bounds for chat templates, which come with a model file or from a caller: one that nests or loops
// without end must not end the process or keep a thread.
//
// What a reader of templates recurses over is counted before one is read. How deep and how long it
// runs is counted by the interpreter itself (upstream/CMakeLists.txt puts that in).
// Thread rule: a budget is the calling thread's.
#ifndef INFER_ENGINES_LLAMA_TEMPLATE_LIMITS_H_
#define INFER_ENGINES_LLAMA_TEMPLATE_LIMITS_H_

#include <cstddef>
#include <string>

namespace infer::llama {

// Throws std::runtime_error with the line: larger than 1 MiB, brackets or blocks nested deeper than
// 64, an expression of more than 2,000 words and signs. Throws what the lexer does, too.
void check_template(const std::string& source);

// While one lives, templates may run so many statements and expressions on this thread; then they
// fail. Not nested.
class TemplateBudget {
 public:
  static constexpr int kSteps = 600'000;  // of a few microseconds each; a message takes some 40
  TemplateBudget();
  ~TemplateBudget();
  // Where one lives: it begins anew, for a conversation of so many messages.
  static void renew(std::size_t messages);
  TemplateBudget(const TemplateBudget&) = delete;
  TemplateBudget& operator=(const TemplateBudget&) = delete;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_TEMPLATE_LIMITS_H_
