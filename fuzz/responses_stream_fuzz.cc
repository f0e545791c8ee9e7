// The reader of Responses, given any events: nothing breaks the grammar of event.h, and text that is
// read without a tree is what the tree gives.
#include <algorithm>
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
#include "src/cloud/openai/responses_reader.h"

namespace {

using infer::cloud::ResponsesReader;

void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "responses_stream_fuzz: %s\n", what.c_str());
  std::abort();
}

void take(infer::cloud::EventQueue& queue, infer::EventChecker& checker, std::string& to) {
  while (!queue.empty()) {
    const infer::Event& event = queue.pop();
    if (auto broken = checker.feed(event)) demand(false, broken->rule + ": " + broken->what);
    to += std::string(to_string(event.kind)) + ' ' + std::string(to_string(event.part_kind)) + ' ' +
          std::to_string(event.part) + '|';
    for (const std::string_view text : {event.data, event.id, event.extra}) {
      to += text;
      to += '|';
    }
    if (event.usage) to += event.usage->raw;
    for (const infer::TokenLogprob& entry : event.logprobs) to += entry.bytes;
    to += '\n';
  }
}

std::string read(const std::vector<std::string_view>& events, ResponsesReader::Path path) {
  const infer::cloud::ServerModel model;
  ResponsesReader reader(model, std::vector<std::string>{"shell"}, path);
  infer::cloud::EventQueue queue;
  infer::EventChecker checker;
  std::string all;
  for (const std::string_view event : events) {
    const std::unique_ptr<char[]> memory(new char[event.size() + infer::http::kPadding]);
    std::memcpy(memory.get(), event.data(), event.size());
    std::memset(memory.get() + event.size(), '"', infer::http::kPadding);
    const auto error = reader.event({}, {memory.get(), event.size()}, queue);
    take(queue, checker, all);
    if (error) return all + error->message();
    if (reader.done()) break;
  }
  if (!reader.proven()) return all;
  reader.close(queue);
  take(queue, checker, all);
  if (auto broken = checker.end()) demand(false, broken->rule + ": " + broken->what);
  return all;
}

void read_whole(std::string_view body) {
  const infer::cloud::ServerModel model;
  ResponsesReader reader(model);
  infer::cloud::EventQueue queue;
  infer::EventChecker checker;
  std::string all;
  const auto error = reader.whole(body, queue);
  take(queue, checker, all);
  if (error) return;
  demand(reader.proven(), "a whole answer is not proven");
  reader.close(queue);
  take(queue, checker, all);
  if (auto broken = checker.end()) demand(false, broken->rule + ": " + broken->what);
}

}  // namespace

// Events, one a line; or all of it one answer.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  std::string_view rest = bytes;
  std::vector<std::string_view> events;
  while (!rest.empty() && events.size() < 64) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    events.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  demand(read(events, ResponsesReader::Path::kPlain) == read(events, ResponsesReader::Path::kFull),
         "reading without a tree gives something else");
  read_whole(bytes);
  return 0;
}
