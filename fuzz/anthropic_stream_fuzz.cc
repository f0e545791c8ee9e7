// Anthropic's stream: the fast path by templates gives the events that the slow one gives, and the
// events keep the grammar, whatever the bytes are.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fuzz/reader_fuzz.h"
#include "src/cloud/anthropic/messages_reader.h"
#include "src/http/sse.h"

namespace {

using infer::cloud::demand;

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
  std::string padded(bytes);
  padded.append(infer::http::kPadding, '\xA5');
  infer::http::SseDecoder decoder;
  decoder.feed(std::string_view(padded).substr(0, bytes.size()));
  while (!reader->done() && decoder.next() == infer::http::SseDecoder::Step::kEvent) {
    const auto error = reader->event(decoder.event().type, decoder.event().data, queue);
    take(queue, checker, words);
    if (error) return words + std::string(to_string(error->code())) + ' ' + error->message();
  }
  if (!reader->proven()) return words + "not proven";
  close_reader(*reader, queue, checker, words);
  return words + "proven";
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string fast = read(bytes, true), slow = read(bytes, false);
  demand(fast == slow, "with templates:\n" + fast + "\nwithout:\n" + slow);
  return 0;
}
