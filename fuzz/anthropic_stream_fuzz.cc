// Anthropic's stream: the fast path by templates gives the events that the slow one gives, and the
// events keep the grammar, whatever the bytes are.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "infer/conformance.h"
#include "src/cloud/anthropic/messages_reader.h"
#include "src/http/sse.h"

namespace {

void demand(bool holds, const std::string& what) {
  if (holds) return;
  std::fprintf(stderr, "anthropic_stream_fuzz: %s\n", what.c_str());
  std::abort();
}

// All that a reading gives, in words.
std::string read(std::string_view bytes, bool templates) {
  infer::cloud::MessagesReaderOptions options;
  options.templates = templates;
  options.held_bytes = 4096;
  const auto reader = infer::cloud::messages_reader(options);
  infer::http::HttpHead head;
  head.status = 200;
  reader->head(head);
  infer::cloud::EventQueue queue;
  infer::EventChecker checker;
  std::string words;
  const auto drain = [&] {
    while (!queue.empty()) {
      const infer::Event& event = queue.pop();
      words += std::string(to_string(event.kind)) + ' ' + std::string(to_string(event.part_kind)) +
               ' ' + std::to_string(event.part) + '|';
      for (const std::string_view field : {event.data, event.id, event.extra})
        words += std::string(field) + '|';
      if (event.usage) words += event.usage->raw;
      words += '\n';
      if (const auto broken = checker.feed(event))
        demand(false, broken->rule + ", " + broken->what);
    }
  };
  std::string padded(bytes);
  padded.append(infer::http::kPadding, '\xA5');
  infer::http::SseDecoder decoder;
  decoder.feed(std::string_view(padded).substr(0, bytes.size()));
  while (!reader->done() && decoder.next() == infer::http::SseDecoder::Step::kEvent) {
    const auto error = reader->event(decoder.event().type, decoder.event().data, queue);
    drain();
    if (error) return words + std::string(to_string(error->code())) + ' ' + error->message();
  }
  if (!reader->proven()) return words + "not proven";
  reader->close(queue);
  drain();
  if (const auto broken = checker.end()) demand(false, broken->rule + ", " + broken->what);
  return words + "proven";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string fast = read(bytes, true), slow = read(bytes, false);
  demand(fast == slow, "with templates:\n" + fast + "\nwithout:\n" + slow);
  return 0;
}
