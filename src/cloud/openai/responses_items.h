// What an item of Responses says in the parts of a message, for the reader, which makes the parts,
// and for the writer, which sends the item back.
//
// A part keeps its whole item in its `extra`, as {"item":{...}}, byte for byte. It goes back like
// that as long as the parts still say what the item says; parts that were changed go back as plain
// items of their own. Further members of that extra:
//
//   "continues": true   the item has more parts after this one; the last of them has the item
//   "said": [...]       the texts of its parts, where the stream's were not those of the item
//   "annotations"       those of a text, also in the place where a chat's are
//   "answer"            facts about the answer as a whole that came with its end; never sent
#ifndef INFER_SRC_CLOUD_OPENAI_RESPONSES_ITEMS_H_
#define INFER_SRC_CLOUD_OPENAI_RESPONSES_ITEMS_H_

#include <string>
#include <string_view>
#include <vector>

#include "infer/event.h"
#include "src/core/json.h"

namespace infer::cloud {

// One part of an item.
struct ItemPart {
  Event::PartKind kind = Event::PartKind::kNone;
  std::string type{};                    // of kOpaque: the item's, or the content's
  std::string text{};                    // kOpaque: its JSON; kToolCall: the arguments
  std::string_view annotations{};        // JSON array with elements; empty: none
  const core::Json* logprobs = nullptr;  // of the item that was given
};

// kText, kRefusal and kOpaque for the contents of a message, kReasoning, kToolCall; all else is
// kOpaque as a whole, and so is a message without content. Never empty. `raw` are the item's bytes.
std::vector<ItemPart> item_parts(const core::Json& item, std::string_view raw);
// What an item of this type begins as; kNone: its contents say.
Event::PartKind kind_of_item(std::string_view type);
// What a content of a message is: kText, kRefusal or kOpaque; and the member that has its text.
Event::PartKind kind_of_content(std::string_view type);
std::string_view text_member(std::string_view type);

// A reasoning item has any number of texts; the part's are joined by this.
inline constexpr std::string_view kBetweenThoughts = "\n\n";

// How the caller's result names the call: "call_id", or the item's own id where a server has none.
std::string call_id_of(const core::Json& item);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_RESPONSES_ITEMS_H_
