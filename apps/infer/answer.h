// The model's words for people: on stdout, and nothing else there.
#ifndef INFER_APPS_ANSWER_H_
#define INFER_APPS_ANSWER_H_

#include <string>
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

  // Text, refusals and tool calls of the first answer; not the calls that the provider runs itself.
  // Several answers come interleaved: the others wait. A tool call is a line, name(arguments).
  void add(const Event& event);
  // The answers after the first, each from a new line. Also after an error, for what had come.
  void finish(const Response& response);
  // Ends the last line, if it is not ended.
  void end_line() {
    if (last_ != '\n') say("\n");
  }

 private:
  void say(std::string_view text);

  Output& out_;
  bool terminal_;
  char last_ = '\n';
  bool theirs_ = false;  // the part is a call that the provider runs itself
};

// The model's thinking, dim, on a terminal that is not where the answer may be redirected to.
class Thoughts {
 public:
  // `shown`: false makes all of it do nothing.
  Thoughts(Output& out, bool shown) : out_(out), shown_(shown) {}
  // Of the first answer.
  void add(const Event& event);

 private:
  Output& out_;
  bool shown_;
};

// How likely the tokens of an answer were: a line a token, with its alternatives.
std::string logprobs_text(const Choice& choice);

}  // namespace infer::cli

#endif  // INFER_APPS_ANSWER_H_
