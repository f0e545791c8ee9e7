// One llama_context and the steps that all running answers of a model take in it together.
//
// Each step goes through the context once: first a token of every answer that is being written,
// then as much of the prompts as the batch has room for, evenly among them. A prompt that begins
// like one which is just being read waits for it and takes its share over.
//
// Thread rule: everything after construction from the scheduler's thread.
#ifndef INFER_ENGINES_LLAMA_DECODER_H_
#define INFER_ENGINES_LLAMA_DECODER_H_

#include <cstdint>
#include <string>
#include <vector>

#include "choice.h"
#include "config.h"
#include "context.h"
#include "engines/common/scheduler.h"
#include "llama.h"
#include "slots.h"

namespace infer::llama {

class Decoder {
 public:
  // `context`: tokens per answer. Throws Refusal if the engine cannot make a context of that size.
  Decoder(const Weights& weights, const Config& config, uint32_t context);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  // As engine::StepEngine has them; the sequences are Choices. None throws.
  void admit(engine::Sequence& sequence);
  void step(const std::vector<engine::Sequence*>& ready);
  void retire(engine::Sequence& sequence);

 private:
  bool waits(const Choice& choice) const;
  void begin_new();
  void share_batch();
  void fill_batch();
  void add(Choice& choice);
  void run_batch();
  void sample(Choice& choice);
  bool all_abandoned() const;
  void break_down(const char* why) noexcept;

  llama_context_params params(const Config& config, uint32_t context);

  Context context_;
  llama_batch batch_ = {};
  const uint32_t batch_size_;
  const std::size_t worth_sharing_;
  const bool cuts_;  // a sequence in memory can be cut, so that another goes on from its middle
  uint64_t steps_ = 0;
  std::string broken_;  // the error once the context cannot be used any more; empty: it can
  Slots slots_;
  std::vector<Choice*> ready_, prompts_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_DECODER_H_
