// The suite is proved in both directions: what is right passes, and every fault is found by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "infer/conformance.h"
#include "infer/layers.h"
#include "infer/mock.h"
#include "infer/registry.h"

namespace infer {
namespace {

using std::chrono::milliseconds;
using testing::Contains;
using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // its reports go to stderr: leave that alone
#else
constexpr bool kSanitized = false;
#endif

const std::string kEcho = INFER_BUILD_DIR "/lib/infer/plugins/infer-echo.so";
const std::string kBroken = INFER_BUILD_DIR "/tests/broken-plugins/infer-";

std::vector<std::string> names(const Report& report) {
  std::vector<std::string> rules;
  for (const Finding& finding : report.findings) rules.push_back(finding.rule);
  return rules;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

// Generous where something has to happen, so that a loaded machine breaks no rule.
PluginCheck plugin_check() {
  PluginCheck check;
  check.deterministic = check.echoes = true;
  check.capture_output = !kSanitized;
  check.patience = {milliseconds(30000), milliseconds(2000), milliseconds(100)};
  return check;
}
BackendCheck backend_check() {
  BackendCheck check;
  check.deterministic = true;
  check.patience = plugin_check().patience;
  return check;
}

// ---- EventChecker

using Kind = Event::Kind;
using PartKind = Event::PartKind;

Event event(Kind kind) {
  Event e;
  e.kind = kind;
  return e;
}
Event part(Kind kind, std::uint32_t index, std::uint32_t choice = 0,
           PartKind part_kind = PartKind::kText, std::string_view data = {}) {
  Event e = event(kind);
  e.part = index;
  e.choice = choice;
  e.part_kind = part_kind;
  e.data = data;
  return e;
}
Event begin(std::uint32_t index, std::uint32_t choice = 0) {
  return part(Kind::kPartBegin, index, choice);
}
Event delta(std::uint32_t index, std::uint32_t choice = 0, std::string_view data = "x") {
  return part(Kind::kDelta, index, choice, PartKind::kText, data);
}
Event end(std::uint32_t index, std::uint32_t choice = 0) {
  return part(Kind::kPartEnd, index, choice);
}
Event finish(std::uint32_t choice = 0) {
  Event e = event(Kind::kFinish);
  e.choice = choice;
  e.finish = Finish::kStop;
  return e;
}
Event usage(std::int64_t input, std::int64_t output) {
  static std::vector<std::unique_ptr<Usage>> kept;
  auto figures = std::make_unique<Usage>();
  figures->input = input;
  figures->output = output;
  kept.push_back(std::move(figures));
  Event e = event(Kind::kUsage);
  e.usage = kept.back().get();
  return e;
}
Event media(std::uint32_t index, bool preview) {
  Event e = part(Kind::kMedia, index, 0, PartKind::kNone);
  e.preview = preview;
  return e;
}
const Event kBegin = event(Kind::kStart);

// The first broken rule; "" where all is well.
std::string judge(const std::vector<Event>& events, std::uint32_t choices = 1) {
  EventChecker checker(choices);
  for (const Event& e : events)
    if (auto finding = checker.feed(e)) return finding->rule;
  if (auto finding = checker.end()) return finding->rule;
  return "";
}

TEST(EventChecker, AcceptsTheGrammar) {
  EXPECT_EQ(judge({kBegin, finish()}), "");
  EXPECT_EQ(judge({kBegin, begin(0), end(0), finish()}), "");
  EXPECT_EQ(
      judge({kBegin, event(Kind::kWarning), usage(3, 0), event(Kind::kProgress), begin(0), delta(0),
             usage(3, 1), delta(0), end(0), begin(1), delta(1), end(1), usage(3, 2), finish()}),
      "");
  EXPECT_EQ(judge({kBegin, begin(0, 1), begin(0, 0), delta(0, 1), delta(0, 0), end(0, 0), finish(0),
                   end(0, 1), begin(1, 1), end(1, 1), finish(1)},
                  2),
            "");
  EXPECT_EQ(judge({kBegin, media(0, true), media(0, true), media(0, false), media(1, false),
                   event(Kind::kVectors), finish()}),
            "");
  // NOLINTNEXTLINE(clang-analyzer-optin.core.EnumCastOutOfRange): a kind of the future
  EXPECT_EQ(judge({kBegin, event(static_cast<Kind>(77)), finish()}), "");
  EXPECT_EQ(judge({kBegin, begin(0), delta(0, 0, "\xd0\x9f\xf0\x9f\xa6\x8a"), end(0), finish()}),
            "");
}

TEST(EventChecker, NamesEachBrokenRule) {
  const Event reasoning = part(Kind::kDelta, 0, 0, PartKind::kReasoning, "x");
  const std::vector<std::pair<std::string, std::vector<Event>>> broken = {
      {"start.missing", {}},
      {"start.missing", {begin(0)}},
      {"start.twice", {kBegin, kBegin}},
      {"event.kind", {kBegin, event(Kind::kNone)}},
      {"part.delta_before_begin", {kBegin, delta(0)}},
      {"part.delta_before_begin", {kBegin, begin(0), end(0), delta(1)}},
      {"part.delta_before_begin", {kBegin, end(0)}},
      {"part.after_end", {kBegin, begin(0), end(0), delta(0)}},
      {"part.after_end", {kBegin, begin(0), end(0), end(0)}},
      {"part.index", {kBegin, begin(1)}},
      {"part.index", {kBegin, begin(0), delta(1)}},
      {"part.index", {kBegin, begin(0), end(1)}},
      {"part.index", {kBegin, begin(0), end(0), begin(0)}},
      {"part.index", {kBegin, media(1, false)}},
      {"part.kind", {kBegin, part(Kind::kPartBegin, 0, 0, PartKind::kNone)}},
      {"part.kind", {kBegin, begin(0), reasoning}},
      {"part.left_open", {kBegin, begin(0), begin(1)}},
      {"part.left_open", {kBegin, begin(0), finish()}},
      {"part.left_open", {kBegin, begin(0), delta(0)}},
      {"choice.index", {kBegin, begin(0, 1)}},
      {"choice.index", {kBegin, finish(7)}},
      {"usage.shrinks", {kBegin, usage(3, 1), usage(2, 1)}},
      {"usage.shrinks", {kBegin, usage(-1, 0)}},
      {"usage.empty", {kBegin, event(Kind::kUsage)}},
      {"text.split_utf8", {kBegin, begin(0), delta(0, 0, "\xd0")}},
      {"text.split_utf8", {kBegin, begin(0), delta(0, 0, "\x9f")}},
      {"text.split_utf8", {kBegin, begin(0), delta(0, 0, "\xc0\x80")}},
      {"text.split_utf8", {kBegin, begin(0), delta(0, 0, "\xed\xa0\x80")}},
      {"finish.missing", {kBegin}},
      {"finish.missing", {kBegin, begin(0), end(0)}},
      {"finish.twice", {kBegin, finish(), finish()}},
      {"finish.after", {kBegin, finish(), usage(1, 1)}},
      {"finish.after", {kBegin, finish(), begin(0)}},
  };
  for (const auto& [rule, events] : broken)
    EXPECT_EQ(judge(events), rule) << events.size() << " events";
  EXPECT_EQ(judge({kBegin, finish(0)}, 2), "limit.n");
  EXPECT_EQ(judge({kBegin, begin(0, 1), end(0, 1), finish(1)}, 2), "finish.missing");
  EXPECT_EQ(judge({kBegin, finish(0), begin(0, 0)}, 2), "finish.after");
  EXPECT_EQ(judge({kBegin, finish(0), finish(0)}, 2), "finish.twice");
}

Event progress(std::uint32_t step, std::uint32_t steps, std::string_view what = "painting") {
  Event e = event(Kind::kProgress);
  e.step = step;
  e.steps = steps;
  e.data = what;
  return e;
}

TEST(EventChecker, HoldsTheStepsOfProgress) {
  EXPECT_EQ(judge({kBegin, progress(1, 3), progress(1, 3), progress(3, 3), finish()}), "");
  // Another part of the work counts anew, and so does one of another length.
  EXPECT_EQ(judge({kBegin, progress(3, 3), progress(1, 3, "decoding"), finish()}), "");
  EXPECT_EQ(judge({kBegin, progress(3, 3), progress(1, 9), finish()}), "");
  EXPECT_EQ(judge({kBegin, progress(7, 0), finish()}), "");  // of how many is not known
  EXPECT_EQ(judge({kBegin, progress(4, 3), finish()}), "progress.steps");
  EXPECT_EQ(judge({kBegin, progress(2, 3), progress(1, 3), finish()}), "progress.steps");
}

TEST(EventChecker, IsSilentAfterTheFirstFinding) {
  EventChecker checker;
  ASSERT_TRUE(checker.feed(begin(0)));
  EXPECT_FALSE(checker.feed(begin(5)));
  EXPECT_FALSE(checker.end());
}

// ---- the table of rules

TEST(Rules, AreNamedOnceAndSayWhatToDo) {
  std::vector<std::string> seen;
  for (const Rule& rule : conformance_rules()) {
    EXPECT_THAT(seen, testing::Not(Contains(std::string(rule.name))));
    seen.emplace_back(rule.name);
    EXPECT_THAT(std::string(rule.name), testing::MatchesRegex("[a-z]+\\.[a-z0-9_]+"));
    EXPECT_FALSE(rule.sentence.empty() || rule.fix.empty()) << rule.name;
  }
  EXPECT_GE(seen.size(), 40u);
}

TEST(Rules, AreTheTableOfTheDocument) {
  const std::string page = read_file(INFER_SOURCE_DIR "/docs/formats/plugin-abi.md");
  std::string table;
  for (const Rule& rule : conformance_rules())
    table += "| `" + std::string(rule.name) + "` | " + std::string(rule.sentence) + " |\n";
  EXPECT_THAT(page, HasSubstr(table));
}

// ---- plugins

TEST(CheckPlugin, EchoPasses) {
  const Report report = check_plugin(kEcho, plugin_check());
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
  EXPECT_GE(report.passed.size(), 60u) << report.to_text();
  EXPECT_THAT(report.to_text(), HasSubstr("passes"));
}

TEST(CheckPlugin, EchoOfManyDeltasPasses) {
  PluginCheck check = plugin_check();
  check.model = "500";
  check.max_tokens = 100;
  check.echoes = false;
  const Report report = check_plugin(kEcho, check);
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
}

TEST(CheckPlugin, TwiceInOneProcessPasses) {
  for (int i = 0; i < 2; ++i) {
    const Report report = check_plugin(kEcho, plugin_check());
    EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
  }
}

TEST(CheckPlugin, TellsWhatItLooksAt) {
  PluginCheck check = plugin_check();
  std::vector<std::string> told;
  check.progress = [&](std::string_view what) { told.emplace_back(what); };
  check_plugin(kEcho, check);
  EXPECT_THAT(told, Contains("the file"));
  EXPECT_THAT(told, Contains("cancelling"));
}

TEST(CheckPlugin, AModelThatDoesNotLoadIsAFinding) {
  PluginCheck check = plugin_check();
  check.model = "no such model";
  const Report report = check_plugin(kEcho, check);
  EXPECT_THAT(names(report), ElementsAreArray({"load.failed"}));
  EXPECT_THAT(report.to_text(), HasSubstr("name it echo:"));
}

TEST(CheckPlugin, AMissingFileIsAFinding) {
  const Report report = check_plugin(INFER_BUILD_DIR "/no-such-plugin.so", plugin_check());
  EXPECT_THAT(names(report), ElementsAreArray({"entry.missing"}));
}

TEST(CheckPlugin, AFileThatIsNoPluginIsAFinding) {
  const Report report = check_plugin(INFER_SOURCE_DIR "/README.md", plugin_check());
  EXPECT_THAT(names(report), ElementsAreArray({"entry.missing"}));
}

TEST(CheckPlugin, APainterIsAskedForPictures) {
  const Report report = check_plugin(kBroken + "picture_sound.so", plugin_check());
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
  for (const char* rule :
       {"request.range", "request.blob", "picture.count", "picture.size", "picture.format",
        "picture.seed", "picture.preview", "picture.bytes", "progress.steps", "sources.mix",
        "cancel.ignored", "close.early", "load.again", "size.overrun"})
    EXPECT_THAT(report.passed, Contains(rule));
  EXPECT_THAT(report.passed, testing::Not(Contains("limit.max_tokens")));
}

// Fault -> the rules that it breaks, all of them and in this order.
const std::map<std::string, std::vector<std::string>>& faults() {
  static const auto* const all = new std::map<std::string, std::vector<std::string>>{
      {"any_abi", {"abi.unknown"}},
      {"budget_kept", {"unload.budget"}},
      {"cancel_ignored", {"cancel.ignored"}},
      {"close_waits", {"close.waits"}},
      {"config_ignored", {"load.config", "load.bad_config"}},
      {"delta_before_begin", {"part.delta_before_begin"}},
      {"describes_nothing", {"describe.json"}},
      {"details_no_json", {"error.details"}},
      {"end_not_final", {"end.final"}},
      {"error_half_filled", {"error.unset"}},
      {"error_without_message", {"error.no_message"}},
      {"event_after_finish", {"finish.after"}},
      {"finish_missing", {"finish.missing"}},
      {"finish_without_reason", {"finish.reason"}},
      {"installs_handler", {"process.state"}},
      {"load_goes_on", {"load.cancel"}},
      {"max_tokens_ignored", {"limit.max_tokens"}},
      {"missing_symbol", {"entry.missing", "symbols.extra"}},
      {"no_cancel", {"table.incomplete"}},
      {"no_start", {"start.missing"}},
      {"no_wake", {"wake.missing"}},
      {"part_left_open", {"part.left_open"}},
      {"picture_blob_ignored", {"request.blob"}},
      {"picture_cut", {"picture.bytes"}},
      {"picture_format_ignored", {"picture.format"}},
      {"picture_one_of_n", {"picture.count"}},
      {"picture_preview_unasked", {"picture.preview"}},
      {"picture_range_ignored", {"request.range"}},
      {"picture_seed_ignored", {"picture.seed"}},
      {"picture_size_ignored", {"picture.size"}},
      {"picture_sound", {}},
      {"picture_step_falls", {"progress.steps"}},
      {"pictures_mix", {"sources.mix"}},
      {"prints_to_stdout", {"output.silent"}},
      {"promise_ignored",
       {"limit.stop", "limit.n", "limit.logprobs", "limit.output", "limit.tools"}},
      {"sources_mix", {"sources.mix"}},
      {"split_utf8", {"text.split_utf8"}},
      {"strange_result", {"next.result", "open.failed"}},
      {"task_ignored", {"request.task"}},
      {"thread_left", {"unload.threads"}},
      {"two_finishes", {"finish.twice"}},
      {"two_starts", {"start.twice"}},
      {"two_symbols", {"symbols.extra"}},
      {"unknown_key_refused", {"request.unknown_key"}},
      {"usage_shrinks", {"usage.shrinks"}},
      {"vectors_missing", {"embed.rows"}},
      {"waits_in_next", {"next.waits"}},
      {"wake_after_close", {"wake.after_close"}},
      {"writes_past_size", {"size.overrun"}},
      {"wrong_abi", {"abi.version"}},
      {"wrong_kind", {"part.kind"}},
      {"wrong_part_index", {"part.index"}},
  };
  return *all;
}

class BrokenPlugin : public testing::TestWithParam<std::string> {};

TEST_P(BrokenPlugin, FailsByTheNameOfItsRule) {
  const std::string& fault = GetParam();
  PluginCheck check = plugin_check();
  check.capture_output |= fault == "prints_to_stdout";
  if (fault == "no_wake") check.patience.wake = milliseconds(200);
  if (fault.find("waits") != std::string::npos)
    check.patience.call = milliseconds(20);  // it sleeps for 60
  const Report report = check_plugin(kBroken + fault + ".so", check);
  EXPECT_THAT(names(report), ElementsAreArray(faults().at(fault))) << report.to_text();
  for (const Finding& finding : report.findings) {
    EXPECT_FALSE(finding.what.empty() || finding.fix.empty()) << finding.rule;
    EXPECT_THAT(report.to_text(), HasSubstr(finding.rule));
    EXPECT_THAT(report.passed, testing::Not(Contains(finding.rule)));
  }
}

std::vector<std::string> fault_names() {
  std::vector<std::string> list;
  for (const auto& [fault, rules] : faults()) list.push_back(fault);
  return list;
}
INSTANTIATE_TEST_SUITE_P(Faults, BrokenPlugin, testing::ValuesIn(fault_names()),
                         [](const auto& fault) { return fault.param; });

TEST(BrokenPlugins, AreAllTested) {
  std::vector<std::string> sources;
  for (const auto& entry : fs::directory_iterator(INFER_SOURCE_DIR "/tests/broken-plugins"))
    if (entry.path().extension() == ".c") sources.push_back(entry.path().stem());
  EXPECT_THAT(sources, testing::UnorderedElementsAreArray(fault_names()));
}

// ---- the guide

// Makes a directory of its own, empties it before and removes it afterwards.
struct Folder {
  fs::path path;
  explicit Folder(const std::string& name) : path(fs::path(INFER_BUILD_DIR) / "testing" / name) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path, ignored);
  }
};

TEST(Guide, ItsCompilerLineMakesAPluginThatPasses) {
  std::ifstream guide(INFER_SOURCE_DIR "/docs/guides/writing-a-plugin.md");
  std::string line;
  while (std::getline(guide, line) && line.rfind("cc ", 0) != 0) {
  }
  ASSERT_EQ(line.rfind("cc ", 0), 0u) << "the guide has no line that begins with cc";
  const Folder folder("guide-" +
                      std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  for (const auto& entry : fs::directory_iterator(INFER_SOURCE_DIR "/examples/echo-plugin"))
    if (entry.path().extension() == ".h") fs::copy(entry.path(), folder.path);
  fs::copy_file(INFER_SOURCE_DIR "/examples/echo-plugin/echo.c", folder.path / "hello.c");
  const std::string command =
      "cd '" + folder.path.string() + "' && INFER='" INFER_SOURCE_DIR "' && " + line;
  ASSERT_EQ(std::system(command.c_str()), 0) << command;
  const Report report = check_plugin((folder.path / "infer-hello.so").string(), plugin_check());
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
}

// ---- backends

TEST(CheckBackend, MockPasses) {
  MockScript plain;
  BackendCheck check = backend_check();
  check.echoes = true;
  const Report report = check_backend(mock(plain).backend(), check);
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
  EXPECT_GE(report.passed.size(), 35u) << report.to_text();
}

TEST(CheckBackend, MockWithReasoningAndToolsPasses) {
  MockScript script;
  script.deltas = {"One ", "two ", "three ", "four."};
  script.reasoning = "Let me count.";
  script.tool_calls.push_back({.id = "1", .name = "count", .arguments = "{}"});
  const Report report = check_backend(mock(script).backend(), backend_check());
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
}

TEST(CheckBackend, MockThatTakesItsTimePasses) {
  MockScript script;
  script.deltas = {"One ", "two ", "three ", "four."};
  script.delay = milliseconds(1);
  const Report report = check_backend(mock(script).backend(), backend_check());
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
}

TEST(CheckBackend, MockThatIsRetriedPasses) {
  MockScript script;
  script.deltas = {"One ", "two ", "three ", "four."};
  script.delay = milliseconds(1);
  const TextModel model = mock(script) | Retry{};
  const Report report = check_backend(model.backend(), backend_check());
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
  EXPECT_GE(report.passed.size(), 30u) << report.to_text();
}

// Every other attempt fails, some before anything came, some after what is held back.
TEST(CheckBackend, MockThatNeedsItsRetriesPasses) {
  struct Flaky final : Backend {
    std::shared_ptr<const Backend> good = mock(MockScript{}).backend();
    mutable std::atomic<unsigned> opened{0};
    const ModelInfo& info() const noexcept override { return good->info(); }
    std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                                 const Call& call) const override {
      const unsigned n = opened++;
      if (n % 2 == 1) return good->open(std::move(request), call);
      auto events = std::make_shared<EventBuffer>();
      Event start;
      start.kind = Event::Kind::kStart;
      if (n % 4 == 0) events->push(start);
      return replay(std::move(events), Error(Errc::kOverloaded, "busy"));
    }
  };
  Retry often;
  often.max_retries = 20;
  often.backoff = milliseconds(1);
  BackendCheck check = backend_check();
  check.echoes = true;
  const Report report = check_backend(often(std::make_shared<Flaky>()), check);
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
}

TEST(CheckBackend, ARecordingOfACheckPassesTheCheck) {
  const Folder folder("recording-" +
                      std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  const std::string path = (folder.path / "check.jsonl").string();
  BackendCheck check = backend_check();
  check.echoes = true;
  const TextModel live = mock(MockScript{}) | Record{.path = path};
  const Report recorded = check_backend(live.backend(), check);
  EXPECT_THAT(recorded.findings, IsEmpty()) << recorded.to_text();
  // The check gives this reply up, and so it was not recorded.
  std::string prompt;
  while (prompt.size() < std::size_t{256} * 1024)
    prompt += "one two three four five six seven eight ";
  TextRequest lengthy;
  lengthy.messages = {user(prompt)};
  lengthy.max_tokens = check.max_tokens;
  lengthy.temperature = 0;
  ASSERT_TRUE(live.generate(lengthy));
  const TextModel again = mock(MockScript{}) | Replay{.path = path};
  const Report report = check_backend(again.backend(), check);
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
  EXPECT_GE(report.passed.size(), 30u) << report.to_text();
}

TEST(CheckBackend, EchoThroughThePluginHostPasses) {
  auto model = text("echo:");
  ASSERT_TRUE(model) << model.error();
  BackendCheck check = backend_check();
  check.echoes = true;
  const Report report = check_backend(model->backend(), check);
  EXPECT_THAT(report.findings, IsEmpty()) << report.to_text();
}

// A backend whose every reply is the same list of events, and what may go wrong besides.
struct Script {
  std::vector<Event> events{};
  milliseconds sleep{0};     // in the first pull
  bool forget_wake = false;  // kPending, and nothing arranged
  bool hear_stop = true;
  Step last = Step::kEnd;
  std::string error = "no luck";
  int begun_again = 0;  // events after the end
  bool null_source = false;
};

class ScriptSource final : public Source {
 public:
  ScriptSource(const Script& script, const Call& call) : script_(script), stop_(call.stop) {}
  Step pull(Poller&) override {
    if (script_.hear_stop && stop_.stop_requested()) {
      why_ = *stop_.reason();
      return Step::kError;
    }
    if (at_ == 0 && script_.sleep.count() > 0) std::this_thread::sleep_for(script_.sleep);
    if (at_ == 0 && script_.forget_wake) return Step::kPending;
    if (at_ < script_.events.size()) return ++at_, Step::kEvent;
    if (over_++ > 0 && script_.begun_again > 0) return Step::kEvent;
    return script_.last;
  }
  const Event& event() const noexcept override { return script_.events[at_ - 1]; }
  Error take_error() override { return Error(why_, script_.error); }

 private:
  const Script& script_;
  StopToken stop_;
  std::size_t at_ = 0;
  int over_ = 0;
  Errc why_ = Errc::kEngine;
};

class ScriptBackend final : public Backend {
 public:
  explicit ScriptBackend(Script script) : script_(std::move(script)) {
    info_.provider = "script";
    info_.name = "test";
  }
  const ModelInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Source> open(std::shared_ptr<const Request>, const Call& call) const override {
    if (script_.null_source) return nullptr;
    return std::make_unique<ScriptSource>(script_, call);
  }

 private:
  Script script_;
  ModelInfo info_;
};

std::vector<std::string> broken_by(Script script, Patience patience = backend_check().patience) {
  BackendCheck check = backend_check();
  check.patience = patience;
  return names(check_backend(std::make_shared<ScriptBackend>(std::move(script)), check));
}
std::vector<Event> good_events() { return {kBegin, begin(0), delta(0), end(0), finish()}; }

TEST(CheckBackend, NamesTheBrokenRuleOfTheGrammar) {
  const std::vector<std::pair<std::string, std::vector<Event>>> broken = {
      {"start.missing", {begin(0), delta(0), end(0), finish()}},
      {"start.twice", {kBegin, kBegin, finish()}},
      {"part.delta_before_begin", {kBegin, delta(0), finish()}},
      {"part.after_end", {kBegin, begin(0), end(0), delta(0), finish()}},
      {"part.index", {kBegin, begin(1), end(1), finish()}},
      {"part.left_open", {kBegin, begin(0), finish()}},
      {"choice.index", {kBegin, finish(3)}},
      {"usage.shrinks", {kBegin, usage(5, 5), usage(5, 4), finish()}},
      {"text.split_utf8", {kBegin, begin(0), delta(0, 0, "\xf0\x9f"), end(0), finish()}},
      {"finish.missing", {kBegin, begin(0), end(0)}},
      {"finish.twice", {kBegin, finish(), finish()}},
      {"finish.after", {kBegin, finish(), begin(0)}},
  };
  for (const auto& [rule, events] : broken) {
    Script script;
    script.events = events;
    EXPECT_THAT(broken_by(script), ElementsAreArray({rule}));
  }
}

TEST(CheckBackend, NamesWhatIsWrongBesidesTheGrammar) {
  Script waits;
  waits.events = good_events();
  waits.sleep = milliseconds(30);
  Patience short_call = backend_check().patience;
  short_call.call = milliseconds(10);
  EXPECT_THAT(broken_by(waits, short_call), Contains("next.waits"));

  Script silent;
  silent.events = good_events();
  silent.forget_wake = true;
  Patience short_wake = backend_check().patience;
  short_wake.wake = milliseconds(50);
  EXPECT_THAT(broken_by(silent, short_wake), ElementsAreArray({"wake.missing"}));

  Script deaf;
  deaf.events = good_events();
  deaf.hear_stop = false;
  EXPECT_THAT(broken_by(deaf), Contains("cancel.ignored"));

  Script again;
  again.events = good_events();
  again.begun_again = 1;
  EXPECT_THAT(broken_by(again), ElementsAreArray({"end.final"}));

  Script mute;
  mute.events = {kBegin};
  mute.last = Step::kError;
  mute.error = "";
  EXPECT_THAT(broken_by(mute), ElementsAreArray({"error.no_message", "open.failed"}));

  Script nothing;
  nothing.null_source = true;
  EXPECT_THAT(broken_by(nothing), Contains("open.failed"));
}

// It ignores every promise, and so breaks each of those rules.
TEST(CheckBackend, NamesEachPromiseThatIsNotKept) {
  Script script;
  script.events = {kBegin,
                   begin(0),
                   delta(0, 0, "a b"),
                   delta(0, 0, " c d"),
                   delta(0, 0, " e f"),
                   delta(0, 0, " g"),
                   end(0),
                   finish()};
  const auto rules = broken_by(script);
  for (const char* rule : {"limit.max_tokens", "limit.stop", "limit.n", "limit.logprobs",
                           "limit.output", "limit.tools"})
    EXPECT_THAT(rules, Contains(rule));
}

// One picture that never changes: whoever asks for more or for another gets it all the same.
TEST(CheckBackend, NamesEachPromiseOfPicturesThatIsNotKept) {
  static const Media dot{
      .source = Pixels{
          .data = Blob(std::string(12, 'x')), .width = 2, .height = 2, .channels = 3, .stride = 6}};
  Event picture = media(0, false);
  picture.media = &dot;
  Script script;
  script.events = {kBegin, progress(1, 2), picture, finish()};
  BackendCheck check = backend_check();
  check.paints = true;
  const auto broken = [&](Script how) {
    return names(check_backend(std::make_shared<ScriptBackend>(std::move(how)), check));
  };
  EXPECT_THAT(broken(script),
              ElementsAreArray({"picture.count", "picture.size", "picture.format"}));
  Script empty = script;
  empty.events = {kBegin, finish()};
  EXPECT_THAT(broken(empty), Contains("picture.count"));
  Script nothing = script;
  nothing.events[2].media = nullptr;
  EXPECT_THAT(broken(nothing), ElementsAreArray({"picture.bytes"}));
  Script unasked = script;
  unasked.events.insert(unasked.events.begin() + 1, picture);
  unasked.events[1].preview = true;
  EXPECT_THAT(broken(unasked), ElementsAreArray({"picture.preview"}));
  Script back = script;
  back.events.insert(back.events.begin() + 2, progress(0, 2));
  EXPECT_THAT(broken(back), ElementsAreArray({"progress.steps"}));
}

}  // namespace
}  // namespace infer
