// Record and Replay, and the file between them.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "infer/layers.h"
#include "src/core/random_events.h"
#include "src/core/scripted.h"
#include "src/layers/recording.h"
#include "src/port/temp_dir.h"

namespace infer {
namespace {

using layers::kRecordingHead;
using layers::RecordedRequest;
using port::TempDir;
using test::ask;
using test::event;
using test::Kind;
using test::PartKind;
using test::RandomEvents;

std::string text_of_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}
std::size_t lines_in(const std::string& path) {
  const std::string text = text_of_file(path);
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
}

// Asked nothing: whoever opens it has made a mistake.
TextModel never() {
  return TextModel(test::backend([](auto, const Call&) {
    ADD_FAILURE() << "the model behind a Replay was asked";
    return refuse(Error(Errc::kEngine, "asked"));
  }));
}

struct Read {
  EventBuffer events;
  std::optional<Error> error;
};
Read read_all(const std::shared_ptr<const Backend>& backend, const Request& request) {
  Read read;
  Poller poller;
  const auto source = backend->open(std::make_shared<const Request>(request), {});
  for (;;) {
    const Step step = source->pull(poller);
    if (step == Step::kEvent) read.events.push(source->event());
    if (step == Step::kError) read.error = source->take_error();
    if (step == Step::kEnd || step == Step::kError) return read;
  }
}
void expect_same(const Read& a, const Read& b) {
  ASSERT_EQ(a.events.size(), b.events.size());
  for (std::size_t i = 0; i < a.events.size(); ++i)
    EXPECT_TRUE(test::same(a.events[i], b.events[i])) << "event " << i;
  ASSERT_EQ(a.error.has_value(), b.error.has_value());
  EXPECT_TRUE(!a.error || test::same(*a.error, *b.error));
}

Error refusal(const TextModel& model, TextRequest request = ask("hi")) {
  const auto done = model.generate(std::move(request));
  EXPECT_FALSE(done);
  return done ? Error(Errc::kEngine, "it did not fail") : done.error();
}

// ---- what is recorded comes back

TEST(Record, AnythingComesBackEventByEvent) {
  const TempDir dir;
  const std::string path = dir / "all.jsonl";
  RandomEvents random(5);
  std::vector<std::shared_ptr<EventBuffer>> replies;
  std::vector<std::optional<Error>> errors;
  for (int i = 0; i < 300; ++i) {
    auto events = std::make_shared<EventBuffer>();
    for (std::uint32_t n = random.below(12); n > 0; --n) random.push(*events);
    replies.push_back(std::move(events));
    errors.emplace_back(random.below(3) == 0 ? std::optional(random.error()) : std::nullopt);
  }
  std::size_t next = 0;
  const auto recording = Record{.path = path}(test::backend([&](auto, const Call&) {
    const std::size_t i = next++;
    return replay(replies[i], errors[i]);
  }));
  std::vector<Read> seen;
  for (std::size_t i = 0; i < replies.size(); ++i)
    seen.push_back(read_all(recording, ask(std::to_string(i % 40))));
  EXPECT_EQ(lines_in(path), 1 + replies.size());

  const auto replaying = Replay{.path = path}(never().backend());
  for (std::size_t i = 0; i < replies.size(); ++i) {
    const Read again = read_all(replaying, ask(std::to_string(i % 40)));
    expect_same(seen[i], again);
    ASSERT_EQ(again.events.size(), replies[i]->size());
    ASSERT_EQ(again.error.has_value(), errors[i].has_value());
  }
}

TEST(Record, EveryKindOfRequest) {
  const TempDir dir;
  const std::string path = dir / "all.jsonl";
  const Media photo{.mime = "image/png", .source = Blob(std::string("\x89PNG\0\xff", 6))};
  const Media raw{.source = Pixels{Blob(std::string("\1\2\3", 3)), 1, 1, 3, 3}};
  TextRequest seeing = ask("what is this?");
  seeing.messages.back().parts.push_back({.value = photo});
  seeing.messages.back().parts.push_back({.value = raw});
  TextRequest seeing_less = seeing;
  seeing_less.messages.back().parts.pop_back();
  TextRequest seeing_else = seeing;
  seeing_else.messages.back().parts[2].value =
      Media{.source = Pixels{Blob(std::string("\1\2\4", 3)), 1, 1, 3, 3}};
  const std::vector<Request> requests = {
      seeing,
      seeing_less,
      seeing_else,
      CountRequest{.request = ask("count")},
      ask("count"),
      ImageRequest{.prompt = "a fox", .images = {photo}, .mask = raw},
      EmbeddingRequest{.inputs = {"a", "b"}},
      RerankRequest{.query = "a", .documents = {"a", "b"}}};
  RandomEvents random(6);
  const auto recording = Record{.path = path}(test::backend([&](auto, const Call&) {
    auto events = std::make_shared<EventBuffer>();
    for (int i = 0; i < 3; ++i) random.push(*events);
    return replay(std::move(events));
  }));
  std::vector<Read> seen;
  for (const Request& request : requests) seen.push_back(read_all(recording, request));
  const auto replaying = Replay{.path = path}(never().backend());
  for (std::size_t i = requests.size(); i-- > 0;)
    expect_same(seen[i], read_all(replaying, requests[i]));
}

TEST(Record, AroundOtherLayers) {
  const TempDir dir;
  const std::string path = dir / "layers.jsonl";
  MockScript script;
  script.name = "tiny";
  script.deltas = {"Hello", ", ", "world"};
  script.reasoning = "hm";
  script.tool_calls.push_back({.id = "1", .name = "t", .arguments = "x", .custom = true});
  int failures = 2;
  const auto flaky = [&failures](std::shared_ptr<const Backend> inner) {
    return test::backend([&failures, inner](std::shared_ptr<const Request> r, const Call& call) {
      if (failures-- > 0) return refuse(Error(Errc::kOverloaded, "busy"));
      return inner->open(std::move(r), call);
    });
  };
  TextRequest defaults;
  defaults.max_tokens = 50;
  const TextModel live = mock(script) | flaky | Retry{.backoff = std::chrono::milliseconds(1)} |
                         Record{.path = path} | Defaults{.request = defaults} | Tap{};
  const auto first = live.generate("hi");
  ASSERT_TRUE(first) << first.error();
  EXPECT_EQ(first->attempts, 3u);

  const TextModel again = mock({.name = "other"}) | Replay{.path = path} |
                          Defaults{.request = defaults} | Retry{} | Tap{};
  EXPECT_EQ(again.info().name, "other");
  const auto second = again.generate("hi");
  ASSERT_TRUE(second) << second.error();
  ASSERT_EQ(second->message().parts.size(), first->message().parts.size());
  for (std::size_t i = 0; i < first->message().parts.size(); ++i)
    EXPECT_EQ(second->message().parts[i].value, first->message().parts[i].value);
  EXPECT_EQ(second->model, "tiny");
  EXPECT_EQ(second->attempts, 3u);
  EXPECT_EQ(second->usage.output, first->usage.output);
  EXPECT_EQ(second->finish(), Finish::kToolCalls);
  EXPECT_TRUE(second->tool_calls().at(0).custom);
}

TEST(Record, ErrorsAreReplayedWithWhatHadCome) {
  const TempDir dir;
  const std::string path = dir / "errors.jsonl";
  const TextModel live =
      mock({.deltas = {"half"},
            .error = Error(Errc::kNetwork, "reset").with_http_status(200).with_detail("a", "b")}) |
      Record{.path = path};
  const Error first = refusal(live);
  const Error second = refusal(never() | Replay{.path = path});
  EXPECT_EQ(second.code(), Errc::kNetwork);
  EXPECT_EQ(second.message(), "reset");
  EXPECT_EQ(second.detail("a"), "b");
  EXPECT_EQ(second.retry(), RetryHint::kYes);
  ASSERT_NE(second.partial(), nullptr);
  EXPECT_EQ(second.partial()->text(), "half");
  EXPECT_EQ(first.partial()->text(), "half");
}

TEST(Replay, EqualRequestsAreAnsweredInTheirOrderThenTheLastAgain) {
  const TempDir dir;
  const std::string path = dir / "turns.jsonl";
  const TextModel live =
      mock_turns({{.deltas = {"1"}}, {.deltas = {"2"}}, {.deltas = {"3"}}}) | Record{.path = path};
  for (const char* prompt : {"a", "b", "a"}) ASSERT_TRUE(live.generate(prompt));
  const TextModel again = never() | Replay{.path = path};
  EXPECT_EQ(again.generate("a")->text(), "1");
  EXPECT_EQ(again.generate("a")->text(), "3");
  EXPECT_EQ(again.generate("b")->text(), "2");
  EXPECT_EQ(again.generate("a")->text(), "3");
  EXPECT_EQ(again.generate("b")->text(), "2");
  // Each layer counts for itself.
  EXPECT_EQ((never() | Replay{.path = path}).generate("a")->text(), "1");
}

TEST(Replay, ServesManyThreads) {
  const TempDir dir;
  const std::string path = dir / "turns.jsonl";
  std::vector<MockScript> scripts;
  for (int i = 0; i < 40; ++i) scripts.push_back({.deltas = {std::to_string(i)}});
  const TextModel live = mock_turns(scripts) | Record{.path = path};
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(live.generate("a"));
  const TextModel again = never() | Replay{.path = path};
  std::mutex mutex;
  std::set<std::string> seen;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 5; ++i) {
        const auto done = again.generate("a");
        std::lock_guard lock(mutex);
        seen.insert(done ? done->text() : done.error().message());
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(seen.size(), 40u);  // each once
}

// ---- what is not recorded

TEST(Record, RepliesThatTheReaderGaveUpAreNotRecorded) {
  const TempDir dir;
  const std::string path = dir / "r.jsonl";
  const TextModel live = mock({.deltas = {"a", "b"}}) | Record{.path = path};
  {
    Reply unread = live.stream("one");
  }
  {
    Reply half = live.stream("two");
    for (int i = 0; i < 3; ++i) ASSERT_NE(half.next(), nullptr);
  }
  {
    StopSource stop;
    Reply stopped = live.stream("three", {.stop = stop.token()});
    ASSERT_NE(stopped.next(), nullptr);
    stop.request_stop();
    EXPECT_EQ(stopped.finish().error().code(), Errc::kCancelled);
  }
  EXPECT_EQ(text_of_file(path), kRecordingHead);
  ASSERT_TRUE(live.generate("four"));
  EXPECT_EQ(lines_in(path), 2u);
}

TEST(Replay, AStopIsKeptTo) {
  const TempDir dir;
  const std::string path = dir / "r.jsonl";
  ASSERT_TRUE((mock({.deltas = {"a"}}) | Record{.path = path}).generate("hi"));
  const auto backend = Replay{.path = path}(never().backend());
  for (int seen = 0; seen < 5; ++seen) {
    StopSource stop;
    Poller poller;
    const auto source =
        backend->open(std::make_shared<const Request>(ask("hi")), {.stop = stop.token()});
    for (int i = 0; i < seen; ++i) ASSERT_EQ(source->pull(poller), Step::kEvent);
    stop.request_stop(Errc::kBudgetExceeded);
    EXPECT_EQ(source->pull(poller), Step::kError);
    EXPECT_EQ(source->take_error().code(), Errc::kBudgetExceeded);
    EXPECT_EQ(source->pull(poller), Step::kError);
  }
}

// ---- writing

TEST(Record, ManyThreadsWriteWholeLines) {
  const TempDir dir;
  const std::string path = dir / "many.jsonl";
  const std::string large(30000, 'x');
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      // A layer each: they share nothing but the file.
      const TextModel live = mock({.deltas = {"a", large}}) | Record{.path = path};
      for (int i = 0; i < 25; ++i)
        EXPECT_TRUE(live.generate(std::to_string(t) + " " + std::to_string(i)));
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(lines_in(path), 1u + 8 * 25);
  const auto recording = layers::read_recording(path);
  ASSERT_TRUE(recording) << recording.error();
  EXPECT_EQ(recording->entries.size(), 8u * 25);
  const TextModel again = never() | Replay{.path = path};
  for (int t = 0; t < 8; ++t)
    for (int i = 0; i < 25; ++i)
      EXPECT_EQ(again.generate(std::to_string(t) + " " + std::to_string(i))->text().size(), 30001u);
}

TEST(Record, GoesOnWithAFileThatIsThere) {
  const TempDir dir;
  const std::string path = dir.write("r.jsonl", "");
  ASSERT_TRUE((mock({.deltas = {"1"}}) | Record{.path = path}).generate("a"));
  ASSERT_TRUE((mock({.deltas = {"2"}}) | Record{.path = path}).generate("b"));
  EXPECT_EQ(text_of_file(path).substr(0, kRecordingHead.size()), kRecordingHead);
  EXPECT_EQ(lines_in(path), 3u);
  const TextModel again = never() | Replay{.path = path};
  EXPECT_EQ(again.generate("a")->text(), "1");
  EXPECT_EQ(again.generate("b")->text(), "2");
}

TEST(Record, ALineThatWasCutOffSpoilsNoOther) {
  const TempDir dir;
  const std::string path = dir.write("r.jsonl", std::string(kRecordingHead) + "{\"events\":[");
  ASSERT_TRUE((mock({.deltas = {"1"}}) | Record{.path = path}).generate("a"));
  EXPECT_EQ(lines_in(path), 3u);
  EXPECT_EQ(refusal(never() | Replay{.path = path}).detail("line"), "2");
}

// Fails with kIo naming the path and the reason, before the model is asked.
void expect_refused(const std::string& path, std::string_view reason) {
  const Error error = refusal(never() | Record{.path = path});
  EXPECT_EQ(error.code(), Errc::kIo);
  EXPECT_NE(error.message().find(path), std::string::npos) << error;
  EXPECT_NE(error.message().find(reason), std::string::npos) << error;
}

TEST(Record, AFileThatCannotBeWrittenIsFoundBeforeTheModelIsAsked) {
  const TempDir dir;
  expect_refused("/dev/full", "No space left on device");
  expect_refused(dir / "no/such/place", "No such file or directory");
  expect_refused(dir.path(), "directory");
  const std::string pipe = dir / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  expect_refused(pipe, "not a regular file");
  const Error empty = refusal(never() | Record{});
  EXPECT_EQ(empty.code(), Errc::kInvalidRequest);
  EXPECT_EQ(empty.detail("field"), "path");
}

// Lets files grow to `bytes`, for as long as it lives.
struct SizeLimit {
  explicit SizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before);
    rlimit now = before;
    now.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &now);
  }
  ~SizeLimit() { setrlimit(RLIMIT_FSIZE, &before); }
  rlimit before{};
};

