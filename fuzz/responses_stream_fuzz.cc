// The reader of Responses, given any events: nothing breaks the grammar of event.h, and text that is
// read without a tree is what the tree gives.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/reader_fuzz.h"
#include "src/cloud/openai/responses_reader.h"

namespace {

using infer::cloud::demand;
using infer::cloud::ResponsesReader;

std::string read(const std::vector<std::string_view>& events, ResponsesReader::Path path) {
  const infer::cloud::ServerModel model;
  ResponsesReader reader(model, std::vector<std::string>{"shell"}, path);
  return read_events(reader, events);
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
  close_reader(reader, queue, checker, all);
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
