// The model's words for people: on stdout, and nothing else there.
#ifndef INFER_APPS_ANSWER_H_
#define INFER_APPS_ANSWER_H_

#include <string_view>

#include "apps/infer/output.h"
#include "infer/event.h"
#include "infer/model.h"

namespace infer::cli {

// Composes into the Output's buffer; whoever owns that flushes it.
class Answer {
 public:
  // `terminal`: `out` is one; control characters are made visible then, for the model's words may
  // come from anywhere, and the last line is ended.
  Answer(Output& out, bool terminal) : out_(out), terminal_(terminal) {}

  // Text and refusals of the first answer. Several answers come interleaved: the others wait.
  void add(const Event& event);
  // The answers after the first, each from a new line. Also after an error, for what had come.
  void finish(const Response& response);

 private:
  void say(std::string_view text);

  Output& out_;
  bool terminal_;
  char last_ = '\n';
};

}  // namespace infer::cli

#endif  // INFER_APPS_ANSWER_H_
