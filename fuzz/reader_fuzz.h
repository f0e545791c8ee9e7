// For the fuzzers of readers: any events, read; what comes out as text, to be compared. A broken
// rule of event.h ends the process.
#ifndef INFER_FUZZ_READER_FUZZ_H_
#define INFER_FUZZ_READER_FUZZ_H_

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "infer/conformance.h"
#include "src/cloud/wire.h"

namespace infer::cloud {

inline void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

inline void take(EventQueue& queue, EventChecker& checker, std::string& to) {
  while (!queue.empty()) {
    const Event& event = queue.pop();
    if (auto broken = checker.feed(event)) demand(false, broken->rule + ": " + broken->what);
    to += std::string(to_string(event.kind)) + ' ' + std::string(to_string(event.part_kind)) + ' ' +
          std::to_string(event.choice) + ' ' + std::to_string(event.part) + '|';
    for (const std::string_view text : {event.data, event.id, event.extra}) {
      to += text;
      to += '|';
    }
    if (event.usage) to += event.usage->raw;
    for (const TokenLogprob& entry : event.logprobs) to += entry.bytes;
    to += '\n';
  }
}

inline void close_reader(Reader& reader, EventQueue& queue, EventChecker& checker,
                         std::string& to) {
  reader.close(queue);
  take(queue, checker, to);
  if (auto broken = checker.end()) demand(false, broken->rule + ": " + broken->what);
}

inline std::string read_events(Reader& reader, const std::vector<std::string_view>& events,
                               std::uint32_t choices = 1) {
  EventQueue queue;
  EventChecker checker(choices);
  std::string all;
  for (const std::string_view event : events) {
    const std::unique_ptr<char[]> memory(new char[event.size() + http::kPadding]);
    std::memcpy(memory.get(), event.data(), event.size());
    std::memset(memory.get() + event.size(), '"', http::kPadding);
    const auto error = reader.event({}, {memory.get(), event.size()}, queue);
    take(queue, checker, all);
    if (error) return all + error->message();
    if (reader.done()) break;
  }
  if (reader.proven()) close_reader(reader, queue, checker, all);
  return all;
}

}  // namespace infer::cloud

#endif  // INFER_FUZZ_READER_FUZZ_H_
