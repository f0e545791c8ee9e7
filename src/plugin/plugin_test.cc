#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "infer/infer.h"
#include "src/core/json.h"
#include "src/core/scripted.h"
#include "src/plugin/codes.h"
#include "src/plugin/exit.h"
#include "src/plugin/host.h"
#include "src/plugin/library.h"
#include "src/plugin/testdata/probe.h"
#include "src/port/temp_dir.h"

namespace infer::plugin {
namespace {

using namespace std::chrono_literals;
using port::TempDir;

std::string built(const std::string& name) {
  return INFER_BUILD_DIR "/testbin/plugins/infer-" + name + ".so";
}
// A registry that sees the test plugins, or those in `directory`.
Registry registry(const std::string& directory = INFER_BUILD_DIR "/testbin/plugins") {
  setenv("INFER_PLUGIN_PATH", directory.c_str(), 1);
  return Registry::with_plugins();
}
template <class F>
F symbol(const std::string& path, const char* name) {
  void* object = dlopen(path.c_str(), RTLD_NOW | RTLD_NOLOAD);
  return object ? reinterpret_cast<F>(dlsym(object, name)) : nullptr;
}
ProbeCounters& counters() {
  static ProbeCounters* const one = [] {
    EXPECT_TRUE(load(built("probe")));
    return symbol<ProbeCounters* (*)()>(built("probe"), "probe_counters")();
  }();
  return *one;
}
std::string copy_probe(const TempDir& dir, const std::string& name) {
  std::filesystem::copy_file(built("probe"), dir / name);
  chmod((dir / name).c_str(), 0755);
  return dir / name;
}

// ---- finding and refusing ----------------------------------------------------------------------

TEST(Library, IsFoundCheckedAndDescribed) {
  registry();
  auto library = find("probe");
  ASSERT_TRUE(library) << library.error();
  EXPECT_EQ((*library)->scheme, "probe");
  EXPECT_EQ((*library)->version, "1.2");
  EXPECT_EQ((*library)->licence, "MIT");
  EXPECT_EQ(*find("probe"), *library);
  EXPECT_EQ(*load(built("probe")), *library);
  EXPECT_EQ(counters().inits, 1);
}

TEST(Library, UntrustedFilesAreNotLoaded) {
  TempDir dir;
  const std::string file = copy_probe(dir, "infer-probe.so");
  const Registry r = registry(dir.path());
  chmod(file.c_str(), 0757);
  auto refused = r.text("probe:3");
  EXPECT_EQ(refused.error().code(), Errc::kForbidden);
  EXPECT_NE(refused.error().message().find(file), std::string::npos) << refused.error();
  chmod(file.c_str(), 0755);
  chmod(dir.path().c_str(), 0777);
  EXPECT_EQ(r.text("probe:3").error().code(), Errc::kForbidden);
  EXPECT_EQ(dlopen(file.c_str(), RTLD_NOW | RTLD_NOLOAD), nullptr);  // not even opened
  // A refusal for what can be mended is not kept.
  chmod(dir.path().c_str(), 01777);
  chmod(file.c_str(), 0775);
  EXPECT_TRUE(r.text("probe:3"));
}

TEST(Library, OthersPeoplesFilesAreNotLoaded) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give a file away";
  TempDir dir;
  const std::string file = copy_probe(dir, "infer-probe.so");
  ASSERT_EQ(chown(file.c_str(), 54321, 0), 0);
  EXPECT_EQ(registry(dir.path()).text("probe:3").error().code(), Errc::kForbidden);
}

TEST(Library, BrokenPluginsSayWhatIsWrong) {
  const struct {
    const char* name;
    Errc code;
    const char* says;
  } cases[] = {
      {"wrong-abi", Errc::kUnsupported, "ABI 7"},
      {"null-table", Errc::kUnsupported, "cannot serve"},
      {"small-table", Errc::kUnsupported, "too small"},
      {"no-next", Errc::kUnsupported, "lacks a required function"},
      {"no-name", Errc::kUnsupported, "calls itself ''"},
      {"init-fails", Errc::kUnsupported, "this processor is too old"},
      {"no-symbol", Errc::kUnsupported, "infer_plugin_v1"},
  };
  const Registry r = registry();
  for (const auto& c : cases) {
    for (int again = 0; again < 2; ++again) {
      auto model = r.text(std::string(c.name) + ":x");
      ASSERT_FALSE(model) << c.name;
      EXPECT_EQ(model.error().code(), c.code) << model.error();
      EXPECT_NE(model.error().message().find(c.says), std::string::npos) << model.error();
      EXPECT_NE(model.error().message().find(built(c.name)), std::string::npos) << model.error();
    }
  }
  // init comes once, also where it failed.
  EXPECT_EQ(symbol<int (*)()>(built("init-fails"), "refused_inits")(), 1);
}

TEST(Library, WrongFilesSayWhatIsWrong) {
  TempDir dir;
  dir.write("infer-text.so", "not an ELF file");
  dir.write("infer-empty.so", "");
  copy_probe(dir, "infer-other.so");
  std::filesystem::create_directory(dir / "infer-dir.so");
  const Registry r = registry(dir.path());
  EXPECT_EQ(r.text("text:x").error().code(), Errc::kEngine);
  EXPECT_EQ(r.text("empty:x").error().code(), Errc::kEngine);
  EXPECT_EQ(r.text("dir:x").error().code(), Errc::kNotFound);
  auto other = r.text("other:x");
  EXPECT_EQ(other.error().code(), Errc::kUnsupported);
  EXPECT_NE(other.error().message().find("calls itself 'probe'"), std::string::npos);
  EXPECT_EQ(load(dir / "none.so").error().code(), Errc::kNotFound);
}

TEST(Library, TheFirstDirectoryWins) {
  TempDir a, b;
  const std::string first = copy_probe(a, "infer-probe.so");
  copy_probe(b, "infer-probe.so");
  b.write("infer-bad.so", "not an ELF file");
  const Registry r = registry("relative:" + a.path() + ":" + b.path());
  EXPECT_EQ(plugin_directories()[0], a.path());
  EXPECT_EQ((*find("probe"))->path, first);
  bool probe = false, bad = false;
  for (const PluginFile& file : list_plugins()) {
    if (file.scheme == "probe") {
      probe = true;
      EXPECT_EQ(file.path, first);
      EXPECT_EQ(file.version, "1.2");
      EXPECT_EQ(file.problem, "");
    } else if (file.scheme == "bad") {
      bad = true;
      EXPECT_NE(file.problem, "");
    }
  }
  EXPECT_TRUE(probe);
  EXPECT_TRUE(bad);
  const auto schemes = r.schemes();
  EXPECT_NE(std::find(schemes.begin(), schemes.end(), "probe"), schemes.end());
  EXPECT_EQ(std::find(schemes.begin(), schemes.end(), "bad"), schemes.end());
}

// The log lines of a test.
class LogLines {
 public:
  LogLines() {
    set_log(
        [](void* self, int, std::string_view line) {
          static_cast<LogLines*>(self)->text_ += std::string(line) + "\n";
        },
        this);
  }
  ~LogLines() { set_log(nullptr, nullptr); }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

std::string taken(std::string_view scheme) {
  auto library = find(scheme);
  return library ? (*library)->scheme : library.error().message();
}

void copy_flavour(const TempDir& dir, const std::string& name) {
  std::filesystem::copy_file(built(name), dir / ("infer-" + name + ".so"));
}

TEST(Flavours, TheBestThatCanBeUsedIsTaken) {
  registry();
  const LogLines log;
  EXPECT_EQ(taken("flavoured"), "flavoured-vulkan");
  EXPECT_NE(log.text().find("infer-flavoured-cuda.so: this processor is too old"),
            std::string::npos)
      << log.text();
}

TEST(Flavours, ThePlainOneIsTheLast) {
  TempDir dir;
  copy_flavour(dir, "flavoured");
  copy_flavour(dir, "flavoured-cuda");
  dir.write("infer-flavoured-metal.so", "not an ELF file");
  registry(dir.path());
  EXPECT_EQ(taken("flavoured"), "flavoured");
}

TEST(Flavours, WithoutAPlainOneTheReasonIsTold) {
  TempDir dir;
  copy_flavour(dir, "flavoured-cuda");
  const Registry r = registry(dir.path());
  EXPECT_NE(taken("flavoured").find("this processor is too old"), std::string::npos)
      << taken("flavoured");
}

TEST(Flavours, OneCanBeNamedExactly) {
  const Registry r = registry();
  EXPECT_EQ(taken("flavoured-vulkan"), "flavoured-vulkan");
  EXPECT_NE(taken("flavoured-cuda").find("this processor is too old"), std::string::npos);
  EXPECT_NE(taken("flavoured-metal").find("no backend 'flavoured-metal'"), std::string::npos);
}

TEST(Flavours, TheListTellsWhichAndWhyAndWhatOn) {
  registry();
  std::map<std::string, PluginFile> found;
  for (PluginFile& file : list_plugins()) found.emplace(file.scheme, std::move(file));
  EXPECT_EQ(found["flavoured-vulkan"].taken_for, "flavoured");
  EXPECT_EQ(found["flavoured-vulkan"].problem, "");
  ASSERT_EQ(found["flavoured-vulkan"].devices.size(), 1U);
  const Device& device = found["flavoured-vulkan"].devices[0];
  EXPECT_EQ(device.name, "Test0");
  EXPECT_EQ(device.description, "a device");
  EXPECT_EQ(device.type, "gpu");
  EXPECT_EQ(device.memory_free, 5);
  EXPECT_EQ(device.memory_total, 9);
  EXPECT_EQ(found["flavoured"].taken_for, "");
  EXPECT_EQ(found["flavoured"].problem, "");
  EXPECT_NE(found["flavoured-cuda"].problem, "");
  EXPECT_TRUE(found["probe"].devices.empty());
}

TEST(SamplerNames, ComeFromThePluginOfTheScheme) {
  registry();
  const auto names = sampler_names("probe");
  ASSERT_TRUE(names) << names.error();
  EXPECT_EQ(names->sample_methods, (std::vector<std::string>{"euler", "heun"}));
  EXPECT_EQ(names->schedulers, std::vector<std::string>{"discrete"});
  // Of the flavour that is taken, as models are.
  EXPECT_EQ(sampler_names("flavoured")->sample_methods,
            std::vector<std::string>{"flavoured-vulkan"});
  EXPECT_TRUE(sampler_names("flavoured")->schedulers.empty());
  EXPECT_EQ(sampler_names("flavoured-vulkan")->sample_methods.size(), 1U);
  EXPECT_EQ(sampler_names("nowhere").error().code(), Errc::kNotFound);
  const auto none = sampler_names("nameless");
  EXPECT_EQ(none.error().code(), Errc::kUnsupported);
  EXPECT_NE(none.error().message().find("infer-nameless.so tells no names"), std::string::npos);
}

TEST(Library, LoadsOnceFromManyThreads) {
  TempDir dir;
  const std::string file = copy_probe(dir, "infer-probe.so");
  std::set<const Library*> seen;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      auto library = load(file);
      std::lock_guard lock(mutex);
      ASSERT_TRUE(library);
      seen.insert(*library);
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 1u);
  EXPECT_EQ(symbol<ProbeCounters* (*)()>(file, "probe_counters")()->inits, 1);
}

// Each counts from zero, also where all run in one process.
struct PluginModel : testing::Test {
  void SetUp() override {
    ProbeCounters& c = counters();
    for (auto* n : {&c.loads, &c.unloads, &c.opens, &c.closes, &c.cancels}) *n = 0;
    ASSERT_EQ(c.threads, 0);
  }
};
struct PluginSource : PluginModel {};

// ---- models ------------------------------------------------------------------------------------

TEST_F(PluginModel, EqualNameAndConfigShareOneLoad) {
  const Registry r = registry();
  {
    auto a = r.text("probe:5", LocalConfig{.context = 100});
    auto b = r.text("probe:5", LocalConfig{.context = 100});
    ASSERT_TRUE(a && b);
    EXPECT_EQ(counters().loads, 1);
    auto c = r.text("probe:5", LocalConfig{.context = 101});
    auto d = r.text("probe:6", LocalConfig{.context = 100});
    auto e = r.text("probe:5");
    ASSERT_TRUE(c && d && e);
    EXPECT_EQ(counters().loads, 4);
    // The same configuration in other words.
    auto f = r.text("probe:5", PluginConfig{"{ \"context\" : 100 }"});
    EXPECT_EQ(counters().loads, 4);
    EXPECT_EQ(b->generate("hi")->text(), "w w w w w ");
    EXPECT_EQ(counters().unloads, 0);
  }
  EXPECT_EQ(counters().unloads, 4);
  EXPECT_EQ(counters().threads, 0);
  ASSERT_TRUE(r.text("probe:5", LocalConfig{.context = 100}));
  EXPECT_EQ(counters().loads, 5);  // nobody held it
}

TEST_F(PluginModel, TwoFilesOfOneNameDoNotShare) {
  TempDir dir;
  const std::string copy = copy_probe(dir, "infer-probe.so");
  auto a = registry().text("probe:5");
  auto b = registry(dir.path()).text("probe:5");
  ASSERT_TRUE(a && b);
  EXPECT_EQ(counters().loads, 1);
  EXPECT_EQ(symbol<ProbeCounters* (*)()>(copy, "probe_counters")()->loads, 1);
}

TEST_F(PluginModel, KnowsItself) {
  auto model = registry().text("probe:5");
  ASSERT_TRUE(model);
  const ModelInfo& info = model->info();
  EXPECT_EQ(info.provider, "probe");
  EXPECT_EQ(info.name, "5");
  EXPECT_EQ(info.family, "probe");
  EXPECT_EQ(info.context, 123);
  EXPECT_EQ(info.width, 64);
  EXPECT_EQ(info.height, 32);
  EXPECT_EQ(info.size_multiple, 8);
  EXPECT_FALSE(info.parameters.has_value());
  EXPECT_EQ(info.tools, Known::kYes);
  EXPECT_EQ(info.vision, Known::kNo);
  EXPECT_EQ(info.grammar, Known::kUnknown);  // of the wrong type
  EXPECT_EQ(info.logprobs, Known::kUnknown);
}

TEST_F(PluginModel, FailuresAreErrors) {
  const Registry r = registry();
  auto broken = r.text("probe:broken");
  EXPECT_EQ(broken.error().code(), Errc::kModelInvalid);
  EXPECT_EQ(broken.error().provider(), "probe");
  EXPECT_EQ(broken.error().message(), "the third layer is bent");  // one line
  EXPECT_EQ(broken.error().detail("rule"), "shape");
  EXPECT_EQ(broken.error().detail("offset"), "12");
  auto missing = r.text("probe:missing");
  EXPECT_EQ(missing.error().code(), Errc::kNotFound);
  EXPECT_NE(missing.error().message().find("no such thing"), std::string::npos);
  EXPECT_NE(missing.error().message().find("MODELS_PATH"), std::string::npos);
  EXPECT_EQ(r.text("probe:nothing").error().code(), Errc::kEngine);
  EXPECT_EQ(r.text("probe:describe").error().code(), Errc::kEngine);
  EXPECT_EQ(r.text("probe:/no/such/file.gguf").error().code(), Errc::kNotFound);
  EXPECT_EQ(r.text("probe:x", PluginConfig{"[]"}).error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(r.text("probe:x", PluginConfig{"{"}).error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(counters().loads - counters().unloads, 3);  // broken, missing, nothing made none
}

TEST_F(PluginModel, ConfigIsCanonicalJson) {
  const auto seen = [](const Config& config) {
    return registry().text("probe:config", config)->info().family;
  };
  EXPECT_EQ(seen({}), "{}");
  EXPECT_EQ(seen(LocalConfig{}), "{}");
  EXPECT_EQ(seen(LocalConfig{.context = 5, .threads = 2, .mmap = false}),
            "{'context':5,'mmap':false,'threads':2}");
  EXPECT_EQ(seen(PluginConfig{}), "{}");
  EXPECT_EQ(seen(PluginConfig{"{ \"z\": [1],\n\"a\":0.5}"}), "{'a':0.5,'z':[1]}");
}

TEST_F(PluginModel, ACardLiesBeneathTheConfig) {
  TempDir dir;
  setenv("MODELS_PATH", dir.path().c_str(), 1);
  const std::string file = dir.write("config.gguf", "x");
  const std::string card = dir.write(
      "config.card.json", R"({"config":{"threads":2,"defaults":{"steps":8,"width":64}}})");
  const Registry r = registry();
  const auto seen = [&](const Config& config) {
    auto model = r.text("probe:config", config);
    return model ? model->info().family : model.error().message();
  };
  EXPECT_EQ(seen({}), "{'defaults':{'steps':8,'width':64},'threads':2}");
  EXPECT_EQ(seen(LocalConfig{.threads = 1, .defaults = ImageDefaults{.steps = 4}}),
            "{'defaults':{'steps':4,'width':64},'threads':1}");
  EXPECT_EQ(seen(PluginConfig{R"({"own":1,"defaults":{"width":32}})"}),
            "{'defaults':{'steps':8,'width':32},'own':1,'threads':2}");
  // Models are shared by what they are loaded with, whoever said it.
  const int loads = counters().loads;
  auto one = r.text("probe:config");
  auto same = r.text("probe:config", LocalConfig{.threads = 2});
  EXPECT_TRUE(one && same);
  EXPECT_EQ(counters().loads, loads + 1);
  dir.write("config.card.json", "{");
  EXPECT_NE(seen({}).find(card), std::string::npos) << seen({});
  unsetenv("MODELS_PATH");
}

TEST_F(PluginModel, ProgressNeverFallsAndEndsAtOne) {
  std::vector<Result<TextModel>> kept;  // the second "1" is shared
  for (const char* name : {"probe:jumpy", "probe:slow", "probe:1", "probe:1"}) {
    std::vector<double> seen;
    kept.push_back(
        registry().text(name, {}, Load{.progress = [&](double p) { seen.push_back(p); }}));
    ASSERT_TRUE(kept.back());
    ASSERT_FALSE(seen.empty());
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_GE(seen.front(), 0);
    EXPECT_EQ(seen.back(), 1);
  }
}

TEST_F(PluginModel, ALoadCanBeStopped) {
  const Registry r = registry();
  StopSource stop;
  int calls = 0;
  auto model = r.text("probe:slow", {}, Load{.stop = stop.token(), .progress = [&](double) {
                                               if (++calls == 3) stop.request_stop(Errc::kTimeout);
                                             }});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code(), Errc::kTimeout);  // the reason, not only that it ended
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(counters().unloads, 0);
  auto never = r.text("probe:slow", {}, Load{.stop = stop.token()});
  EXPECT_EQ(never.error().code(), Errc::kTimeout);
  EXPECT_EQ(counters().loads, 1);  // stopped before it began
}

TEST_F(PluginModel, ConcurrentLoadsLoadOnce) {
  const Registry r = registry();
  std::vector<std::thread> threads;
  std::vector<std::optional<Result<TextModel>>> models(4);
  for (std::size_t t = 0; t < 4; ++t)
    threads.emplace_back([&, t] { models[t].emplace(r.text("probe:slow")); });
  for (auto& thread : threads) thread.join();
  for (const auto& model : models) EXPECT_TRUE(model->has_value());
  EXPECT_EQ(counters().loads, 1);
}

TEST_F(PluginModel, WhoWaitsForAnotherLoadCanStopWaiting) {
  const Registry r = registry();
  StopSource first, second;
  std::atomic<bool> loading{false};
  std::optional<Result<TextModel>> slow;
  std::thread loader([&] {
    slow.emplace(r.text("probe:slow", {},
                        Load{.stop = first.token(), .progress = [&](double) { loading = true; }}));
  });
  while (!loading) std::this_thread::yield();
  std::thread stopper([&] {
    std::this_thread::sleep_for(10ms);
    second.request_stop();
    first.request_stop();
  });
  auto waiting = r.text("probe:slow", {}, Load{.stop = second.token()});
  EXPECT_EQ(waiting.error().code(), Errc::kCancelled);
  stopper.join();
  loader.join();
  EXPECT_FALSE(slow->has_value());
  // The failed load left nothing behind that would block the next.
  EXPECT_TRUE(r.text("probe:slow"));
}

// ---- replies -----------------------------------------------------------------------------------

TEST_F(PluginSource, EventsCrossWhole) {
  auto model = registry().text("probe:all");
  ASSERT_TRUE(model);
  std::vector<Event::Kind> kinds;
  const TextModel tapped =
      *model | Tap{.on_event = [&](const Event& e) { kinds.push_back(e.kind); }};
  auto done = tapped.generate("hi");
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->model, "probe-1");
  ASSERT_EQ(done->warnings.size(), 1u);
  EXPECT_EQ(done->warnings[0].message, "a warning");
  const auto& parts = done->message().parts;
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[0].get<Reasoning>()->signature, "signed");
  EXPECT_EQ(parts[0].issuer, "probe");
  EXPECT_EQ(parts[1].get<Text>()->text, "a");
  EXPECT_EQ(parts[2].get<Opaque>()->type, "later");
  ASSERT_EQ(done->choices[0].logprobs.size(), 1u);
  EXPECT_EQ(done->choices[0].logprobs[0].top[0].bytes, "b");
  EXPECT_EQ(done->vectors, (std::vector<float>{1, 2, 3, 4}));
  EXPECT_EQ(done->dimensions, 2u);
  EXPECT_EQ(done->usage.input, 5);
  EXPECT_NE(done->usage.output, 999);  // lies beyond the struct's size
  EXPECT_EQ(std::count(kinds.begin(), kinds.end(), Event::Kind::kNone), 1);
}

