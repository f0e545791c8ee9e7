// The reader of chat completions, given any events: nothing breaks the grammar of event.h, and the
// template path gives what the parsers behind it give.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz/reader_fuzz.h"
#include "src/cloud/openai/chat_reader.h"

namespace {

using infer::cloud::ChatReader;
using infer::cloud::demand;

std::string read(const std::vector<std::string_view>& events, ChatReader::Path path) {
  constexpr std::uint32_t kChoices = 2;
  infer::cloud::ServerModel model;
  model.dialect = &infer::cloud::kCompatibleDialect;
  ChatReader reader(model, kChoices, path);
  return read_events(reader, events, kChoices);
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
