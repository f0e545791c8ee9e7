// The plugin through its ABI, with the shipped model; stories260K, where it lies beside the
// project, is a second one.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include "plugin_driver.h"

namespace infer::test {
namespace {

using Json = nlohmann::json;
namespace fs = std::filesystem;

const char kModel[] = INFER_SOURCE_DIR "/models/tiny-chat/tiny-chat.gguf";
const char kExpected[] = INFER_SOURCE_DIR "/models/tiny-chat/expected.json";
const char kStory[] = "Tell me a story about a fox.";

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

std::string request_of(const Json& messages) {
  Json request = {{"task", "text"}, {"messages", Json::array()}};
  for (const Json& m : messages) {
    request["messages"].push_back(
        {{"role", m["role"]}, {"parts", {{{"type", "text"}, {"text", m["content"]}}}}});
  }
  return request.dump();
}

Json cases() { return Json::parse(read_file(kExpected)); }

// One model for the tests that need nothing special of it.
const Model& shared_model() {
  static const Model model(kModel);
  EXPECT_NE(model.get(), nullptr) << model.failure().message;
  return model;
}

const Model& story_model() {
  static const Model model(kModel, "{\"parallel\":2,\"threads\":1}");
  return model;
}

int thread_count() {
  return static_cast<int>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

int file_count() {
  return static_cast<int>(
      std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

int64_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  int64_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * sysconf(_SC_PAGESIZE);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

// A file of the test's own, gone with it.
class TempFile {
 public:
  explicit TempFile(const std::string& content) {
    char name[] = "/tmp/infer-llama-test-XXXXXX";
    const int fd = mkstemp(name);
    path_ = name;
    close(fd);
    std::ofstream(path_, std::ios::binary) << content;
  }
  ~TempFile() { std::remove(path_.c_str()); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// The event grammar of a reply that ended well.
void expect_grammar(const Outcome& outcome) {
  ASSERT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  ASSERT_FALSE(outcome.events.empty());
  EXPECT_EQ(outcome.events.front().kind, INFER_EV_START);
  EXPECT_EQ(outcome.events.back().kind, INFER_EV_FINISH);
  bool open = false;
  uint32_t parts = 0;
  int64_t output = 0;
  for (std::size_t i = 1; i < outcome.events.size(); ++i) {
    const Seen& e = outcome.events[i];
    EXPECT_NE(e.kind, INFER_EV_START);
    if (e.kind == INFER_EV_PART_BEGIN) {
      EXPECT_FALSE(open);
      EXPECT_EQ(e.part, parts++);
      open = true;
    } else if (e.kind == INFER_EV_DELTA || e.kind == INFER_EV_PART_END) {
      EXPECT_TRUE(open);
      open = e.kind == INFER_EV_DELTA;
    } else if (e.kind == INFER_EV_FINISH) {
      EXPECT_EQ(i + 1, outcome.events.size());
    }
    if (e.with_usage) {
      EXPECT_GE(e.usage.output, output);
      output = e.usage.output;
    }
  }
  EXPECT_FALSE(open);
}

bool is_utf8(const std::string& text) {
  try {
    (void)Json(text).dump();
    return true;
  } catch (const Json::exception&) {
    return false;
  }
}

TEST(LlamaPlugin, Table) {
  const infer_plugin& p = plugin();
  EXPECT_EQ(p.abi, INFER_ABI);
  EXPECT_EQ(engine::to_view(p.name), "llama");
  EXPECT_EQ(engine::to_view(p.licence), "MIT");
  EXPECT_FALSE(engine::to_view(p.version).empty());
}

TEST(LlamaPlugin, Describe) {
  infer_str json = {};
  infer_error error = {};
  error.size = sizeof(error);
  ASSERT_EQ(plugin().describe(shared_model().get(), &json, &error), INFER_OK);
  const Json info = Json::parse(engine::to_view(json));
  EXPECT_EQ(info["context"], 512);
  EXPECT_EQ(info["family"], "llama");
  EXPECT_EQ(info["tasks"], Json({"text", "count", "embed"}));
  EXPECT_GT(info["parameters"], 500000);
  EXPECT_GT(info["size_bytes"], 1000000);
  EXPECT_EQ(info["quantization"], "F16");
  EXPECT_EQ(info["capabilities"]["stop"], true);
}

TEST(LlamaPlugin, ExpectedAnswers) {
  int n = 0;
  for (const Json& c : cases()) {
    SCOPED_TRACE(c["messages"].dump());
    const Outcome o = ask(shared_model(), request_of(c["messages"]));
    expect_grammar(o);
    EXPECT_EQ(o.text(), c["text"].get<std::string>());
    EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_STOP));
    EXPECT_EQ(o.usage().input, c["prompt_tokens"]);
    EXPECT_EQ(o.usage().output, c["completion_tokens"]);
    ++n;
  }
  EXPECT_EQ(n, 28);
}

TEST(LlamaPlugin, UsageAndTimes) {
  const Outcome o = ask(shared_model(), user_says("Hello!"));
  ASSERT_EQ(o.result, INFER_END);
  std::vector<const Seen*> usages;
  for (const Seen& e : o.events) {
    if (e.with_usage) usages.push_back(&e);
  }
  ASSERT_EQ(usages.size(), 2u);
  EXPECT_EQ(usages[0]->kind, INFER_EV_USAGE);
  EXPECT_EQ(usages[0]->usage.input, 10);
  const infer_usage& last = usages[1]->usage;
  EXPECT_EQ(last.known,
            (1u << 0) | (1u << 1) | (1u << 3) | (1u << 5) | (1u << 6) | (1u << 7) | (1u << 8));
  EXPECT_GT(last.prefill_ns, 0);
  EXPECT_GT(last.decode_ns, 0);
  EXPECT_GE(last.first_ns, last.prefill_ns);
  EXPECT_EQ(Json::parse(usages[1]->raw)["decode_calls"], 10);
}

TEST(LlamaPlugin, WholeCharactersInEveryDelta) {
  const Outcome o = ask(shared_model(), user_says("How do you say hello in Russian?"));
  EXPECT_EQ(o.text(), "In Russian, hello is \xD0\x9F\xD1\x80\xD0\xB8\xD0\xB2\xD0\xB5\xD1\x82.");
  int deltas = 0;
  for (const Seen& e : o.events) {
    if (e.kind != INFER_EV_DELTA) continue;
    ++deltas;
    EXPECT_TRUE(is_utf8(e.data)) << e.data;
    EXPECT_FALSE(e.data.empty());
  }
  EXPECT_GT(deltas, 8);
}

TEST(LlamaPlugin, StopStrings) {
  const std::string question = "What is the capital of France?";  // The capital of France is Paris.
  struct Case {
    const char* stop;
    const char* text;
    const char* found;
  };
  const Case list[] = {
      {"[\" France\"]", "The capital of", " France"},
      {"[\"l of Fr\"]", "The capita", "l of Fr"},
      {"[\"T\"]", "", "T"},
      {"[\"capital of Spain\",\"Paris\"]", "The capital of France is ", "Paris"},
      {"[\"Paris.!\"]", "The capital of France is Paris.", nullptr},
      {"[\".\"]", "The capital of France is Paris", "."},
  };
  for (const Case& c : list) {
    SCOPED_TRACE(c.stop);
    const Outcome o = ask(shared_model(), user_says(question, "\"stop\":" + std::string(c.stop)));
    expect_grammar(o);
    EXPECT_EQ(o.text(), c.text);
    if (c.found == nullptr) {
      EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_STOP));
    } else {
      EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_STOP_SEQUENCE));
      EXPECT_EQ(o.last(INFER_EV_FINISH)->data, c.found);
    }
  }
}

TEST(LlamaPlugin, StopTokenIds) {
  // Every id is a stop token: the first token ends the reply, and it is no text.
  Json ids = Json::array();
  for (int i = 0; i < 1024; ++i) ids.push_back(i);
  const Outcome o = ask(shared_model(), user_says("Hello!", "\"stop_token_ids\":" + ids.dump()));
  expect_grammar(o);
  EXPECT_EQ(o.text(), "");
  EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_STOP));
  EXPECT_EQ(o.usage().output, 1);
}

