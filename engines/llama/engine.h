// All that a loaded model does, in one: what writes goes to the Decoder, what is embedded or ranked
// to the Embedder, on the one thread of the model's scheduler.
#ifndef INFER_ENGINES_LLAMA_ENGINE_H_
#define INFER_ENGINES_LLAMA_ENGINE_H_

#include <memory>
#include <vector>

#include "decoder.h"
#include "embedder.h"
#include "engines/common/scheduler.h"

namespace infer::llama {

class Engine final : public engine::StepEngine {
 public:
  // Either may be null: no such sequence then comes.
  Engine(std::unique_ptr<Decoder> decoder, std::unique_ptr<Embedder> embedder, std::size_t width);

  void admit(engine::Sequence& sequence) override;
  void step(const std::vector<engine::Sequence*>& ready) override;
  void retire(engine::Sequence& sequence) override;

 private:
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<Embedder> embedder_;
  std::vector<engine::Sequence*> choices_, jobs_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_ENGINE_H_
