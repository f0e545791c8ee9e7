// infer/conformance.h - does a backend keep its promises? A suite as a library.
//
//   infer::PluginCheck options;
//   options.model = "small";
//   infer::Report report = infer::check_plugin("./infer-hello.so", options);
//   std::cout << report.to_text();
//   return report.ok() ? 0 : 1;
//
// `infer plugin check FILE` and the tests of this library are thin fronts of it. Nothing depends on
// what a model says: a real engine passes with any model that answers. Every rule has a stable name
// ("finish.missing"); docs/formats/plugin-abi.md has the table.
//
// The suite runs in the calling process: a backend that crashes takes the process with it, and
// `progress` has then named what was being checked. Link infer::conformance.
// Thread rule: one check at a time in a process; some rules watch the process as a whole (its
// threads, its output), so nothing else should run meanwhile.
#ifndef INFER_CONFORMANCE_H_
#define INFER_CONFORMANCE_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/backend.h"
#include "infer/event.h"

namespace infer {
inline namespace v0 {

// What a backend owes. All views are literals.
struct Rule {
  std::string_view name{};      // stable: "part.index"
  std::string_view sentence{};  // what must hold
  std::string_view fix{};       // what to do where it does not
};
// Every rule there is, in the order of the documents.
std::span<const Rule> conformance_rules() noexcept;

// A rule that was broken.
struct Finding {
  std::string rule{};  // its name
  std::string what{};  // what was seen, one line
  std::string fix{};   // what to do, one line
};

struct Report {
  std::string subject{};              // what was checked: the file, or the model's name
  std::vector<Finding> findings{};    // one a rule, in the order they came up
  std::vector<std::string> passed{};  // rules that were looked at and held
  // Rules that could not be looked at, and why ("the backend refuses stop").
  std::vector<std::pair<std::string, std::string>> skipped{};

  bool ok() const noexcept { return findings.empty(); }
  // For a terminal: each broken rule with what was seen and what to do, then one line of sums.
  std::string to_text() const;
};

// Holds the grammar of event.h over one reply. Feed it every event; it keeps no view.
//   EventChecker checker;
//   if (auto broken = checker.feed(event)) ...     // after the first broken rule it stays silent
// Thread rule: one thread at a time.
class EventChecker {
 public:
  // `choices`: how many answers were asked for.
  explicit EventChecker(std::uint32_t choices = 1) : choices_(choices) {}

  // The rule that this event breaks, if it is the first that is broken.
  std::optional<Finding> feed(const Event& event);
  // The source said that the reply is complete.
  std::optional<Finding> end();

  // Every choice has finished: nothing but the end may come.
  bool complete() const noexcept;

 private:
  struct Progress {
    std::uint32_t next_part = 0;  // index of the next part to begin
    bool open = false;            // the part before it has not ended
    bool finished = false;
    Event::PartKind kind = Event::PartKind::kNone;  // of the open part
  };
  std::optional<Finding> broken(std::string_view rule, std::string what);
  std::optional<Finding> feed_part(const Event& event, Progress& choice);
  std::optional<Finding> feed_delta(const Event& event, const Progress& choice);
  std::optional<Finding> feed_usage(const Usage& usage);
  std::optional<Finding> feed_progress(const Event& event);
  std::optional<Finding> feed_finish(const Event& event, Progress& choice);
  Progress* choice_of(std::uint32_t index);

  std::uint32_t choices_;
  std::size_t events_ = 0;
  bool silent_ = false;
  std::vector<Progress> progress_{};
  Usage last_{};
  std::string doing_{};  // of the last progress: what, and how far
  std::uint32_t step_ = 0;
  std::uint32_t steps_ = 0;
};

// How long to wait before a rule counts as broken. Machines are loaded: only what cannot be told in
// another way depends on these, and a long time costs nothing where a backend is right.
struct Patience {
  // From kPending to the wake-up.
  std::chrono::milliseconds wake{60000};
  // open, next, cancel and close "never wait": longer than this, with the thread asleep or
  // computing, in each of several attempts.
  std::chrono::milliseconds call{100};
  // How long to listen for wake-ups of closed sources, and to let threads end after unload.
  std::chrono::milliseconds settle{200};
};

// What both checks need to know.
struct CheckOptions {
  // Asked of the model; several words. A long answer is better than a short one. A model that
  // paints is given it as the prompt of its pictures.
  std::string prompt = "Tell me a long story about a fox, a bear and a river.";
  // Upper limit of each answer, for models that would go on for ever.
  std::int64_t max_tokens = 16;
  // The same prompt gives the same text at temperature 0, or the same picture from the same seed,
  // also beside other requests.
  bool deterministic = false;
  // The model repeats its prompt: the text must then be the prompt, character by character.
  bool echoes = false;
  // Of each picture; 0: the model's own. Few are enough, and save time.
  std::uint32_t steps = 0;
  Patience patience{};
  // Called with what is looked at next.
  std::function<void(std::string_view what)> progress{};
};

struct PluginCheck : CheckOptions {
  struct File {
    std::string role = "model";  // as infer_file::role
    std::string path{};
  };
  std::string model{};        // what stands behind the scheme
  std::vector<File> files{};  // where the engine needs them
  std::string config{};       // JSON; empty: none
  // Catch what the plugin writes to stdout and stderr. Both are turned to a file during the check
  // and put back after it; false leaves them alone, and output.silent is not looked at.
  bool capture_output = true;
};
// Opens the file (it stays open for ever, as every plugin does) and drives its table directly.
Report check_plugin(const std::string& path, const PluginCheck& options = {});

struct BackendCheck : CheckOptions {
  // It is asked for pictures, not for text. A plugin says by itself what its models do.
  bool paints = false;
};
// Drives any backend of text or pictures, layers included, as a Reply would.
Report check_backend(const std::shared_ptr<const Backend>& backend,
                     const BackendCheck& options = {});

}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_H_
