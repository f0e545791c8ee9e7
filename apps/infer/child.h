// Work in a process of its own, so that it may crash or hang and there is still a verdict.
#ifndef INFER_APPS_CHILD_H_
#define INFER_APPS_CHILD_H_

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace infer::cli {

using Tell = std::function<void(std::string_view)>;

// How the child ended.
struct Ending {
  std::optional<std::string> result{};  // what the work gave, if it came to its end
  std::string last{};                   // what it told last that it was doing
  int signal = 0;                       // that killed it; 0: none
  int code = 0;                         // its exit code, where no signal did
  bool hung = false;                    // it told nothing for too long, and was killed
  std::string problem{};                // not empty: there could be no child
};

// Runs `work` in a fork of this process, which must have one thread. The work tells what it is
// doing by the function it is given; `progress` is called here with that. More than `silence`
// without a word counts as hanging.
Ending run_apart(const std::function<std::string(const Tell& doing)>& work, const Tell& progress,
                 std::chrono::milliseconds silence);

// "SIGSEGV (Segmentation fault)".
std::string signal_name(int signal);

}  // namespace infer::cli

#endif  // INFER_APPS_CHILD_H_