TEST(LlamaPlugin, MaxTokens) {
  for (const int n : {1, 2, 5, 9}) {
    const Outcome o =
        ask(shared_model(), user_says("Hello!", "\"max_tokens\":" + std::to_string(n)));
    expect_grammar(o);
    EXPECT_EQ(o.usage().output, n);
    EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_LENGTH));
    EXPECT_EQ(std::string("Hello! How can I help you today?").rfind(o.text(), 0), 0u) << o.text();
  }
  EXPECT_EQ(ask(shared_model(), user_says("Hello!", "\"max_tokens\":10")).finish(),
            static_cast<uint32_t>(INFER_FIN_STOP));
}

TEST(LlamaPlugin, ContextFull) {
  const Model small(kModel, "{\"context\":32,\"threads\":1}");
  ASSERT_NE(small.get(), nullptr) << small.failure().message;
  const Outcome o = ask(small, user_says(kStory));
  expect_grammar(o);
  EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_CONTEXT_FULL));
  EXPECT_EQ(o.usage().input + o.usage().output, 32);
}

TEST(LlamaPlugin, ContextOverflow) {
  std::string text;
  for (int i = 0; i < 600; ++i) text += "hello ";
  const Outcome o = ask(shared_model(), user_says(text));
  EXPECT_EQ(o.result, INFER_E_CONTEXT_OVERFLOW);
  const Json details = Json::parse(o.failure.details);
  EXPECT_EQ(details["have"], 512);
  EXPECT_GT(details["need"], 512);
  EXPECT_NE(o.failure.message.find("512"), std::string::npos) << o.failure.message;
}

