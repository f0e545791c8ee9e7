// What lies in the engine's memory: a place per running answer, each holding the tokens it was last
// used for, so that a later prompt which begins the same way need not be computed again.
//
// A free slot keeps its tokens until somebody needs the place. A prompt takes over what it shares
// with any slot, free or running: in its own slot by dropping the rest, from another one by a copy.
// The engine computes neighbouring slots in one go and goes through its weights once more for each
// gap between them: places are given out side by side.
//
// A slot that is cut in the middle continues as a fresh run does; models whose memory cannot be cut
// (recurrent ones, windows that slid on) share only what they hold to its end.
//
// Of what a slot holds, only that is shared which was read as part of a prompt: on a processor ggml
// computes a single token, as an answer's are, by other kernels than several at once, and the last
// bits differ. Likewise the last two tokens of a prompt are always computed.
//
// Thread rule: the engine's thread alone.
#ifndef INFER_ENGINES_LLAMA_SLOTS_H_
#define INFER_ENGINES_LLAMA_SLOTS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "llama.h"

namespace infer::llama {

// How many tokens both begin with.
std::size_t common_prefix(std::span<const llama_token> a, std::span<const llama_token> b);

class Slots {
 public:
  using Tokens = std::span<const llama_token>;
  // Tokens at the end of a prompt that are computed in any case.
  static constexpr std::size_t kComputed = 2;
  // `keep`: whether a free slot keeps its tokens. `most`: tokens that a slot may hold.
  // `cuts`: whether the model's memory can be cut.
  Slots(llama_context* context, std::size_t count, std::size_t most, bool keep, bool cuts);

  // A free slot for this prompt; there must be one. Its tokens stay until begin().
  int take(Tokens prompt);
  // How many of the prompt's tokens, the last two excepted, can be shared with some slot.
  std::size_t reusable(Tokens prompt) const;
  // Makes the slot hold the beginning of the prompt, as much of it as lies anywhere; its length.
  // `least`: what is worth a copy from another slot.
  std::size_t begin(int slot, Tokens prompt, std::size_t least);
  // These tokens were decoded into the slot; `together`: in one batch with others.
  void extend(int slot, Tokens tokens, bool together);
  // A step failed: what of it reached the memory goes.
  void roll_back(int slot);
  // The slot is free.
  void release(int slot);

  std::size_t length(int slot) const { return at(slot).tokens.size(); }

 private:
  struct Slot {
    std::vector<llama_token> tokens;
    std::size_t read = 0;  // of these, from the beginning, computed together
    bool taken = false;
    uint64_t used = 0;  // when, counted in takes
  };
  struct Match {
    int slot = -1;
    std::size_t length = 0;
  };

  Slot& at(int slot) { return slots_[static_cast<std::size_t>(slot)]; }
  const Slot& at(int slot) const { return slots_[static_cast<std::size_t>(slot)]; }
  std::size_t usable(int slot, Tokens prompt) const;
  Match best(Tokens prompt) const;
  std::size_t gaps_with(int slot) const;
  void copy(int from, int to);
  void cut(int slot, std::size_t length);
  void clear(int slot);

  llama_memory_t memory_;
  const bool keep_, cuts_;
  std::vector<Slot> slots_;
  uint64_t takes_ = 0;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_SLOTS_H_