TEST(Record, AFileThatIsFullFailsTheReplyAndStaysWhole) {
  const TempDir dir;
  const std::string path = dir / "r.jsonl";
  const std::string large(20000, 'x');
  const TextModel small = mock({.deltas = {"a"}}) | Record{.path = path};
  const TextModel big = mock({.deltas = {large}}) | Record{.path = path};
  const TextModel failing =
      mock({.deltas = {large}, .error = Error(Errc::kNetwork, "reset")}) | Record{.path = path};
  ASSERT_TRUE(small.generate("one"));
  const std::string before = text_of_file(path);
  {
    const SizeLimit limit(10000);
    Reply reply = big.stream("two");
    bool finished = false;
    while (const Event* e = reply.next()) finished = e->kind == Kind::kFinish;
    EXPECT_TRUE(finished);  // everything was seen, and still it is no success
    ASSERT_NE(reply.error(), nullptr);
    EXPECT_EQ(reply.error()->code(), Errc::kIo);
    EXPECT_NE(reply.error()->message().find(path + ": "), std::string::npos);
    EXPECT_NE(reply.error()->message().find("File too large"), std::string::npos);
    ASSERT_NE(reply.error()->partial(), nullptr);
    EXPECT_EQ(reply.error()->partial()->text(), large);

    const Error both = refusal(failing);
    EXPECT_EQ(both.code(), Errc::kIo);
    EXPECT_EQ(both.detail("reply"), "network: reset");
  }
  EXPECT_EQ(text_of_file(path), before);
  EXPECT_TRUE(big.generate("two"));
  EXPECT_EQ((never() | Replay{.path = path}).generate("two")->text(), large);
}