TEST(LlamaPlugin, LongPromptOverManyBatches) {
  const Model small(kModel, "{\"batch\":32,\"threads\":1}");
  std::string text;
  for (int i = 0; i < 60; ++i) text += "My name is Tom. ";
  const Outcome whole = ask(shared_model(), user_says(text, "\"max_tokens\":8"));
  const Outcome split = ask(small, user_says(text, "\"max_tokens\":8"));
  expect_grammar(split);
  EXPECT_GT(split.usage().input, 150);
  EXPECT_EQ(split.usage().input, whole.usage().input);
  EXPECT_EQ(split.text(), whole.text());
}

TEST(LlamaPlugin, Sampling) {
  const auto with = [](const std::string& more) {
    return ask(shared_model(), user_says(kStory, more)).text();
  };
  const std::string greedy = with("\"max_tokens\":40");
  EXPECT_EQ(with("\"max_tokens\":40,\"temperature\":0"), greedy);
  EXPECT_EQ(with("\"max_tokens\":40,\"temperature\":1.5,\"sampling\":{\"top_k\":1}"), greedy);
  EXPECT_EQ(with("\"max_tokens\":40,\"temperature\":1.5,\"top_p\":0.0001"), greedy);
  EXPECT_EQ(with("\"max_tokens\":40,\"temperature\":1.5,\"sampling\":{\"min_p\":1}"), greedy);
  const std::string one = with("\"max_tokens\":40,\"temperature\":2,\"seed\":1");
  EXPECT_EQ(with("\"max_tokens\":40,\"temperature\":2,\"seed\":1"), one);
  EXPECT_NE(with("\"max_tokens\":40,\"temperature\":2,\"seed\":2"), one);
  EXPECT_NE(one, greedy);
  EXPECT_NE(with("\"max_tokens\":40,\"sampling\":{\"repeat_penalty\":2}"), greedy);
  EXPECT_NE(
      with("\"max_tokens\":40,\"sampling\":{\"presence_penalty\":50,\"frequency_penalty\":50}"),
      greedy);
}

TEST(LlamaPlugin, LogitBias) {
  // Everything but token 300 is made impossible.
  Json bias = Json::object();
  bias["300"] = 100000;
  const Outcome o =
      ask(shared_model(), user_says("Hello!", "\"max_tokens\":3,\"logit_bias\":" + bias.dump()));
  const Outcome plain = ask(shared_model(), user_says("Hello!", "\"max_tokens\":3"));
  EXPECT_NE(o.text(), plain.text());
  EXPECT_EQ(o.usage().output, 3);
}

TEST(LlamaPlugin, Warnings) {
  const Outcome o = ask(shared_model(), user_says("Hello!", "\"novelty\":1"));
  expect_grammar(o);
  std::set<std::string> settings;
  for (const Seen& e : o.events) {
    if (e.kind != INFER_EV_WARNING) continue;
    EXPECT_EQ(e.data, "unsupported_setting");
    EXPECT_FALSE(e.id.empty());
    settings.insert(Json::parse(e.extra)["setting"].get<std::string>());
  }
  EXPECT_EQ(settings, (std::set<std::string>{"novelty"}));
  EXPECT_EQ(o.text(), "Hello! How can I help you today?");
}

