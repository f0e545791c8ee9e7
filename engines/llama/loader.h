// From the files of a load to weights in memory.
// Thread rule: construction on any thread; apply_adapters on one thread at a time per context.
#ifndef INFER_ENGINES_LLAMA_LOADER_H_
#define INFER_ENGINES_LLAMA_LOADER_H_

#include <memory>
#include <vector>

#include "config.h"
#include "infer/plugin.h"
#include "llama.h"

namespace infer::llama {

// A model's weights and the LoRA adapters that belong to it.
class Weights {
 public:
  // Checks what of the config depends on this machine, then the files, then loads them. A model
  // that is split into several files is given by all of them or by the first, whose name then says
  // how many there are (NAME-00001-of-00004.gguf). Throws Refusal, naming the file or the field; a
  // file that llama.cpp's assertions refuse is MODEL_INVALID like any other damaged one.
  Weights(const infer_load& how, const Config& config);

  llama_model* model() const { return model_.get(); }
  // Puts the adapters, with the scales of the config, into a context of this model.
  void apply_adapters(llama_context* context) const;

 private:
  struct FreeModel {
    void operator()(llama_model* model) const { llama_model_free(model); }
  };

  void load_adapters(const Config& config);

  std::unique_ptr<llama_model, FreeModel> model_;
  std::vector<llama_adapter_lora*> adapters_;  // the model's own, freed with it
  std::vector<float> scales_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_LOADER_H_
