// The common events of a stream, read without a tree: one choice at most, members that are known,
// facts that are scalars. Parsed by simdjson; whatever is more than that is for the full parser
// (chat_reader.cc), and so is everything that is wrong.
#ifndef INFER_SRC_CLOUD_OPENAI_PLAIN_DELTA_H_
#define INFER_SRC_CLOUD_OPENAI_PLAIN_DELTA_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/cloud/openai/chat_choice.h"

namespace infer::cloud {

// The figures of a usage object, by the names that servers have for them.
struct ChatFigures {
  using Figure = std::optional<std::int64_t>;
  Figure prompt{}, completion{}, total{};
  Figure cached{}, cache_write{};  // of prompt_tokens_details
  Figure cache_hit{};              // DeepSeek: prompt_cache_hit_tokens
  Figure reasoning{};              // of completion_tokens_details
  // Groq: queue_time, prompt_time, completion_time, in seconds.
  std::optional<double> queue{}, prefill{}, decode{};
};

// All views are into the event.
struct PlainDelta {
  static constexpr std::size_t kMaxFacts = 4;
  struct Fact {
    std::string_view name{};
    std::string_view raw{};
  };
  template <std::size_t n>
  struct Facts {
    std::array<Fact, n> list{};
    std::size_t count = 0;
    bool add(std::string_view name, std::string_view raw) {
      if (count == n) return false;
      list[count++] = {name, raw};
      return true;
    }
    const Fact* begin() const { return list.data(); }
    const Fact* end() const { return list.data() + count; }
  };

  // Of the answer. Strings as they stand between their quotes, without escapes.
  std::string_view id{}, model{};
  std::string_view usage{};        // raw; empty: there is none
  ChatFigures figures{};           // of usage
  Facts<8> facts{};                // members that were not seen before
  std::string_view obfuscation{};  // data() is null where there is none

  // Of the choice.
  bool has_choice = false;
  std::uint32_t choice = 0;
  std::string_view finish{};  // the reason, without escapes
  // Members that the full parser would keep: nothing new if it has them already.
  Facts<kMaxFacts> choice_facts{};

  // Of its delta: one piece at most.
  bool has_piece = false;
  DeltaField field = DeltaField::kContent;
  std::uint32_t call = 0;     // kArguments: the index on the wire
  std::string_view inside{};  // the piece, as it stands between its quotes, escapes and all

  void reset() {
    id = model = usage = obfuscation = finish = inside = {};
    has_choice = has_piece = false;
    choice = call = 0;
    facts.count = choice_facts.count = 0;
  }
  // One more piece of a part, and nothing else.
  bool is_piece_alone() const {
    return has_piece && finish.empty() && usage.empty() && facts.count == 0;
  }
};

// `seen`: members of the answer that are kept already, and passed over from now on. After `event`
// http::kPadding bytes must be readable. False: it is for the full parser.
bool read_plain_delta(std::string_view event, const std::vector<std::string>& seen,
                      PlainDelta& delta);
// The same of an answer in one piece: the message of its one choice in the place of a delta.
bool read_plain_answer(std::string_view body, PlainDelta& delta);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_PLAIN_DELTA_H_
