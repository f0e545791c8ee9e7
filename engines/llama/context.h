// A llama_context as the config wants it: with the model's adapters, and with worker threads that
// sleep between two steps.
// Thread rule: everything after construction from the thread that steps.
#ifndef INFER_ENGINES_LLAMA_CONTEXT_H_
#define INFER_ENGINES_LLAMA_CONTEXT_H_

#include <cstdint>
#include <memory>

#include "config.h"
#include "ggml-cpu.h"
#include "host.h"
#include "llama.h"
#include "loader.h"

namespace infer::llama {

// What the config says of a context: batch sizes, threads, attention, cache, rope, pooling. The
// caller adds what it knows: n_ctx, n_seq_max, n_outputs_max, kv_unified, embeddings, callbacks.
llama_context_params context_params(const Config& config);

class Context {
 public:
  // Throws Refusal: OUT_OF_MEMORY, naming context and parallel; INVALID_REQUEST with the field if
  // the model cannot have such a cache; MODEL_INVALID if an assertion of llama.cpp's fails.
  // `weights` must live longer.
  Context(const Weights& weights, const Config& config, const llama_context_params& params);
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  llama_context* get() const { return context_.get(); }

 private:
  friend class StepShare;
  struct FreePool {
    void operator()(ggml_threadpool* pool) const { ggml_threadpool_free(pool); }
  };
  struct FreeContext {
    void operator()(llama_context* context) const { llama_free(context); }
  };

  void make_pool();
  void set_threads(uint32_t count);

  const uint32_t threads_, batch_threads_;  // wanted for a step of one token, and of more
  uint32_t threads_now_ = 0;
  std::unique_ptr<ggml_threadpool, FreePool> pool_;  // none: one thread. Outlives the context.
  std::unique_ptr<llama_context, FreeContext> context_;
};

// The threads for one step: taken from the process's budget, which may wait, and given back at the
// end. The context computes with as many as were granted.
class StepShare {
 public:
  // `tokens`: how many the step has.
  StepShare(Context& context, int32_t tokens);

 private:
  CpuShare share_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CONTEXT_H_
