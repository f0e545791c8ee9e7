// The hot path of a stream: is this event nothing but one more piece of a part that is open? Parsed
// by simdjson; whatever is more than that is for the full parser (chat_reader.cc).
#ifndef INFER_SRC_CLOUD_OPENAI_PLAIN_DELTA_H_
#define INFER_SRC_CLOUD_OPENAI_PLAIN_DELTA_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cloud/openai/chat_choice.h"

namespace infer::cloud {

struct PlainDelta {
  static constexpr std::size_t kMaxFacts = 4;

  std::uint32_t choice = 0;
  DeltaField field = DeltaField::kContent;
  std::uint32_t call = 0;                     // kArguments: the index on the wire
  std::string_view inside{};                  // the piece, as it stands between its quotes
  std::string_view obfuscation{};             // likewise; data() is null where there is none
  // Members of the choice that the full parser would keep: nothing new if it has them already.
  std::array<std::pair<std::string_view, std::string_view>, kMaxFacts> facts{};
  std::size_t n_facts = 0;
};

class PlainDeltaParser {
 public:
  PlainDeltaParser();
  ~PlainDeltaParser();

  // `seen`: members of the event that the full parser has met, and would pass over from now on.
  // After `event` http::kPadding bytes must be readable. The views are into it, the names of facts
  // live until the next call.
  std::optional<PlainDelta> read(std::string_view event, const std::vector<std::string>& seen);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;  // made at the first event: an idle reply holds no buffers
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_PLAIN_DELTA_H_