TEST(LlamaPlugin, RefusedRequests) {
  struct Case {
    const char* more;
    int code;
    const char* field;
  };
  const Case list[] = {
      {"\"temperature\":-1", INFER_E_INVALID_REQUEST, "temperature"},
      {"\"temperature\":\"hot\"", INFER_E_INVALID_REQUEST, "temperature"},
      {"\"top_p\":0", INFER_E_INVALID_REQUEST, "top_p"},
      {"\"top_p\":1.01", INFER_E_INVALID_REQUEST, "top_p"},
      {"\"max_tokens\":0", INFER_E_INVALID_REQUEST, "max_tokens"},
      {"\"max_tokens\":1.5", INFER_E_INVALID_REQUEST, "max_tokens"},
      {"\"seed\":-1", INFER_E_INVALID_REQUEST, "seed"},
      {"\"stop\":[\"\"]", INFER_E_INVALID_REQUEST, "stop[0]"},
      {"\"stop\":\"x\"", INFER_E_INVALID_REQUEST, "stop"},
      {"\"stop_token_ids\":[1024]", INFER_E_INVALID_REQUEST, "stop_token_ids[0]"},
      {"\"logit_bias\":{\"9999\":1}", INFER_E_INVALID_REQUEST, "logit_bias"},
      {"\"sampling\":{\"top_k\":-1}", INFER_E_INVALID_REQUEST, "sampling.top_k"},
      {"\"sampling\":{\"min_p\":2}", INFER_E_INVALID_REQUEST, "sampling.min_p"},
      {"\"sampling\":{\"repeat_penalty\":0}", INFER_E_INVALID_REQUEST, "sampling.repeat_penalty"},
      {"\"sampling\":{\"repeat_penalty\":1e-300}", INFER_E_INVALID_REQUEST,
       "sampling.repeat_penalty"},
      {"\"n\":0", INFER_E_INVALID_REQUEST, "n"},
      {"\"n\":1000", INFER_E_INVALID_REQUEST, "n"},
      {"\"truncation\":\"middle\"", INFER_E_INVALID_REQUEST, "truncation"},
  };
  for (const Case& c : list) {
    SCOPED_TRACE(c.more);
    const Outcome o = ask(shared_model(), user_says("Hello!", c.more));
    EXPECT_EQ(o.result, c.code) << o.failure.message;
    EXPECT_TRUE(o.events.empty());
    EXPECT_EQ(Json::parse(o.failure.details)["field"], c.field);
    EXPECT_NE(o.failure.message.find(c.field), std::string::npos) << o.failure.message;
  }
}

TEST(LlamaPlugin, MalformedRequests) {
  const std::string deep = "{\"messages\":" + std::string(100000, '[');
  const std::string deep_tail =
      "{\"messages\":" + std::string(200, '[') + std::string(200, ']') + "}";
  const std::string list[] = {
      "",
      "{",
      "[]",
      "null",
      "{}",
      deep,
      deep_tail,
      "{\"messages\":[],\"task\":\"text\"}",
      "{\"messages\":[{}]}",
      "{\"messages\":[{\"role\":\"robot\",\"parts\":[]}]}",
      "{\"messages\":[{\"role\":\"user\"}]}",
      "{\"messages\":[{\"role\":\"user\",\"parts\":[7]}]}",
      "{\"messages\":[{\"role\":\"user\",\"parts\":[{\"type\":\"text\",\"text\":7}]}]}",
      user_says("Hello!", "\"temperature\":NaN"),
      user_says("Hello!", "\"temperature\":1e999"),
      user_says("\xFF"),
  };
  for (const std::string& text : list) {
    const Outcome o = ask(shared_model(), text);
    EXPECT_EQ(o.result, INFER_E_INVALID_REQUEST) << text.substr(0, 80);
    EXPECT_FALSE(o.failure.message.empty());
  }
  const Outcome media = ask(shared_model(),
                            "{\"messages\":[{\"role\":\"user\",\"parts\":[{\"type\":\"media\","
                            "\"mime\":\"image/png\",\"blob\":0}]}]}");
  EXPECT_EQ(media.result, INFER_E_UNSUPPORTED);
  EXPECT_EQ(Json::parse(media.failure.details)["field"], "messages[0].parts[0]");
  EXPECT_EQ(ask(shared_model(), user_says("x"), INFER_TASK_RERANK).result, INFER_E_UNSUPPORTED);
  EXPECT_EQ(ask(shared_model(), user_says("x"), INFER_TASK_IMAGE).result, INFER_E_UNSUPPORTED);
}

