#include "context.h"

#include <algorithm>
#include <string>

#include "ggml-backend.h"
#include "json_fields.h"
#include "refusal.h"

namespace infer::llama {
namespace {

// How long a worker thread looks for the next step before it sleeps, in llama.cpp's measure of 0 to
// 100. Not at all: the time between two steps is the reader's, and a core that looks is taken from
// whatever else runs.
constexpr uint32_t kPolling = 0;

bool has(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

[[noreturn]] void refuse(const Config& config, const llama_context_params& params) {
  const std::string why = engine_error();
  if (has(why, "K cache") || has(why, "K (")) invalid("cache_type_k", why);
  if (has(why, "V cache")) invalid("cache_type_v", why);
  if (has(why, "flash_attn") || has(why, "Flash Attention")) invalid("flash_attention", why);
  throw Refusal(INFER_E_OUT_OF_MEMORY, "no memory for " + std::to_string(params.n_ctx) +
                                           " tokens, that is context times " +
                                           std::to_string(config.parallel) +
                                           " (parallel); less of either, or a smaller " +
                                           "cache_type_k and cache_type_v, needs less: " + why);
}

bool uses_gpu(const Config& config) {
  if (config.gpu_layers == 0 || (config.devices && config.devices->empty())) return false;
  return ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_GPU) != nullptr ||
         ggml_backend_dev_by_type(GGML_BACKEND_DEVICE_TYPE_IGPU) != nullptr;
}

// On a processor ggml's flash attention computes 64 rows and more in another way than fewer, so
// that a text would depend on how much of its prompt lay in memory already.
llama_flash_attn_type attention_of(const Config& config) {
  const bool automatic = config.flash_attention == LLAMA_FLASH_ATTN_TYPE_AUTO;
  const bool needed = ggml_is_quantized(config.cache_type_v);
  return automatic && !needed && !uses_gpu(config) ? LLAMA_FLASH_ATTN_TYPE_DISABLED
                                                   : config.flash_attention;
}

}  // namespace

llama_context_params context_params(const Config& config) {
  llama_context_params params = llama_context_default_params();
  params.n_batch = config.batch;
  params.n_ubatch = config.micro_batch;
  params.n_threads = static_cast<int32_t>(config.threads);
  params.n_threads_batch = static_cast<int32_t>(config.batch_threads);
  params.flash_attn_type = attention_of(config);
  params.type_k = config.cache_type_k;
  params.type_v = config.cache_type_v;
  params.rope_freq_base = config.rope_frequency_base;
  params.rope_freq_scale = config.rope_frequency_scale;
  params.pooling_type = config.pooling;
  params.no_perf = true;
  return params;
}

Context::Context(const Weights& weights, const Config& config, const llama_context_params& params)
    : threads_(config.threads), batch_threads_(config.batch_threads) {
  const AbortGuard guard;
  clear_engine_error();
  try {
    make_pool();
    context_.reset(llama_init_from_model(weights.model(), params));
    if (context_ == nullptr) refuse(config, params);
    weights.apply_adapters(context_.get());
  } catch (const EngineAbort& e) {
    throw Refusal(INFER_E_MODEL_INVALID,
                  std::string("the model cannot be computed with: ") + e.what());
  }
  if (pool_ != nullptr) llama_attach_threadpool(context_.get(), pool_.get(), pool_.get());
}

// Without a pool llama.cpp starts its threads anew for every step.
void Context::make_pool() {
  const uint32_t most = std::max(threads_, batch_threads_);
  if (most <= 1) return;
  ggml_threadpool_params params = ggml_threadpool_params_default(static_cast<int>(most));
  params.poll = kPolling;
  pool_.reset(ggml_threadpool_new(&params));
  if (pool_ == nullptr) throw Refusal(INFER_E_OUT_OF_MEMORY, "no memory for the engine's threads");
}

void Context::set_threads(uint32_t count) {
  if (count == threads_now_) return;
  threads_now_ = count;
  llama_set_n_threads(context_.get(), static_cast<int32_t>(count), static_cast<int32_t>(count));
}

StepShare::StepShare(Context& context, int32_t tokens)
    : share_(tokens > 1 ? context.batch_threads_ : context.threads_) {
  context.set_threads(share_.threads());
}

}  // namespace infer::llama