// ---- reading

TEST(Replay, ARecordingThatIsNoneFailsEveryRequest) {
  const TempDir dir;
  const std::string good =
      R"({"events":[{"kind":"start"}],"request":{"messages":[],"task":"text"}})"
      "\n";
  const std::string head(kRecordingHead);
  struct Case {
    std::string text, line, says;
  };
  const Case cases[] = {
      {"", "", "empty"},
      {"{}\n", "1", "infer-recording"},
      {"\n" + head, "1", "not valid JSON"},
      {"# a cassette\n", "1", "not valid JSON"},
      {good, "1", "infer-recording"},
      {R"({"format":"infer-recording"})", "1", "version"},
      {R"({"format":"infer-recording","version":"1"})", "1", "version"},
      {R"({"format":"infer-recording","version":2})"
       "\n" +
           good,
       "1", "version 2 of the format; this library reads version 1"},
      {head + "{\n", "2", "not valid JSON"},
      {head + good + "\n" + good + good.substr(0, 20), "5", "not valid JSON"},
      {head + "[]\n", "2", "request"},
      {head + R"({"events":[],"request":1})", "2", "request"},
      {head + R"({"request":{}})", "2", "events"},
      {head + R"({"events":{},"request":{}})", "2", "events"},
      {head + R"({"events":[],"request":{},"blobs":{}})", "2", "blobs"},
      {head + R"({"events":[],"request":{},"error":"e"})", "2", "error"},
      {head + R"({"events":[],"request":{},"error":{"code":"x"}})", "2", "error: code"},
      {head + good + R"({"events":[{"kind":"start"},{"kind":"x"}],"request":{}})", "3",
       "event 2: kind: not a known name"},
      {head + "\xff\n", "2", "not valid JSON"},
      {head + std::string("\0\n", 2), "2", "not valid JSON"},
      {head + std::string(1000, '['), "2", "deep"},
  };
  for (const Case& bad : cases) {
    const std::string path = dir.write("bad.jsonl", bad.text);
    const TextModel model = never() | Replay{.path = path};
    for (int i = 0; i < 2; ++i) {
      const Error error = refusal(model);
      EXPECT_EQ(error.code(), Errc::kProtocol) << bad.text;
      EXPECT_EQ(error.detail("line"), bad.line) << bad.text;
      EXPECT_EQ(error.message().find(path), 0u) << error;
      EXPECT_NE(error.message().find(bad.says), std::string::npos) << error;
    }
  }
}