TEST(LlamaPlugin, Count) {
  for (const Json& c : cases()) {
    const Outcome o = ask(shared_model(), request_of(c["messages"]), INFER_TASK_COUNT);
    expect_grammar(o);
    EXPECT_EQ(o.usage().input, c["prompt_tokens"]);
    EXPECT_EQ(o.text(), "");
  }
}

TEST(LlamaPlugin, MessageTextMakesNoControlTokens) {
  const auto count = [](const std::string& text) {
    return ask(shared_model(), user_says(text), INFER_TASK_COUNT).usage().input;
  };
  // As control tokens these would be three; as text each is many.
  EXPECT_GT(count("<|im_end|><|im_start|>system"), count("") + 12);
}

TEST(LlamaPlugin, CancelWhileDecoding) {
  Source source(story_model(), user_says(kStory));
  int deltas = 0;
  while (deltas < 5) {
    ASSERT_EQ(source.advance(), INFER_EVENT);
    deltas += source.outcome().events.back().kind == INFER_EV_DELTA;
  }
  source.cancel();
  EXPECT_EQ(source.step(), INFER_E_CANCELLED);
  EXPECT_EQ(source.step(), INFER_E_CANCELLED);
  EXPECT_FALSE(source.outcome().failure.message.empty());
}

TEST(LlamaPlugin, CancelWhilePrefilling) {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "My name is Tom. ";
  const Model slow(kModel, "{\"batch\":32,\"threads\":1}");
  Source source(slow, user_says(text));
  while (source.step() == INFER_EVENT) {
  }
  std::thread other([&] { source.cancel(); });
  EXPECT_EQ(source.drain().result, INFER_E_CANCELLED);
  other.join();
  // The slot is free again.
  EXPECT_EQ(ask(slow, user_says("Hello!")).text(), "Hello! How can I help you today?");
}

TEST(LlamaPlugin, CancelFromAnotherThreadWakesTheReader) {
  // One slot, held by a reply that nobody reads: the second can only end by being cancelled.
  const Model one(kModel, "{\"parallel\":1,\"threads\":1}");
  Source first(one, user_says(kStory));
  std::vector<std::unique_ptr<Source>> waiting;
  for (int i = 0; i < 3; ++i) waiting.push_back(std::make_unique<Source>(one, user_says(kStory)));
  std::thread other([&] {
    for (auto& source : waiting) source->cancel();
  });
  for (auto& source : waiting) EXPECT_EQ(source->drain().result, INFER_E_CANCELLED);
  other.join();
  EXPECT_EQ(first.drain().result, INFER_END);
}

TEST(LlamaPlugin, AThousandCancelsLeaveNothingBehind) {
  const auto cancel_some = [](int count) {
    for (int i = 0; i < count; ++i) {
      Source source(story_model(), user_says(kStory));
      for (int steps = i % 7; steps > 0; --steps) source.step();
      if (i % 3 != 0) source.cancel();
      if (i % 2 == 0) source.step();
    }
    ask(story_model(), user_says("Hello!"));
  };
  cancel_some(200);  // whatever is made once is there now
  const int threads = thread_count(), files = file_count();
  const int64_t memory = resident_bytes();
  cancel_some(1000);
  EXPECT_EQ(thread_count(), threads);
  EXPECT_EQ(file_count(), files);
  // A kilobyte a request would be one megabyte. The sanitizers keep what was freed for a while.
  if (!kSanitized) {
    EXPECT_LT(resident_bytes() - memory, 1 << 20);
  }
  EXPECT_EQ(ask(story_model(), user_says("Hello!")).text(), "Hello! How can I help you today?");
}

TEST(LlamaPlugin, ConcurrentRepliesEqualSoloOnes) {
  const Model model(kModel, "{\"parallel\":8,\"threads\":1}");
  const Json all = cases();
  std::vector<std::thread> threads;
  std::vector<Outcome> outcomes(8);
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back(
        [&, t] { outcomes[t] = ask(model, request_of(all[t * 3 + 2]["messages"])); });
  }
  for (std::thread& t : threads) t.join();
  for (int t = 0; t < 8; ++t)
    EXPECT_EQ(outcomes[t].text(), all[t * 3 + 2]["text"].get<std::string>());
}