TEST_F(PluginSource, APictureWithoutAllItsBytesIsAnError) {
  auto done = registry().text("probe:picture")->generate("hi");
  EXPECT_EQ(done.error().code(), Errc::kEngine);
  EXPECT_NE(done.error().message().find("picture"), std::string::npos);
}

TEST_F(PluginSource, VectorsWithoutAllTheirNumbersAreAnError) {
  auto done = registry().embedding("probe:vectors")->embed({"a", "b"});
  EXPECT_EQ(done.error().code(), Errc::kEngine);
  EXPECT_NE(done.error().message().find("vectors"), std::string::npos);
}

TEST_F(PluginSource, ErrorsCrossWhole) {
  auto done = registry().text("probe:deaf")->generate("hi");
  ASSERT_FALSE(done);
  const Error& e = done.error();
  EXPECT_EQ(e.code(), Errc::kRateLimited);
  EXPECT_EQ(e.message(), std::string(1024, 'm'));
  EXPECT_EQ(e.detail("need"), "12");
  EXPECT_EQ(e.detail("have"), "4");
  EXPECT_EQ(e.request_id(), "r-1");
  EXPECT_EQ(e.body(), "\xEF\xBF\xBD body");
  EXPECT_EQ(e.http_status(), 429);
  EXPECT_EQ(e.retry_after(), 1500ms);
  EXPECT_EQ(e.provider(), "probe");
  auto refused = registry().text("probe:3")->generate("refuse");
  EXPECT_EQ(refused.error().code(), Errc::kUnsupported);
  EXPECT_EQ(counters().opens, counters().closes);
}