TEST(Replay, AFileThatCannotBeRead) {
  const TempDir dir;
  const Error missing = refusal(never() | Replay{.path = dir / "none"});
  EXPECT_EQ(missing.code(), Errc::kIo);
  EXPECT_NE(missing.message().find(dir / "none"), std::string::npos);
  EXPECT_NE(missing.message().find("No such file"), std::string::npos);
  EXPECT_EQ(refusal(never() | Replay{.path = dir.path()}).code(), Errc::kIo);
  EXPECT_EQ(refusal(never() | Replay{}).detail("field"), "path");
  const std::string huge = dir.write("huge", "");
  std::filesystem::resize_file(huge, (std::uintmax_t{1} << 30) + 1);  // takes no room
  EXPECT_EQ(refusal(never() | Replay{.path = huge}).code(), Errc::kTooLarge);
}

TEST(Replay, AnyDamageIsAnErrorOrAnotherRecording) {
  const TempDir dir;
  const std::string path = dir / "r.jsonl";
  RandomEvents random(9);
  const auto recording = Record{.path = path}(test::backend([&](auto, const Call&) {
    auto events = std::make_shared<EventBuffer>();
    for (int i = 0; i < 4; ++i) random.push(*events);
    return replay(std::move(events), random.error());
  }));
  for (int i = 0; i < 3; ++i) (void)read_all(recording, ask(std::to_string(i)));
  const std::string good = text_of_file(path);
  for (int i = 0; i < 400; ++i) {
    std::string bad = good;
    const std::uint32_t size = static_cast<std::uint32_t>(bad.size());
    if (random.coin()) bad.resize(random.below(size));
    for (std::uint32_t n = random.below(4); n > 0 && !bad.empty(); --n)
      bad[random.below(static_cast<std::uint32_t>(bad.size()))] =
          static_cast<char>(random.below(256));
    const auto read = layers::read_recording(dir.write("bad.jsonl", bad));
    EXPECT_TRUE(read || read.error().code() == Errc::kProtocol);
  }
}

