#include "apps/infer/describe.h"

#include <unistd.h>

#include <filesystem>
#include <system_error>

#include "apps/infer/exit_code.h"
#include "apps/infer/media_argument.h"
#include "apps/infer/output.h"

namespace infer::cli {

bool ends_in_prompt(const std::vector<std::string>& words) {
  if (words.size() < 2) return false;
  const std::string& last = words.back();
  std::error_code ignored;
  if (last == "-" || is_address(last) || std::filesystem::exists(last, ignored)) return false;
  const bool several_words = last.find_first_of(" \t\n") != std::string::npos;
  return several_words || last.find_first_of("./") == std::string::npos ||
         last.find_first_of("?!") == last.size() - 1;
}

int describe(const DescribeOptions& o) {
  RunOptions run = o.run;
  run.pictures = o.words;
  if (run.model.empty()) {
    Output out(STDOUT_FILENO);
    return fail(Error(Errc::kInvalidRequest,
                      "no model named: the shipped one sees no pictures; name one with -m, such as "
                      "-m openai:gpt-5")
                    .with_detail("field", "model"),
                out, run.json);
  }
  if (!run.prompt && ends_in_prompt(run.pictures)) {
    run.prompt = run.pictures.back();
    run.pictures.pop_back();
  }
  if (!run.prompt) run.prompt = "Describe this picture.";
  return cli::run(run);
}

}  // namespace infer::cli
