// infer plugin check: the conformance suite, in a child that a bad plugin may take down.
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "apps/infer/child.h"
#include "apps/infer/commands.h"
#include "apps/infer/exit_code.h"
#include "apps/infer/terminal.h"
#include "infer/conformance.h"
#include "src/core/json.h"
#include "src/local/card.h"
#include "src/plugin/config.h"

namespace infer::cli {
namespace {

core::Json to_json(const Report& report) {
  core::Json json{{"subject", report.subject}, {"ok", report.ok()}, {"passed", report.passed}};
  json["findings"] = json["skipped"] = core::Json::array();
  for (const Finding& finding : report.findings)
    json["findings"].push_back(
        {{"rule", finding.rule}, {"what", finding.what}, {"fix", finding.fix}});
  for (const auto& [rule, why] : report.skipped)
    json["skipped"].push_back({{"rule", rule}, {"why", why}});
  return json;
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
}

// The result of the child: the exit code as a letter, then what to print.
std::string check(const CheckOptions& o, const Tell& doing) {
  PluginCheck how;
  how.model = o.model.value_or("");
  how.config = o.config;
  how.progress = doing;
  how.deterministic = !o.varies;
  how.steps = 2;  // of a picture: what is looked at is the same after few
  how.patience.wake = milliseconds_of(o.wake_limit);
  how.patience.call = milliseconds_of(o.call_limit);
  for (const std::string& path : o.files) how.files.push_back({"model", path});
  const Report report = check_plugin(o.file, how);
  std::string text = report.ok() ? "y" : "n";
  return text + (o.json ? core::dump_json(to_json(report)) + "\n" : report.to_text());
}

// Why there is no report.
std::string verdict(const Ending& ending, double timeout) {
  const std::string during =
      " while this was looked at: " + (ending.last.empty() ? "the start" : ending.last);
  if (ending.hung) {
    const auto seconds = std::to_string(static_cast<std::int64_t>(std::max(timeout, 1.0)));
    return "the plugin hung: nothing went on for " + seconds + " s" + during;
  }
  if (ending.signal != 0) return "the plugin crashed with " + signal_name(ending.signal) + during;
  return "the plugin ended the process with exit code " + std::to_string(ending.code) + during;
}

int tell_verdict(const CheckOptions& o, const Ending& ending, Output& out) {
  const std::string text = verdict(ending, o.timeout);
  if (!o.json) {
    std::string line;
    append_visible(line, o.file + ": " + text, Lines::kOne);
    out.write(line + "\n");
    return kFailed;
  }
  core::Json json{{"subject", o.file}, {"ok", false}, {"problem", text}, {"during", ending.last}};
  if (ending.signal != 0) json["signal"] = ending.signal;
  json["hung"] = ending.hung;
  out.write(core::dump_json(json) + "\n");
  return kFailed;
}

// What is looked at, on one line of the terminal that is gone at the end.
class Status {
 public:
  explicit Status(bool shown) : shown_(shown) {}
  ~Status() {
    if (shown_) terminal_.write("\r\x1b[K");
  }
  Status(const Status&) = delete;
  Status& operator=(const Status&) = delete;
  void show(std::string_view what) {
    if (!shown_) return;
    terminal_.buffer() = "\r\x1b[K";
    append_visible(terminal_.buffer(), "Checking: " + std::string(what), Lines::kOne);
    terminal_.flush();
  }

 private:
  Output terminal_{STDERR_FILENO};
  bool shown_;
};

// "llama" of "infer-llama.so"; empty if it is not called so.
std::string scheme_of(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  constexpr std::string_view kBefore = "infer-", kAfter = ".so";
  if (!name.starts_with(kBefore) || !name.ends_with(kAfter)) return {};
  return name.substr(kBefore.size(), name.size() - kBefore.size() - kAfter.size());
}

// What can be found out without asking: the file behind a model's name, the shipped model.
CheckOptions completed(CheckOptions o) {
  const std::string scheme = scheme_of(o.file);
  if (o.files.empty()) {
    const std::string_view shipped = scheme.starts_with("diffusion") ? "tiny-shapes" : "tiny-chat";
    const std::string name = o.model.value_or(std::string(shipped));
    const std::string path =
        name.find('/') == std::string::npos ? find_model_file(scheme + ":" + name) : name;
    if (!path.empty()) {
      o.files.push_back(path);
      o.model = name;
    }
  }
  if (!o.model && !o.files.empty()) o.model = o.files.front();
  return o;
}

// With what the model's card says beneath what the caller says, as a program would load it.
Result<CheckOptions> with_card(CheckOptions o) {
  if (o.files.empty()) return o;
  const auto card = local::read_card(o.files.front());
  if (!card) return card.error();
  const std::string mine = o.config.empty() ? "{}" : o.config;
  const auto parsed = core::parse_json(mine);
  if (card->file.empty() || !parsed || !parsed->is_object()) return o;  // the plugin will say so
  o.config = plugin::MergedConfig::of(mine, card->config, card->file).text();
  return o;
}

}  // namespace

int check_plugin_file(const CheckOptions& options) {
  Output out(STDOUT_FILENO);
  const Result<CheckOptions> whole = with_card(completed(options));
  if (!whole) return fail(whole.error(), out, options.json);
  const CheckOptions& o = *whole;
  std::vector<std::string> needed = o.files;
  needed.insert(needed.begin(), o.file);
  for (const std::string& path : needed)
    if (access(path.c_str(), R_OK) != 0)
      return fail(Error(Errc::kNotFound, "there is no file '" + path + "' that can be read"), out,
                  o.json);
  Ending ending;
  {
    Status status(is_terminal(STDERR_FILENO));
    ending = run_apart([&o](const Tell& doing) { return check(o, doing); },
                       [&status](std::string_view what) { status.show(what); },
                       milliseconds_of(o.timeout));
  }
  if (!ending.problem.empty()) return fail(Error(Errc::kIo, ending.problem), out, o.json);
  if (!ending.result || ending.result->empty()) return tell_verdict(o, ending, out);
  if (!out.write(std::string_view(*ending.result).substr(1)) && !out.reader_gone())
    return fail(out.error(), out, false);
  return ending.result->front() == 'y' ? kOk : kFailed;
}

}  // namespace infer::cli
