// A conversation as Anthropic has it: "system" and "messages".
//
//   - system and developer messages at the beginning are "system"; one that comes later stays where
//     it is, as a message of role "system". Claude Opus 4.8 and what came after it take those; an
//     older model refuses the request, which is better than instructions in another place.
//   - messages of one role in a row are one message with the blocks of all; tool results are
//     said by the user.
//   - what an answer of this server held goes back byte for byte: signatures, opaque blocks,
//     citations. Reasoning and opaque items of others, reasoning without a signature (of an answer
//     that was cut) and calls that another provider has run itself are left out, with a warning.
//   - an empty text says nothing and is refused by the server: left out.
#ifndef INFER_SRC_CLOUD_ANTHROPIC_CONTENT_H_
#define INFER_SRC_CLOUD_ANTHROPIC_CONTENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "infer/event.h"
#include "infer/message.h"
#include "infer/result.h"

namespace infer::cloud {

struct AnthropicContent {
  std::string system{};    // JSON array of blocks; empty: none
  std::string messages{};  // JSON array
};

// kInvalidRequest with the detail "field" for what is no conversation: arguments that are no JSON
// object, a part in a message of the wrong role, more cache hints than the four that Anthropic
// takes. kUnsupported for media that it does not know.
// `issuer`: whose parts are sent back.
Result<AnthropicContent> write_anthropic_content(const std::vector<Message>& messages,
                                                 std::string_view issuer,
                                                 std::vector<Warning>& warnings);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_ANTHROPIC_CONTENT_H_
