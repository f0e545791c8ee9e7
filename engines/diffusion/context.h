// A loaded model: the engine's context, and an upscaler where one was given.
// Thread rule: made on any thread; afterwards one thread at a time, for the engine keeps the state
// of what it paints in the context.
#ifndef INFER_ENGINES_DIFFUSION_CONTEXT_H_
#define INFER_ENGINES_DIFFUSION_CONTEXT_H_

#include <memory>
#include <string>

#include "config.h"
#include "facts.h"
#include "infer/plugin.h"
#include "parts.h"
#include "stable-diffusion.h"

namespace infer::diffusion {

class Context {
 public:
  // Looks at the files' headers, says what is missing or in the wrong place, then loads. Throws
  // Refusal, naming the file or the field; INFER_E_CANCELLED if the host's progress callback says
  // so.
  Context(const infer_load& how, const Config& config);

  const ModelFacts& facts() const { return facts_; }
  sd_ctx_t* get() const { return context_.get(); }
  upscaler_ctx_t* upscaler() const { return upscaler_.get(); }  // null: none

 private:
  struct Free {
    void operator()(sd_ctx_t* context) const { free_sd_ctx(context); }
    void operator()(upscaler_ctx_t* upscaler) const { free_upscaler_ctx(upscaler); }
  };
  // Pixels a side of what is enlarged in one piece.
  static constexpr int kUpscalerTile = 128;

  void read_facts(const ModelFiles& files, const Config& config);

  std::unique_ptr<sd_ctx_t, Free> context_;
  std::unique_ptr<upscaler_ctx_t, Free> upscaler_;
  ModelFacts facts_;
};

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_CONTEXT_H_