TEST(LlamaPlugin, OneThreadDrainsInReverseOrder) {
  // Twelve replies on two slots, each longer than a ring, read last to first by one thread.
  std::vector<std::unique_ptr<Source>> sources;
  for (int i = 0; i < 12; ++i)
    sources.push_back(std::make_unique<Source>(story_model(), user_says(kStory)));
  const std::string expected = ask(shared_model(), user_says(kStory)).text();
  for (auto it = sources.rbegin(); it != sources.rend(); ++it)
    EXPECT_EQ((*it)->drain().text(), expected);
}

TEST(LlamaPlugin, AReaderThatPausesStopsOnlyItsOwnReply) {
  Source paused(story_model(), user_says(kStory));
  ASSERT_EQ(paused.advance(), INFER_EVENT);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(ask(story_model(), user_says("Hello!")).finish(),
              static_cast<uint32_t>(INFER_FIN_STOP));
  EXPECT_EQ(paused.drain().finish(), static_cast<uint32_t>(INFER_FIN_STOP));
}

TEST(LlamaPlugin, QueueIsBounded) {
  const Model one(kModel, "{\"parallel\":1,\"threads\":1}");
  std::vector<std::unique_ptr<Source>> sources;
  int refused = 0;
  for (int i = 0; i < 1200; ++i) {
    sources.push_back(std::make_unique<Source>(one, user_says(kStory)));
    if (sources.back()->opened()) continue;
    EXPECT_EQ(sources.back()->outcome().result, INFER_E_OVERLOADED);
    ++refused;
  }
  EXPECT_GT(refused, 0);
}

TEST(LlamaPlugin, CloseWithoutReading) {
  for (int i = 0; i < 50; ++i) Source source(story_model(), user_says(kStory));
  EXPECT_EQ(ask(story_model(), user_says("Hello!")).result, INFER_END);
}

TEST(LlamaPlugin, SmallerStructsOfAnOlderHost) {
  Source source(shared_model(), user_says("Hello!"));
  infer_event event;
  std::memset(&event, 0x5A, sizeof(event));
  event.size = offsetof(infer_event, choice);
  infer_source* raw = nullptr;
  infer_open how = {};
  how.size = sizeof(how);
  how.task = INFER_TASK_TEXT;
  const std::string request = user_says("Hello!");
  how.request = str(request);
  ASSERT_EQ(plugin().open(shared_model().get(), &how, &raw, nullptr), INFER_OK);
  ASSERT_EQ(plugin().next(raw, &event, nullptr), INFER_EVENT);
  EXPECT_EQ(event.kind, INFER_EV_START);
  EXPECT_EQ(event.choice, 0x5A5A5A5Au);  // beyond what this host has: untouched
  EXPECT_EQ(event.finish, 0x5A5A5A5Au);
  plugin().close(raw);
}

TEST(LlamaPlugin, TakesAndGivesBackItsShareOfTheProcessor) {
  {
    const Model model(kModel);
    const int asked = g_cpu_asked.load();
    ask(model, user_says("Hello!"));
    EXPECT_GE(g_cpu_asked.load() - asked, 10);
  }
  // A reply may end a moment before its step does; the model's thread has ended with it.
  EXPECT_EQ(g_cpu_held.load(), 0);
}

TEST(LlamaPlugin, ExtremeSamplingIsHarmless) {
  for (const char* more :
       {"\"temperature\":1e-300", "\"temperature\":1e-44", "\"temperature\":0.0011",
        "\"temperature\":1000,\"seed\":4294967295",
        "\"sampling\":{\"repeat_last_n\":2147483647,\"repeat_penalty\":1.1}",
        "\"sampling\":{\"repeat_last_n\":-1,\"repeat_penalty\":1000000}",
        "\"temperature\":1,\"sampling\":{\"top_k\":2147483647}",
        "\"temperature\":1,\"top_p\":1e-300", "\"seed\":18446744073709551615,\"temperature\":1"}) {
    EXPECT_EQ(
        ask(shared_model(), user_says("Hello!", std::string(more) + ",\"max_tokens\":5")).result,
        INFER_END)
        << more;
  }
}

TEST(LlamaPluginLoad, ByDescriptor) {
  const int fd = open(kModel, O_RDONLY);
  ASSERT_GE(fd, 0);
  lseek(fd, 100, SEEK_SET);
  Model model;
  ASSERT_EQ(model.load("", "{\"threads\":1}", fd), INFER_OK) << model.failure().message;
  EXPECT_EQ(lseek(fd, 0, SEEK_CUR), 100);  // the host's offset is its own
  close(fd);
  EXPECT_EQ(ask(model, user_says("Hello!")).text(), "Hello! How can I help you today?");
}

