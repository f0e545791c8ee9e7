// infer describe: pictures and documents in, words out.
#ifndef INFER_APPS_DESCRIBE_H_
#define INFER_APPS_DESCRIBE_H_

#include <string>
#include <vector>

#include "apps/infer/run.h"

namespace infer::cli {

struct DescribeOptions {
  std::vector<std::string> words{};  // pictures, and at the end perhaps the prompt
  RunOptions run{};                  // all else; its prompt is unset unless --prompt gave it
};

// Whether the last of several words is the prompt: neither a file, an address nor "-", nor like the
// name of a file, which was mistyped then.
bool ends_in_prompt(const std::vector<std::string>& words);

// The exit code.
int describe(const DescribeOptions& options);

}  // namespace infer::cli

#endif  // INFER_APPS_DESCRIBE_H_
