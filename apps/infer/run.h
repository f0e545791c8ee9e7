// infer run: a prompt in, text or JSON lines out.
#ifndef INFER_APPS_RUN_H_
#define INFER_APPS_RUN_H_

#include <optional>
#include <string>
#include <vector>

#include "apps/infer/answer_options.h"
#include "apps/infer/load_options.h"

namespace infer::cli {

struct RunOptions {
  std::string model{};                  // empty: the shipped one
  std::optional<std::string> prompt{};  // "-": stdin
  std::string system{};
  std::string messages_file{};          // a conversation, before the prompt
  std::vector<std::string> pictures{};  // beside the prompt, as read_media() takes them
  std::string detail{};                 // of the pictures
  AnswerOptions answer{};
  LoadOptions load{};
  Times times{};
  bool json = false;
  bool stats = false;
};

// The exit code.
int run(const RunOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_RUN_H_
