// The reader of chat completions, given any events: nothing breaks the grammar of event.h, and the
// template path gives what the parsers behind it give.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "infer/conformance.h"
#include "src/cloud/openai/chat_reader.h"

namespace {

using infer::cloud::ChatReader;

void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "openai_stream_fuzz: %s\n", what.c_str());
  std::abort();
}

void take(infer::cloud::EventQueue& queue, infer::EventChecker& checker, std::string& to) {
  while (!queue.empty()) {
    const infer::Event& event = queue.pop();
    if (auto broken = checker.feed(event)) demand(false, broken->rule + ": " + broken->what);
    to += std::to_string(static_cast<int>(event.kind)) + "." +
          std::to_string(static_cast<int>(event.part_kind)) + "." + std::to_string(event.choice) +
          "." + std::to_string(event.part) + "|";
    for (const std::string_view text : {event.data, event.id, event.extra}) {
      to += text;
      to += '|';
    }
    if (event.usage) to += event.usage->raw;
    for (const infer::TokenLogprob& entry : event.logprobs) to += entry.bytes;
    to += '\n';
  }
}

std::string read(const std::vector<std::string_view>& events, ChatReader::Path path) {
  constexpr std::uint32_t kChoices = 2;
  infer::cloud::ServerModel model;
  model.dialect = &infer::cloud::kCompatibleDialect;
  ChatReader reader(model, kChoices, path);
  infer::cloud::EventQueue queue;
  infer::EventChecker checker(kChoices);
  std::string all;
  bool failed = false;
  for (const std::string_view event : events) {
    const std::unique_ptr<char[]> memory(new char[event.size() + infer::http::kPadding]);
    std::memcpy(memory.get(), event.data(), event.size());
    std::memset(memory.get() + event.size(), '"', infer::http::kPadding);
    const auto error = reader.event({}, {memory.get(), event.size()}, queue);
    take(queue, checker, all);
    if (!error) continue;
    all += error->message();
    failed = true;
    break;
  }
  if (failed || !reader.proven()) return all;
  reader.close(queue);
  take(queue, checker, all);
  if (auto broken = checker.end()) demand(false, broken->rule + ": " + broken->what);
  return all;
}

}  // namespace

// Events, one a line. A line that is a single digit comes again that many times: what is learnt
// must be of use.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  std::vector<std::string_view> events;
  while (!rest.empty() && events.size() < 64) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    const std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (line.size() == 1 && line[0] >= '1' && line[0] <= '9' && !events.empty()) {
      const std::string_view last = events.back();
      for (char i = '0'; i < line[0]; ++i) events.push_back(last);
    } else {
      events.push_back(line);
    }
  }
  demand(read(events, ChatReader::Path::kTemplates) == read(events, ChatReader::Path::kPlain),
         "the template path gives something else");
  (void)read(events, ChatReader::Path::kFull);
  return 0;
}