// ---- requests that are not there

TEST(Replay, ARequestThatIsNotThereSaysWhereTheNearestDiffers) {
  const TempDir dir;
  const std::string path = dir / "r.jsonl";
  const TextModel live = mock({.deltas = {"x"}}) | Record{.path = path};
  TextRequest far = ask("Something else");
  far.max_tokens = 4;
  far.temperature = 1;
  ASSERT_TRUE(live.generate(far));
  ASSERT_TRUE(live.generate(ask("Name three colours.")));
  const TextModel again = never() | Replay{.path = path};

  const Error text = refusal(again, ask("Name four colours."));
  EXPECT_EQ(text.code(), Errc::kNotFound);
  EXPECT_EQ(text.detail("field"), "/messages/0/parts/0/text");
  EXPECT_EQ(text.detail("line"), "3");
  EXPECT_EQ(text.message(), path +
                                ": no reply is recorded for this request; the nearest, line 3, has "
                                "\"Name three colours.\" at /messages/0/parts/0/text, this one "
                                "\"Name four colours.\"");
  TextRequest more = ask("Name three colours.");
  more.max_tokens = 7;
  const Error added = refusal(again, more);
  EXPECT_EQ(added.detail("field"), "/max_tokens");
  EXPECT_NE(added.message().find("has nothing at /max_tokens, this one 7"), std::string::npos);
  TextRequest less = far;
  less.temperature = {};
  EXPECT_EQ(refusal(again, less).detail("field"), "/temperature");
  EXPECT_EQ(refusal(again, less).detail("line"), "2");
  TextRequest longer = ask("Name three colours.");
  longer.messages.push_back(user("Now."));
  EXPECT_EQ(refusal(again, longer).detail("field"), "/messages/1");
  TextRequest labelled = ask("Name three colours.");
  labelled.metadata = {{"a/b~c", "d"}};
  EXPECT_EQ(refusal(again, labelled).detail("field"), "/metadata");
}

