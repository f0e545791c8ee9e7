// One llama_context and the steps that all running replies of a model take in it together.
// Thread rule: everything after construction from the scheduler's thread.
#ifndef INFER_ENGINES_LLAMA_DECODER_H_
#define INFER_ENGINES_LLAMA_DECODER_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "config.h"
#include "engines/common/scheduler.h"
#include "llama.h"
#include "reply.h"

namespace infer::llama {

class Decoder final : public engine::StepEngine {
 public:
  // `context`: tokens per reply. Throws Refusal if the engine cannot make a context of that size.
  Decoder(llama_model* model, const Config& config, uint32_t context);
  ~Decoder() override;

  void admit(engine::Sequence& sequence) override;
  void step(const std::vector<engine::Sequence*>& ready) override;
  void retire(engine::Sequence& sequence) override;

 private:
  struct FreeContext {
    void operator()(llama_context* context) const { llama_free(context); }
  };

  void fill_batch();
  void add(Reply& reply, std::size_t most);
  int32_t decode();
  void sample(Reply& reply);
  bool all_abandoned() const;

  std::unique_ptr<llama_context, FreeContext> context_;
  llama_batch batch_ = {};
  const uint32_t batch_size_, threads_;
  uint32_t threads_now_;
  std::vector<Reply*> ready_;
  std::vector<std::size_t> added_;  // tokens in the batch, of each of ready_
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_DECODER_H_
