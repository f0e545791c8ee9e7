#include "fit.h"

#include <cstdint>
#include <utility>

namespace infer::llama {
namespace {

// Where turns begin: behind the head of system messages, and at each message of the user.
std::vector<std::size_t> turns_of(const std::vector<ChatMessage>& messages, std::size_t head) {
  std::vector<std::size_t> starts = {head};
  for (std::size_t i = head + 1; i < messages.size(); ++i) {
    if (messages[i].role == "user") starts.push_back(i);
  }
  return starts;
}

std::vector<ChatMessage> without(const std::vector<ChatMessage>& messages, std::size_t begin,
                                 std::size_t end) {
  std::vector<ChatMessage> kept(messages.begin(),
                                messages.begin() + static_cast<std::ptrdiff_t>(begin));
  kept.insert(kept.end(), messages.begin() + static_cast<std::ptrdiff_t>(end), messages.end());
  return kept;
}

}  // namespace

Fitted drop_oldest(
    std::vector<ChatMessage>& messages, std::size_t room,
    const std::function<std::vector<llama_token>(const std::vector<ChatMessage>&)>& prompt_of) {
  std::size_t head = 0;
  while (head < messages.size() &&
         (messages[head].role == "system" || messages[head].role == "developer"))
    ++head;
  const std::vector<std::size_t> starts = turns_of(messages, head);
  // Dropping more never makes a prompt longer: the fewest turns are found by halving.
  Fitted best;
  std::vector<ChatMessage> kept;
  std::size_t low = 0, high = starts.size() - 1;
  for (;;) {
    const std::size_t turns = low + (high - low) / 2;
    const std::size_t end = starts[turns];
    std::vector<ChatMessage> rest = without(messages, head, end);
    std::vector<llama_token> prompt = prompt_of(rest);
    const bool fits = prompt.size() <= room;
    if (fits || low == high) {
      best = Fitted{std::move(prompt), end - head};
      kept = std::move(rest);
    }
    if (low == high) break;
    if (fits) {
      high = turns;
    } else {
      low = turns + 1;
    }
  }
  messages = std::move(kept);
  return best;
}

}  // namespace infer::llama