TEST(Replay, DifferencesAreCountedAndShortened) {
  TextRequest a = ask(std::string(500, 'a') + "b" + std::string(500, 'c'));
  TextRequest b = ask(std::string(500, 'a') + "d" + std::string(500, 'c'));
  a.metadata = {{"x", "1"}, {"a/b~c", "d"}};
  b.metadata = {{"x", "1"}, {"a/b~c", "e"}};
  const auto found = layers::difference(RecordedRequest(a), RecordedRequest(b));
  EXPECT_EQ(found.fields, 2u);
  EXPECT_EQ(found.first, "/messages/0/parts/0/text");
  EXPECT_EQ(found.in_a, "\"..." + std::string(30, 'a') + "b" + std::string(29, 'c') + "...\"");
  EXPECT_EQ(found.in_b, "\"..." + std::string(30, 'a') + "d" + std::string(29, 'c') + "...\"");
  b.messages = a.messages;
  EXPECT_EQ(layers::difference(RecordedRequest(a), RecordedRequest(b)).first, "/metadata/a~1b~0c");
  EXPECT_EQ(layers::difference(RecordedRequest(a), RecordedRequest(a)).fields, 0u);
}

TEST(Replay, OtherBytesAreAnotherRequest) {
  const auto picture = [](std::string bytes) {
    TextRequest request = ask("what is this?");
    request.messages.back().parts.push_back(
        {.value = Media{.mime = "image/png", .source = Blob(std::move(bytes))}});
    return Request(request);
  };
  const RecordedRequest a(picture("one")), b(picture("two"));
  EXPECT_EQ(a.text, b.text);
  EXPECT_TRUE(a < b || b < a);
  EXPECT_EQ(layers::difference(a, b).first, "/blobs/0/b64");
}

TEST(Replay, AnEmptyRecordingSaysSo) {
  const TempDir dir;
  const Error error = refusal(never() | Replay{.path = dir.write("r.jsonl", kRecordingHead)});
  EXPECT_EQ(error.code(), Errc::kNotFound);
  EXPECT_NE(error.message().find("nor for any other"), std::string::npos);
}

// ---- the document

TEST(Recording, TheExampleOfTheDocumentIsReadAndWrittenTheSame) {
  const std::string page = text_of_file(INFER_SOURCE_DIR "/docs/formats/recording.md");
  const std::string open = "```json\n", close = "```\n";
  const std::size_t at = page.find(open) + open.size();
  const std::string example = page.substr(at, page.find(close, at) - at);
  const TempDir dir;
  const std::string path = dir.write("example.jsonl", example);
  const auto backend = Replay{.path = path}(never().backend());

  const auto done = TextModel(backend).generate("Name two colours.");
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->text(), "Red, green.");
  EXPECT_EQ(done->model, "tiny");
  EXPECT_EQ(done->attempts, 2u);
  EXPECT_EQ(done->request_id, "req_7");
  EXPECT_EQ(done->usage.output, 4);
  const auto vectors = EmbeddingModel(backend).embed({"a cat"});
  ASSERT_FALSE(vectors);
  EXPECT_EQ(vectors.error().code(), Errc::kRateLimited);
  EXPECT_EQ(vectors.error().retry_after(), std::chrono::seconds(2));
  EXPECT_EQ(vectors.error().detail("attempts"), "3");

  // Recorded anew it is the same, byte by byte.
  const std::string copy = dir / "copy.jsonl";
  const auto recording = Record{.path = copy}(backend);
  (void)read_all(recording, ask("Name two colours."));
  (void)read_all(recording, EmbeddingRequest{.inputs = {"a cat"}});
  EXPECT_EQ(text_of_file(copy), example);
}

}  // namespace
}  // namespace infer
