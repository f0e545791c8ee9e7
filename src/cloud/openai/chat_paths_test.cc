// The ways to read an event give the same, also for events that nobody would send: real streams
// with seeded damage.
#include <gtest/gtest.h>

#include <random>

#include "src/cloud/openai/reading_for_tests.h"
#include "src/port/effort.h"

namespace infer::cloud {
namespace {

using Path = ChatReader::Path;
using Events = std::vector<std::string>;

// Streams by hand, for shapes that the fixtures do not have.
std::vector<Events> streams_by_hand() {
  const auto own = [](std::string_view delta, std::string_view pad) {
    return R"({"id":"c","object":"chat.completion.chunk","created":1762317021,"model":"m",)"
           R"("service_tier":"default","system_fingerprint":"fp","choices":[{"index":0,"delta":)" +
           std::string(delta) +
           R"(,"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":")" +
           std::string(pad) + "\"}";
  };
  Events text{own(R"({"role":"assistant","content":"","refusal":null})", "a")};
  Events calls{own(R"({"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"i",)"
                   R"("type":"function","function":{"name":"f","arguments":""}}]})",
                   "b")};
  Events several;
  const char* const pieces[] = {"Hel",        "lo",       "\\n", "\\ud83d\\ude00",
                                " \\\"q\\\"", "\xC3\xA9", "{",   "}"};
  for (const char* piece : pieces) {
    const std::string quoted = std::string("\"") + piece + "\"";
    text.push_back(own("{\"content\":" + quoted + "}", "pad"));
    calls.push_back(
        own(R"({"tool_calls":[{"index":0,"function":{"arguments":)" + quoted + "}}]}", "xyz"));
    for (const char* index : {"0", "1"})
      several.push_back(std::string(R"({"model":"m","choices":[{"index":)") + index +
                        R"(,"delta":{"content":)" + quoted + R"(,"reasoning_content":null}}]})");
  }
  const auto groq = [](std::string_view delta, std::string_view rest) {
    return R"({"id":"c","model":"m","choices":[{"index":0,"delta":)" + std::string(delta) +
           R"(,"finish_reason":null}])" + std::string(rest) + "}";
  };
  const std::string usage = R"({"queue_time":0.04,"prompt_tokens":4,"prompt_time":1e-3,)"
                            R"("completion_tokens":6,"completion_time":2,"total_tokens":10})";
  Events stream{groq("{}", R"(,"x_groq":{"id":"r","seed":7})"),
                groq(R"({"reasoning":"a"})", ""),
                groq(R"({"reasoning":"b"})", R"(,"x_groq":null)"),
                groq(R"({"content":"c"})", R"(,"x_groq":{"id":"r"})"),
                groq(R"({"content":"d"})", ""),
                groq("{}", R"(,"x_groq":{"debug":1,"usage":)" + usage + "}"),
                groq("{}", ",\"usage\":" + usage),
                groq(R"({"content":"e"})", R"(,"x_groq":{"error":"cut"})")};
  return {text, calls, several, stream};
}

std::vector<Events> all_streams() {
  std::vector<Events> streams = streams_by_hand();
  if (!reading::have_fixtures()) return streams;
  for (const std::string& name : reading::recording_names()) {
    std::istringstream lines(reading::recording(name).body);
    Events events;
    for (std::string line; std::getline(lines, line) && events.size() < 40;)
      if (line.rfind("data: {", 0) == 0) events.push_back(line.substr(6));
    streams.push_back(std::move(events));
  }
  return streams;
}

class Damage {
 public:
  explicit Damage(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t n) { return random_() % n; }

  void one(std::string& event) {
    if (event.empty()) return;
    const std::size_t at = below(event.size());
    static const std::vector<std::string> kInserts = {
        "\\",
        "\"",
        "\\n",
        "\\u00e9",
        "\\ud83d",
        "\\ude00",
        "\xff",
        "\xc3",
        "\xC3\xA9",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "null",
        "0",
        "\\q",
        "\\u12",
        "\x01",
        "\n",
        "\"\"",
        "true",
        "x",
        "{}",
        "[]",
        ",\"content\":\"x\"",
        ",\"delta\":{}",
        ",\"index\":1",
        "\"finish_reason\":\"stop\",",
        ",\"tool_calls\":[]",
        ",\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}",
        ",\"usage\":{\"prompt_tokens\":1,\"queue_time\":0.5,\"prompt_time\":null}",
        ",\"x_groq\":{\"usage\":{\"prompt_tokens\":1}}"};
    switch (below(6)) {
      case 0: event[at] = static_cast<char>(event[at] ^ (1 << below(8))); break;
      case 1: event.resize(at); break;
      case 2: event.insert(at, event.substr(at, below(40))); break;
      case 3: event.erase(at, 1 + below(12)); break;
      case 4: event.insert(at, kInserts[below(kInserts.size())]); break;
      default: event[at] = static_cast<char>(random_()); break;
    }
  }

  Events stream(const Events& from) {
    const std::size_t n = 4 + below(12);
    const std::size_t begin = below(from.size() > n ? from.size() - n : 1);
    Events events{from.front()};
    for (std::size_t i = begin; i < from.size() && events.size() <= n; ++i)
      events.push_back(from[i]);
    for (std::size_t k = below(3); k > 0 && events.size() > 1; --k) {
      std::string& event = events[1 + below(events.size() - 1)];
      for (std::size_t times = 1 + below(2); times > 0; --times) one(event);
    }
    return events;
  }

 private:
  std::mt19937 random_;
};

std::string read(const Events& events, Path path, std::optional<Error>& error) {
  ChatReader reader(reading::server(), 2, path);
  EventQueue queue;
  reading::Collector collector(2);
  for (const std::string& event : events) {
    const reading::Piece piece(event);
    if ((error = reader.event({}, piece.view(), queue))) break;
    collector.take(queue);
  }
  collector.take(queue);
  reader.close(queue);
  collector.take(queue);
  const reading::Outcome outcome = collector.end(true, reading::cut_short());
  EXPECT_EQ(outcome.broken, "");
  std::string all = outcome.events;
  if (error) all += std::string(to_string(error->code())) + error->message();
  return all;
}

TEST(ChatPaths, TheSameForDamagedStreams) {
  const auto streams = all_streams();
  Damage damage(20261126);
  std::size_t broken = 0, fine = 0;
  for (int round = 0; round < port::effort(20000); ++round) {
    const Events events = damage.stream(streams[damage.below(streams.size())]);
    std::optional<Error> error, plain_error, full_error;
    const std::string with = read(events, Path::kTemplates, error);
    const std::string without = read(events, Path::kPlain, plain_error);
    ASSERT_EQ(with, without) << testing::PrintToString(events);
    const std::string full = read(events, Path::kFull, full_error);
    // The full parser looks at every byte, the others at what they take meaning from.
    if (full_error) {
      ++broken;
      continue;
    }
    ++fine;
    ASSERT_EQ(with, full) << testing::PrintToString(events);
  }
  EXPECT_GT(broken, port::effort(1000u));
  EXPECT_GT(fine, port::effort(1000u));
}

}  // namespace
}  // namespace infer::cloud