TEST_F(PluginSource, AnEarlyWakeIsHarmless) {
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(registry().text("probe:early")->generate("hi"));
}

TEST_F(PluginSource, StopsAndTimeoutsReachTheEngine) {
  auto model = registry().text("probe:endless");
  ASSERT_TRUE(model);
  StopSource stop;
  Reply reply = model->stream("hi", {.stop = stop.token()});
  for (int i = 0; i < 50; ++i) ASSERT_NE(reply.next(), nullptr);
  std::thread other([&] { stop.request_stop(); });
  auto done = reply.finish();
  other.join();
  EXPECT_EQ(done.error().code(), Errc::kCancelled);
  EXPECT_NE(done.error().partial(), nullptr);
  EXPECT_GE(counters().cancels, 0);  // the Reply may cut it before it is pulled again
  EXPECT_EQ(counters().closes, 1);   // at once, not when the Reply dies
  auto late = model->generate("hi", {.timeouts = {.total = 20ms}});
  EXPECT_EQ(late.error().detail("timeout"), "total");
  EXPECT_EQ(counters().closes, 2);
}

TEST_F(PluginSource, ReplyKeepsTheModel) {
  Reply reply = registry().text("probe:200")->stream("hi");
  EXPECT_EQ(counters().unloads, 0);
  auto done = reply.finish();
  ASSERT_TRUE(done);
  EXPECT_EQ(done->text().size(), 400u);
  reply = Reply();
  EXPECT_EQ(counters().unloads, 1);
}