TEST(LlamaPluginLoad, WithoutMmap) {
  const Model model(kModel, "{\"mmap\":false,\"threads\":1}");
  ASSERT_NE(model.get(), nullptr) << model.failure().message;
  EXPECT_EQ(ask(model, user_says("Hello!")).text(), "Hello! How can I help you today?");
}

TEST(LlamaPluginLoad, ProgressStopsIt) {
  std::vector<float> seen;
  const auto record = [](void* ctx, float f) {
    static_cast<std::vector<float>*>(ctx)->push_back(f);
    return 0;
  };
  Model model;
  EXPECT_EQ(model.load(kModel, "{\"threads\":1}", -1, record, &seen), INFER_OK);
  ASSERT_FALSE(seen.empty());
  EXPECT_FLOAT_EQ(seen.back(), 1.0f);
  Model stopped;
  EXPECT_EQ(stopped.load(kModel, "{\"threads\":1}", -1, [](void*, float) { return 1; }),
            INFER_E_CANCELLED);
  EXPECT_EQ(stopped.get(), nullptr);
}

TEST(LlamaPluginLoad, BadConfig) {
  struct Case {
    const char* config;
    const char* field;
  };
  const Case list[] = {
      {"{\"contxt\":512}", "contxt"},           {"{\"context\":\"big\"}", "context"},
      {"{\"context\":1}", "context"},           {"{\"context\":513}", "context"},
      {"{\"context\":99999999999}", "context"}, {"{\"batch\":0}", "batch"},
      {"{\"threads\":0}", "threads"},           {"{\"threads\":1.5}", "threads"},
      {"{\"parallel\":65}", "parallel"},        {"{\"mmap\":1}", "mmap"},
      {"{\"gpu_layers\":-2}", "gpu_layers"},    {"{\"batch\":32,\"parallel\":33}", "batch"},
  };
  for (const Case& c : list) {
    SCOPED_TRACE(c.config);
    Model model;
    EXPECT_EQ(model.load(kModel, c.config), INFER_E_INVALID_REQUEST);
    EXPECT_EQ(Json::parse(model.failure().details)["field"], c.field);
  }
  for (const char* config : {"{", "[]", "7", "{\"context\":"}) {
    Model model;
    EXPECT_EQ(model.load(kModel, config), INFER_E_INVALID_REQUEST) << config;
  }
}

TEST(LlamaPluginLoad, BadFiles) {
  Model none;
  EXPECT_EQ(none.load("", "{}"), INFER_E_NOT_FOUND);
  Model missing;
  EXPECT_EQ(missing.load("/nonexistent/model.gguf", "{}"), INFER_E_NOT_FOUND);
  EXPECT_NE(missing.failure().message.find("/nonexistent/model.gguf"), std::string::npos);
  Model folder;
  EXPECT_EQ(folder.load("/tmp", "{}"), INFER_E_MODEL_INVALID);
  const TempFile empty("");
  Model from_empty;
  EXPECT_EQ(from_empty.load(empty.path(), "{}"), INFER_E_MODEL_INVALID);
  std::mt19937 random(1);
  std::string noise(100000, '\0');
  for (char& c : noise) c = static_cast<char>(random());
  const TempFile junk(noise);
  Model from_junk;
  EXPECT_EQ(from_junk.load(junk.path(), "{}"), INFER_E_MODEL_INVALID);
  const TempFile disguised(std::string("GGUF\3\0\0\0", 8) + noise);
  Model from_disguised;
  const int lines = g_error_lines.load();
  EXPECT_EQ(from_disguised.load(disguised.path(), "{}"), INFER_E_MODEL_INVALID);
  const TempFile cut(read_file(kModel).substr(0, 50000));
  Model from_cut;
  EXPECT_EQ(from_cut.load(cut.path(), "{}"), INFER_E_MODEL_INVALID);
  EXPECT_GT(g_error_lines.load(),
            lines);  // llama.cpp's own words went to the host, and the reason into the message
  EXPECT_EQ(from_cut.failure().message.find("no reason"), std::string::npos)
      << from_cut.failure().message;
}

TEST(LlamaPluginLoad, APipeIsNotWaitedFor) {
  const std::string path = "/tmp/infer-llama-test-pipe-" + std::to_string(getpid());
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  Model model;
  EXPECT_EQ(model.load(path, "{}"), INFER_E_MODEL_INVALID);
  std::remove(path.c_str());
}

