// Making a conversation that is too long fit the context, by leaving out its oldest turns.
#ifndef INFER_ENGINES_LLAMA_FIT_H_
#define INFER_ENGINES_LLAMA_FIT_H_

#include <cstddef>
#include <functional>
#include <vector>

#include "llama.h"
#include "messages.h"

namespace infer::llama {

struct Fitted {
  std::vector<llama_token> prompt;
  std::size_t dropped = 0;  // messages that were left out
};

// The longest end of the conversation whose prompt has at most `room` tokens. System and developer
// messages at its head stay, and so does the last turn (the last message of the user and all after
// it): if these alone are too long, the prompt is longer than `room`. A turn is left out whole, so
// that no tool's result stays without its call. `messages` becomes what was kept; `prompt_of` must
// be pure.
Fitted drop_oldest(
    std::vector<ChatMessage>& messages, std::size_t room,
    const std::function<std::vector<llama_token>(const std::vector<ChatMessage>&)>& prompt_of);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_FIT_H_