TEST_F(PluginSource, ManyOnOnePoller) {
  auto model = registry().text("probe:20");
  Poller poller;
  std::vector<Reply> replies;
  for (int i = 0; i < 50; ++i) replies.push_back(model->stream("hi", {.poller = poller}));
  while (poller.wait())
    while (Reply* reply = poller.ready())
      while (reply->try_next() == Step::kEvent) {
      }
  for (Reply& reply : replies) {
    auto done = reply.finish();
    ASSERT_TRUE(done) << done.error();
    EXPECT_EQ(done->text().size(), 40u);
  }
}

TEST_F(PluginSource, RandomUseFromManyThreadsIsBalanced) {
  const Registry r = registry();
  counters();
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      std::mt19937 random(t);
      for (int i = 0; i < 25; ++i) {
        const char* names[] = {"probe:1", "probe:7", "probe:endless", "probe:30"};
        auto model = r.text(names[random() % 4]);
        ASSERT_TRUE(model) << model.error();
        StopSource stop;
        Reply reply = model->stream("hi", {.stop = stop.token()});
        for (unsigned n = random() % 12; n > 0; --n) {
          if (random() % 2 == 0)
            (void)reply.next();
          else
            (void)reply.try_next();
        }
        if (random() % 3 == 0) {
          stop.request_stop();
          (void)reply.finish();
        }
        if (random() % 2 == 0) {
          Reply moved = std::move(reply);
          (void)moved.try_next();
        }
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(counters().opens, counters().closes);
  EXPECT_EQ(counters().loads, counters().unloads);
  EXPECT_EQ(counters().threads, 0);
  EXPECT_GT(counters().opens, 90);
}

// ---- the rest of the border --------------------------------------------------------------------

TEST(Codes, EveryCodeHasItsNameOnBothSides) {
  std::set<Errc> seen;
  for (int code = -1; code >= INFER_E_INVALID_OUTPUT; --code) seen.insert(errc_of(code));
  EXPECT_EQ(seen.size(), 24u);  // all but kEngineCrashed, which no engine says of itself
  EXPECT_EQ(errc_of(-9999), Errc::kEngine);
  EXPECT_EQ(errc_of(5), Errc::kEngine);
  infer_error error{};
  error.size = sizeof error;
  EXPECT_FALSE(error_of(INFER_E_IO, error).message().empty());
  std::memset(&error, 'x', sizeof error);  // no NUL anywhere
  error.http_status = 0;
  error.retry_after_ms = -5;
  const Error all = error_of(INFER_E_IO, error);
  EXPECT_EQ(all.message().size(), sizeof error.message);
  EXPECT_EQ(all.body().size(), sizeof error.body);
  EXPECT_FALSE(all.retry_after().has_value());
}

TEST(Host, LogLinesGoToTheProgram) {
  static std::vector<std::string> lines;
  set_log(
      [](void* to, int level, std::string_view line) {
        static_cast<std::vector<std::string>*>(to)->push_back(std::to_string(level) +
                                                              std::string(line));
      },
      &lines);
  TempDir dir;
  ASSERT_TRUE(load(copy_probe(dir, "infer-probe.so")));
  EXPECT_EQ(lines, std::vector<std::string>{"1probe is here"});
  host().log(host().ctx, 3, {nullptr, 5});
  set_log(nullptr, nullptr);
  host().log(host().ctx, 3, {"x", 1});
  EXPECT_EQ(lines.size(), 2u);
}

TEST(Host, CpuBudgetIsNeverExceeded) {
  const infer_host& h = host();
  const std::uint32_t all = h.cpu_acquire(h.ctx, 1u << 30);
  ASSERT_GE(all, 1u);
  std::atomic<std::uint32_t> waited{0};
  std::thread other([&] {
    const std::uint32_t n = h.cpu_acquire(h.ctx, 0);
    waited = n;
    h.cpu_release(h.ctx, n);
  });
  std::this_thread::sleep_for(5ms);
  EXPECT_EQ(waited, 0u);
  h.cpu_release(h.ctx, all);
  other.join();
  EXPECT_EQ(waited, 1u);  // at least one, also where none was asked for
  EXPECT_EQ(h.cpu_acquire(h.ctx, 1u << 30), all);
  h.cpu_release(h.ctx, all);
}

}  // namespace
}  // namespace infer::plugin
