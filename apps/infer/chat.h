// infer chat: a conversation on a terminal, or of lines from a pipe.
#ifndef INFER_APPS_CHAT_H_
#define INFER_APPS_CHAT_H_

#include <string>

#include "apps/infer/answer_options.h"
#include "apps/infer/load_options.h"

namespace infer::cli {

struct ChatOptions {
  std::string model{};  // empty: the shipped one
  std::string system{};
  std::string messages_file{};  // where to go on from
  AnswerOptions answer{};
  LoadOptions load{};
  Times times{};  // of one answer
  bool stats = false;
};

// The exit code.
int chat(const ChatOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_CHAT_H_
