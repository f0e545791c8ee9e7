// check_plugin: from the file inwards - its symbols, its table, its models, its replies.
#include <cstddef>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "src/conformance/plugin_stream.h"
#include "src/conformance/process.h"
#include "src/conformance/scenarios.h"
#include "src/conformance/text.h"

namespace infer {
inline namespace v0 {
namespace {

constexpr const char* kEntry = "infer_plugin_v1";
using Entry = const infer_plugin* (*)(std::uint32_t);

infer_str str(const std::string& text) { return {text.data(), text.size()}; }

class PluginChecker {
 public:
  PluginChecker(const std::string& path, const PluginCheck& options)
      : path_(path), options_(options), journal_(path, options.progress) {}

  Report run();

 private:
  void check_all();
  bool check_file();
  bool check_table();
  bool check_init();
  bool check_load();
  void check_describe(infer_model* model);
  void check_config();
  void check_load_cancel();
  void check_load_again(bool paints);
  bool does(const char* task) const {
    return tasks_.find('"' + std::string(task) + '"') != std::string::npos;
  }
  void check_embedding(PluginSubject& subject);
  void check_replies(PluginSubject& subject);
  void check_requests(PluginSubject& subject);
  void check_ranges(PluginSubject& subject);
  void check_blobs(PluginSubject& subject);
  void check_sizes(PluginSubject& subject);
  void check_leftovers(const std::set<long>& threads_before, std::int64_t granted_before,
                       std::int64_t late_before);

  struct Loaded {
    int code = INFER_E_ENGINE;
    infer_model* model = nullptr;
    std::optional<Error> error{};
    int progress_calls = 0;
  };
  Loaded load(const std::string& config, bool stop = false);

  std::string path_;
  const PluginCheck& options_;
  Journal journal_;
  Entry entry_ = nullptr;
  const infer_plugin* table_ = nullptr;
  std::string tasks_{};  // what describe says, as JSON; empty: it does not say
};

Report PluginChecker::run() {
  const std::string state = process::state();
  if (!options_.capture_output) {
    check_all();
    journal_.skipped("output.silent", "the output is not caught");
  } else {
    process::OutputTrap trap;
    const bool works = trap.works();
    check_all();
    const std::string written = trap.release();
    if (works)
      journal_.check("output.silent", written.empty(), "it wrote " + printable(written));
    else
      journal_.skipped("output.silent", "there is no file to turn the output to");
  }
  journal_.check("process.state", process::state() == state,
                 "signal handlers, locale or working directory are not what they were");
  return journal_.take();
}

void PluginChecker::check_all() {
  if (!check_file() || !check_table() || !check_init()) return;
  std::thread([] {}).join();  // some runtimes start a thread of their own beside the first one
  const std::set<long> threads = process::threads();
  const std::int64_t granted = granted_threads();
  const std::int64_t late = late_wakes();
  if (!check_load()) return;
  check_leftovers(threads, granted, late);
}

bool PluginChecker::check_file() {
  journal_.begin("the file");
  std::string why;
  void* library = process::open_library(path_, why);
  if (!journal_.check("entry.missing", library != nullptr, why)) return false;
  entry_ = reinterpret_cast<Entry>(process::symbol(library, kEntry));
  journal_.check("entry.missing", entry_ != nullptr, std::string("there is no ") + kEntry);
  const auto exported = process::exported_symbols(path_);
  if (!exported) {
    journal_.skipped("symbols.extra", "the file's symbols cannot be read here");
    return entry_ != nullptr;
  }
  std::string extra;
  std::size_t count = 0;
  for (const std::string& name : *exported) {
    if (name == kEntry) continue;
    if (++count <= 5) extra += (count > 1 ? ", " : "") + name;
  }
  journal_.check("symbols.extra", count == 0,
                 std::to_string(count) + " more: " + extra + (count > 5 ? ", ..." : ""));
  return entry_ != nullptr;
}

bool PluginChecker::check_table() {
  journal_.begin("the table");
  constexpr std::uint32_t kNoSuchAbi = 0x7FFFFFFF;
  table_ = entry_(INFER_ABI);
  if (!journal_.check("abi.version", table_ != nullptr, "the entry gives NULL for ABI 1"))
    return false;
  if (!journal_.check("abi.version", table_->abi == INFER_ABI,
                      "the table says ABI " + std::to_string(table_->abi)))
    return false;
  journal_.check("abi.unknown", entry_(kNoSuchAbi) == nullptr,
                 "the entry gives a table for an ABI that does not exist");
  journal_.check("table.constant", entry_(INFER_ABI) == table_, "the second table is another one");
  if (!journal_.check("table.incomplete", table_->size >= sizeof(infer_plugin),
                      "its size is " + std::to_string(table_->size) + ", not " +
                          std::to_string(sizeof(infer_plugin))))
    return false;
  const struct {
    const char* name;
    bool there;
  } parts[] = {{"name", table_->name.size != 0},          {"version", table_->version.size != 0},
               {"licence", table_->licence.size != 0},    {"init", table_->init != nullptr},
               {"load", table_->load != nullptr},         {"unload", table_->unload != nullptr},
               {"describe", table_->describe != nullptr}, {"open", table_->open != nullptr},
               {"next", table_->next != nullptr},         {"cancel", table_->cancel != nullptr},
               {"close", table_->close != nullptr}};
  bool whole = true;
  for (const auto& part : parts)
    whole =
        journal_.check("table.incomplete", part.there, std::string(part.name) + " is missing") &&
        whole;
  return whole;
}

// init comes once in a process, however often a plugin is checked.
bool PluginChecker::check_init() {
  static std::mutex mutex;
  static auto* const done = new std::map<const infer_plugin*, int>;
  std::lock_guard lock(mutex);
  const auto known = done->find(table_);
  if (known != done->end()) return known->second >= 0;
  ErrorOut error;
  const int code = table_->init(check_host(), error.get());
  done->emplace(table_, code);
  if (code >= 0) return journal_.check("init.failed", true, "");
  return journal_.check("init.failed", false, error.take(journal_, "init", code).message());
}

PluginChecker::Loaded PluginChecker::load(const std::string& config, bool stop) {
  std::vector<infer_file> files;
  for (const PluginCheck::File& file : options_.files)
    files.push_back({sizeof(infer_file), -1, str(file.role), str(file.path)});
  std::vector<const infer_file*> pointers;
  for (const infer_file& file : files) pointers.push_back(&file);

  struct Watcher {
    bool stop;
    int calls;
    static int progress(void* self, float) {
      ++static_cast<Watcher*>(self)->calls;
      return static_cast<Watcher*>(self)->stop ? 1 : 0;
    }
  } watcher{stop, 0};
  infer_load how{};
  how.size = sizeof how;
  how.name = str(options_.model);
  how.files = pointers.data();
  how.n_files = pointers.size();
  how.config = str(config);
  how.ctx = &watcher;
  how.progress = &Watcher::progress;

  Loaded loaded;
  ErrorOut error;
  loaded.code = table_->load(&how, &loaded.model, error.get());
  loaded.progress_calls = watcher.calls;
  if (loaded.code < 0) {
    loaded.error = error.take(journal_, "load", loaded.code);
    loaded.model = nullptr;
  }
  return loaded;
}

bool PluginChecker::check_load() {
  journal_.begin("loading a model");
  const Loaded loaded = load(options_.config);
  if (!journal_.check("load.failed", loaded.model != nullptr,
                      loaded.error ? loaded.error->message() : "load went well and gave no model"))
    return false;
  check_describe(loaded.model);
  PluginSubject subject(journal_, options_, table_, loaded.model);
  check_embedding(subject);
  // A model that is for other things than text and pictures is looked at no further.
  subject.paints = does("image");
  if (subject.paints) check_replies(subject);
  subject.paints = false;
  if (tasks_.empty() || does("text")) check_replies(subject);
  table_->unload(loaded.model);
  return true;
}

void PluginChecker::check_replies(PluginSubject& subject) {
  if (!check_plain_reply(subject)) return;
  journal_.begin("requests in the wrong");
  check_requests(subject);
  if (subject.paints) check_ranges(subject);
  if (subject.paints) check_blobs(subject);
  journal_.begin("structs of other sizes");
  check_sizes(subject);
  check_many_replies(subject);
  journal_.begin("loading in other ways");
  check_config();
  check_load_cancel();
  check_load_again(subject.paints);
}

void PluginChecker::check_describe(infer_model* model) {
  std::string texts[2];
  for (std::string& text : texts) {
    infer_str json{};
    ErrorOut error;
    const int code = table_->describe(model, &json, error.get());
    if (code < 0) {
      journal_.check("describe.json", false, error.take(journal_, "describe", code).message());
      return;
    }
    if (json.data) text.assign(json.data, json.size);
  }
  journal_.check("describe.stable", texts[0] == texts[1], "the second text is another one");
  std::vector<std::pair<std::string_view, std::string_view>> members;
  bool good = json_members(texts[0], members);
  for (const auto& [key, value] : members) {
    if (key == "name") good &= value.front() == '"';
    if (key == "tasks") {
      good &= value.front() == '[';
      tasks_ = value;
    }
    if (key == "capabilities") good &= value.front() == '{';
  }
  journal_.check("describe.json", good, "it gives " + printable(texts[0]));
}

void PluginChecker::check_embedding(PluginSubject& subject) {
  if (!does("embed")) return journal_.skipped("embed.rows", "the model makes no embeddings");
  journal_.begin("an embedding request");
  const Outcome outcome = subject.ask_json(
      "{\"inputs\":[\"one\",\"two words\",\"three\"],\"task\":\"embed\"}", INFER_TASK_EMBED);
  journal_.check("embed.rows", outcome.complete() && outcome.vectors == 1 && outcome.rows == 3,
                 "for three inputs came " + std::to_string(outcome.vectors) +
                     " VECTORS events with " + std::to_string(outcome.rows) + " rows; the reply " +
                     outcome.to_text());
}

void PluginChecker::check_config() {
  const std::string key = "no_such_key";
  Loaded loaded = load("{\"" + key + "\":1}");
  journal_.check("load.config",
                 loaded.code == INFER_E_INVALID_REQUEST && loaded.error &&
                     loaded.error->message().find(key) != std::string::npos,
                 "the key " + key + " gives " + std::to_string(loaded.code) +
                     (loaded.error ? ": " + loaded.error->message() : ""));
  if (loaded.model) table_->unload(loaded.model);
  loaded = load("{\"half\":");
  journal_.check("load.bad_config", loaded.code == INFER_E_INVALID_REQUEST,
                 "half a config gives " + std::to_string(loaded.code));
  if (loaded.model) table_->unload(loaded.model);
}

void PluginChecker::check_load_cancel() {
  const Loaded loaded = load(options_.config, true);
  if (loaded.progress_calls == 0)
    journal_.skipped("load.cancel", "loading tells no progress");
  else
    journal_.check("load.cancel", loaded.code == INFER_E_CANCELLED,
                   "load gives " + std::to_string(loaded.code) + " after progress said stop");
  if (loaded.model) table_->unload(loaded.model);
}

// The first model is still loaded.
void PluginChecker::check_load_again(bool paints) {
  for (int i = 0; i < 2; ++i) {
    const Loaded loaded = load(options_.config);
    if (!journal_.check("load.again", loaded.model != nullptr,
                        loaded.error ? loaded.error->message() : "load gave no model"))
      return;
    PluginSubject subject(journal_, options_, table_, loaded.model);
    subject.paints = paints;
    const Outcome outcome = subject.ask_plain(subject.plain_json(json_quoted(options_.prompt)));
    journal_.check("load.again", outcome.complete() || outcome.code == Errc::kUnsupported,
                   "a reply of the model loaded again " + outcome.to_text());
    table_->unload(loaded.model);
  }
}

void PluginChecker::check_requests(PluginSubject& subject) {
  const std::string prompt = json_quoted(options_.prompt);
  const std::string deep(20000, '[');
  const bool paints = subject.paints;
  const auto plain = [&](const std::string& quoted) {
    return paints ? picture_json(quoted) : request_json(quoted, 0);
  };
  const std::string wrong[] = {"",
                               "{",
                               "[]",
                               "null",
                               paints ? "{\"task\":\"image\"}" : "{\"task\":\"text\"}",
                               paints ? picture_json("7") : "{\"messages\":7,\"task\":\"text\"}",
                               plain("\"\\ud83e\""),
                               plain("\"\\x\""),
                               deep,
                               plain(prompt) + "}",
                               std::string("{\0}", 3)};
  for (const std::string& request : wrong) {
    const Outcome outcome = subject.ask_plain(request);
    journal_.check("request.bad_json", outcome.refused() && outcome.code == Errc::kInvalidRequest,
                   "the request " + printable(request) + " " + outcome.to_text());
  }
  Outcome outcome =
      subject.ask_plain(subject.plain_json(prompt, "\"no_such_key\":{\"a\":[1,\"}\"]},"));
  journal_.check("request.unknown_key", outcome.complete(),
                 "a request with a key of the future " + outcome.to_text());
  std::string dance = subject.plain_json(prompt);
  const std::string task = paints ? "\"task\":\"image\"" : "\"task\":\"text\"";
  dance.replace(dance.find(task), task.size(), "\"task\":\"dance\"");
  outcome = subject.ask_json(dance, 99);
  journal_.check("request.task", outcome.refused() && outcome.code == Errc::kUnsupported,
                 "a request of task 99 " + outcome.to_text());
  outcome = subject.ask_plain(subject.plain_json("\"\""));
  journal_.check("request.empty",
                 outcome.end != Outcome::End::kFailed || outcome.code == Errc::kInvalidRequest,
                 "a request with an empty text " + outcome.to_text());
  const std::string escapes = "\"\\u0424\\u043e\\u043a\\u0441 \\ud83e\\udd8a \\n\"";
  outcome = subject.ask_plain(options_.echoes ? plain(escapes) : subject.plain_json(escapes));
  journal_.check("open.failed", outcome.complete() || outcome.end == Outcome::End::kBroken,
                 "a prompt of escapes " + outcome.to_text());
  if (options_.echoes && !paints && outcome.complete())
    journal_.check("text.changed",
                   outcome.text == "\xd0\xa4\xd0\xbe\xd0\xba\xd1\x81 \xf0\x9f\xa6\x8a \n",
                   "a prompt of escapes came back as " + printable(outcome.text));
}

// What crashes, hangs or fills the memory of engines that believe it.
void PluginChecker::check_ranges(PluginSubject& subject) {
  for (const char* wrong :
       {"\"width\":0,\"height\":0,", "\"height\":-64,", "\"steps\":0,", "\"steps\":-1,",
        "\"steps\":4000000000,", "\"n\":0,", "\"n\":-1,", "\"n\":4000000000,",
        "\"width\":4294967288,\"height\":4294967288,", "\"width\":1e99,", "\"seed\":-1,"}) {
    const Outcome outcome = subject.ask_plain(picture_json(json_quoted(options_.prompt), wrong));
    const bool refused = outcome.refused() &&
                         (outcome.code == Errc::kInvalidRequest ||
                          outcome.code == Errc::kUnsupported || outcome.code == Errc::kTooLarge);
    journal_.check("request.range", refused,
                   "a request with " + printable(wrong) + " " + outcome.to_text());
  }
}

void PluginChecker::check_blobs(PluginSubject& subject) {
  for (const char* wrong :
       {"\"images\":[{\"pixels\":0}],", "\"images\":[{\"blob\":7,\"mime\":\"image/png\"}],",
        "\"images\":[{\"pixels\":0}],\"mask\":{\"pixels\":1},", "\"mask\":{\"pixels\":-1},"}) {
    const Outcome outcome =
        subject.ask_plain(subject.plain_json(json_quoted(options_.prompt), wrong));
    journal_.check("request.blob",
                   outcome.refused() && (outcome.code == Errc::kInvalidRequest ||
                                         outcome.code == Errc::kUnsupported),
                   "a request with " + printable(wrong) + " and no blobs " + outcome.to_text());
  }
}

void PluginChecker::check_sizes(PluginSubject& subject) {
  const AbiSizes ages[] = {
      {offsetof(infer_event, logprobs), offsetof(infer_error, request_id), sizeof(infer_open)},
      {sizeof(infer_event) + 64, sizeof(infer_error) + 64, sizeof(infer_open) + 64}};
  for (const AbiSizes& age : ages) {
    subject.sizes = age;
    const Outcome outcome = subject.ask_plain(subject.plain_json(json_quoted(options_.prompt)));
    journal_.check(
        "size.overrun", outcome.complete() || outcome.end == Outcome::End::kBroken,
        "with an event of " + std::to_string(age.event) + " bytes the reply " + outcome.to_text());
    subject.ask_plain("{");  // an error of that age
  }
  subject.sizes = AbiSizes{};
}

void PluginChecker::check_leftovers(const std::set<long>& threads_before,
                                    std::int64_t granted_before, std::int64_t late_before) {
  journal_.begin("what is left after unload");
  std::this_thread::sleep_for(options_.patience.settle);
  journal_.check("wake.after_close", late_wakes() == late_before,
                 std::to_string(late_wakes() - late_before) + " wakes came after close");
  journal_.check("unload.budget", granted_threads() == granted_before,
                 std::to_string(granted_threads() - granted_before) + " threads are still granted");
  std::size_t left = 0;
  for (int attempt = 0; attempt < 10; ++attempt) {  // a thread that was joined may linger a moment
    left = 0;
    for (const long id : process::threads()) left += threads_before.count(id) == 0;
    if (left == 0) break;
    std::this_thread::sleep_for(options_.patience.settle);
  }
  journal_.check("unload.threads", left == 0, std::to_string(left) + " threads are left");
}

}  // namespace

Report check_plugin(const std::string& path, const PluginCheck& options) {
  return PluginChecker(path, options).run();
}

}  // namespace v0
}  // namespace infer
