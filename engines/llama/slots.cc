#include "slots.h"

#include <algorithm>
#include <utility>

namespace infer::llama {

std::size_t common_prefix(std::span<const llama_token> a, std::span<const llama_token> b) {
  const std::size_t most = std::min(a.size(), b.size());
  const auto end = a.begin() + static_cast<std::ptrdiff_t>(most);
  return static_cast<std::size_t>(std::mismatch(a.begin(), end, b.begin()).first - a.begin());
}

Slots::Slots(llama_context* context, std::size_t count, std::size_t most, bool keep, bool cuts)
    : memory_(llama_get_memory(context)), keep_(keep), cuts_(cuts), slots_(count) {
  for (Slot& slot : slots_) slot.tokens.reserve(most);
}

std::size_t Slots::usable(int slot, Tokens prompt) const {
  const std::vector<llama_token>& held = at(slot).tokens;
  if (prompt.size() <= kComputed || held.empty()) return 0;
  const std::size_t shared = common_prefix(held, prompt.first(prompt.size() - kComputed));
  if (!cuts_) return shared == held.size() ? shared : 0;
  const std::size_t sure = std::min(shared, at(slot).read);
  return sure == held.size() || llama_memory_seq_pos_min(memory_, slot) == 0 ? sure : 0;
}

Slots::Match Slots::best(Tokens prompt) const {
  Match best;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const std::size_t length = usable(static_cast<int>(i), prompt);
    if (length > best.length) best = Match{static_cast<int>(i), length};
  }
  return best;
}

std::size_t Slots::reusable(Tokens prompt) const { return best(prompt).length; }

// How many runs of neighbours the taken slots make, this one among them.
std::size_t Slots::gaps_with(int slot) const {
  std::size_t runs = 0;
  bool inside = false;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const bool taken = slots_[i].taken || static_cast<int>(i) == slot;
    runs += taken && !inside;
    inside = taken;
  }
  return runs;
}

// The free slot of which the prompt goes on with at least half: a conversation's next turn. Else
// one beside those in use, and of several the one that was not used for the longest time, so that a
// prefix which others share stays whole.
int Slots::take(Tokens prompt) {
  int chosen = -1;
  std::size_t longest = 0;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    const int slot = static_cast<int>(i);
    if (slots_[i].taken) continue;
    const std::size_t length = usable(slot, prompt);
    if (length > longest && length * 2 >= slots_[i].tokens.size()) {
      longest = length;
      chosen = slot;
    }
  }
  for (std::size_t i = 0; i < slots_.size() && longest == 0; ++i) {
    const int slot = static_cast<int>(i);
    if (slots_[i].taken) continue;
    if (chosen < 0 ||
        std::pair(gaps_with(slot), slots_[i].used) < std::pair(gaps_with(chosen), at(chosen).used))
      chosen = slot;
  }
  at(chosen).taken = true;
  at(chosen).used = ++takes_;
  return chosen;
}

std::size_t Slots::begin(int slot, Tokens prompt, std::size_t least) {
  const Match match = best(prompt);
  const std::size_t own = usable(slot, prompt);
  if (match.length > own && match.length >= least) {
    copy(match.slot, slot);
    cut(slot, match.length);
  } else {
    cut(slot, own);
  }
  return at(slot).tokens.size();
}

void Slots::extend(int slot, Tokens tokens, bool together) {
  Slot& to = at(slot);
  if (together && to.read == to.tokens.size()) to.read += tokens.size();
  to.tokens.insert(to.tokens.end(), tokens.begin(), tokens.end());
}

void Slots::roll_back(int slot) { cut(slot, at(slot).tokens.size()); }

void Slots::release(int slot) {
  at(slot).taken = false;
  if (!keep_) clear(slot);
}

void Slots::copy(int from, int to) {
  clear(to);
  llama_memory_seq_cp(memory_, from, to, -1, -1);
  at(to).tokens = at(from).tokens;
  at(to).read = at(from).read;
}

// Leaves `length` tokens, or none where the memory cannot be cut there.
void Slots::cut(int slot, std::size_t length) {
  const auto end = static_cast<llama_pos>(length);
  if (llama_memory_seq_rm(memory_, slot, end, -1)) {
    at(slot).tokens.resize(length);
    at(slot).read = std::min(at(slot).read, length);
  } else {
    clear(slot);
  }
}

void Slots::clear(int slot) {
  llama_memory_seq_rm(memory_, slot, -1, -1);
  at(slot).tokens.clear();
  at(slot).read = 0;
}

}  // namespace infer::llama