TEST(LlamaPluginLoad, ANameThatIsNoUtf8) {
  std::string file = read_file(kModel);
  const std::size_t key = file.find("general.name");
  ASSERT_NE(key, std::string::npos);
  file[key + 12 + 4 + 8] = '\xFF';  // the first byte of the name: after its type and its length
  const TempFile odd(file);
  const Model model(odd.path());
  ASSERT_NE(model.get(), nullptr) << model.failure().message;
  const Outcome o = ask(model, user_says("Hello!", "\"max_tokens\":1"));
  ASSERT_EQ(o.result, INFER_END);
  EXPECT_EQ(o.events[0].id.substr(0, 3), "\xEF\xBF\xBD");
  EXPECT_TRUE(is_utf8(o.events[0].id));
}

TEST(LlamaPluginLoad, WeightsThatAreNoNumbers) {
  std::string file = read_file(kModel);
  std::fill(file.end() - 4096, file.end(), '\xFF');  // not a number, as f16 and as f32
  const TempFile damaged(file);
  const Model model(damaged.path());
  ASSERT_NE(model.get(), nullptr) << model.failure().message;
  for (const char* more : {"\"temperature\":0", "\"temperature\":1,\"top_p\":0.9,\"seed\":1"}) {
    const Outcome o = ask(model, user_says("Hello!", std::string(more) + ",\"max_tokens\":5"));
    EXPECT_EQ(o.result, INFER_E_ENGINE) << more;
    EXPECT_NE(o.failure.message.find("damaged"), std::string::npos) << o.failure.message;
  }
}

TEST(LlamaPluginLoad, TruncatedFiles) {
  const std::string whole = read_file(kModel);
  std::vector<std::size_t> lengths;
  for (std::size_t n = 1; n < 64; ++n) lengths.push_back(n);
  for (std::size_t n = 64; n < whole.size(); n = n * 5 / 4 + 3) lengths.push_back(n);
  for (const std::size_t n : {whole.size() - 1, whole.size() - 2, whole.size() - 4096})
    lengths.push_back(n);
  for (const std::size_t n : lengths) {
    const TempFile file(whole.substr(0, n));
    Model model;
    EXPECT_EQ(model.load(file.path(), "{}"), INFER_E_MODEL_INVALID) << n;
    EXPECT_FALSE(model.failure().message.empty());
  }
}

TEST(LlamaPluginLoad, UnsupportedRole) {
  infer_file file = {};
  file.size = sizeof(file);
  file.fd = -1;
  file.role = str("lora");
  file.path = str(kModel);
  const infer_file* files[] = {&file};
  infer_load how = {};
  how.size = sizeof(how);
  how.files = files;
  how.n_files = 1;
  infer_error error = {};
  error.size = sizeof(error);
  infer_model* model = nullptr;
  EXPECT_EQ(plugin().load(&how, &model, &error), INFER_E_UNSUPPORTED);
}

TEST(LlamaPluginLoad, Probe) {
  infer_error error = {};
  error.size = sizeof(error);
  infer_file file = {};
  file.size = sizeof(file);
  file.fd = -1;
  file.path = str(kModel);
  EXPECT_EQ(plugin().probe(&file, &error), INFER_OK);
  file.path = str(kExpected);
  EXPECT_EQ(plugin().probe(&file, &error), INFER_E_MODEL_INVALID);
  file.path = str("/nonexistent");
  EXPECT_EQ(plugin().probe(&file, &error), INFER_E_NOT_FOUND);
}

TEST(LlamaPluginStories, GoesOnWithoutATemplate) {
  const char* folder = std::getenv("INFER_SHARED_MODELS");
  const std::string path = std::string(folder != nullptr ? folder : "") + "/stories260K.gguf";
  if (!fs::exists(path)) GTEST_SKIP() << "no stories260K.gguf";
  const Model model(path);
  ASSERT_NE(model.get(), nullptr) << model.failure().message;
  const Outcome o = ask(model, user_says("Once upon a time", "\"max_tokens\":20"));
  expect_grammar(o);
  EXPECT_EQ(o.finish(), static_cast<uint32_t>(INFER_FIN_LENGTH));
  ASSERT_NE(o.last(INFER_EV_WARNING), nullptr);
  EXPECT_EQ(o.last(INFER_EV_WARNING)->data, "no_chat_template");
  EXPECT_NE(o.text().find("there was"), std::string::npos) << o.text();
}

}  // namespace
}  // namespace infer::test
