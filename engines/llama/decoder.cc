#include "decoder.h"

#include <algorithm>
#include <string>

#include "host.h"
#include "refusal.h"

namespace infer::llama {

Decoder::Decoder(llama_model* model, const Config& config, uint32_t context)
    : batch_size_(config.batch), threads_(config.threads), threads_now_(config.threads) {
  llama_context_params params = llama_context_default_params();
  params.n_ctx = context * config.parallel;
  params.n_batch = params.n_ubatch = config.batch;
  params.n_seq_max = config.parallel;
  // One row of logits per reply, not per token of the batch: that would be hundreds of megabytes.
  params.n_outputs_max = config.parallel;
  params.n_threads = params.n_threads_batch = static_cast<int32_t>(config.threads);
  params.kv_unified = true;
  params.no_perf = true;
  params.abort_callback = [](void* self) {
    return static_cast<const Decoder*>(self)->all_abandoned();
  };
  params.abort_callback_data = this;
  context_.reset(llama_init_from_model(model, params));
  if (context_ == nullptr) {
    throw Refusal(INFER_E_OUT_OF_MEMORY, "no memory for " + std::to_string(config.parallel) +
                                             " replies of " + std::to_string(context) +
                                             " tokens (context, parallel): " + engine_error());
  }
  if (llama_get_memory(context_.get()) == nullptr) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "the model has no memory of what it wrote: it makes embeddings, not text");
  }
  batch_ = llama_batch_init(static_cast<int32_t>(config.batch), 0, 1);
}

Decoder::~Decoder() { llama_batch_free(batch_); }

void Decoder::admit(engine::Sequence& sequence) { static_cast<Reply&>(sequence).admitted(); }

void Decoder::retire(engine::Sequence& sequence) {
  llama_memory_seq_rm(llama_get_memory(context_.get()), sequence.slot, -1, -1);
}

// Nobody wants what is being computed: the engine may stop in the middle of the step.
bool Decoder::all_abandoned() const {
  return !ready_.empty() && std::all_of(ready_.begin(), ready_.end(), [](Reply* reply) {
    return reply->channel().cancelled() || reply->channel().closed();
  });
}

void Decoder::add(Reply& reply, std::size_t most) {
  const std::size_t count = std::min(reply.pending(), most);
  for (std::size_t i = 0; i < count; ++i) {
    const int32_t at = batch_.n_tokens++;
    const std::size_t position = reply.position() + i;
    batch_.token[at] = reply.token(position);
    batch_.pos[at] = static_cast<llama_pos>(position);
    batch_.n_seq_id[at] = 1;
    batch_.seq_id[at][0] = reply.slot;
    batch_.logits[at] = i + 1 == reply.pending();
    if (batch_.logits[at] != 0) reply.output = at;
  }
  added_.push_back(count);
}

// Answers go on first, a token each; the rest of the batch is for prompts, in the order in which
// they came.
void Decoder::fill_batch() {
  std::stable_partition(ready_.begin(), ready_.end(),
                        [](Reply* reply) { return !reply->in_prompt(); });
  batch_.n_tokens = 0;
  added_.clear();
  for (Reply* reply : ready_) {
    reply->output = -1;
    add(*reply, batch_size_ - static_cast<uint32_t>(batch_.n_tokens));
  }
}

int32_t Decoder::decode() {
  const CpuShare share(threads_);
  if (share.threads() != threads_now_) {
    threads_now_ = share.threads();
    llama_set_n_threads(context_.get(), static_cast<int32_t>(threads_now_),
                        static_cast<int32_t>(threads_now_));
  }
  return llama_decode(context_.get(), batch_);
}

void Decoder::step(const std::vector<engine::Sequence*>& ready) {
  ready_.clear();
  for (engine::Sequence* sequence : ready) ready_.push_back(static_cast<Reply*>(sequence));
  fill_batch();
  clear_engine_error();
  int32_t result = -1;
  std::string thrown;
  try {
    result = decode();
  } catch (const std::exception& e) {
    thrown = e.what();
  } catch (...) {
    thrown = "unknown exception";
  }
  if (result == 2) return;  // abandoned by all: the scheduler drops them
  for (std::size_t i = 0; i < ready_.size(); ++i) {
    if (result != 0) {
      const std::string why = thrown.empty() ? engine_error() : thrown;
      ready_[i]->fail(INFER_E_ENGINE, "decoding failed with " + std::to_string(result) +
                                          (why.empty() ? "" : ": ") + why);
      continue;
    }
    if (added_[i] > 0) ready_[i]->decoded(added_[i]);
    if (ready_[i]->output >= 0) sample(*ready_[i]);
  }
}

void Decoder::sample(Reply& reply) {
  try {
    reply.take(context_.get(), reply.output);
  } catch (const Refusal& e) {
    reply.fail(e.code(), e.what());
  } catch (const std::exception& e) {
    reply.fail(INFER_E_ENGINE, std::string("sampling failed: ") + e.what());
  }
}

}  // namespace infer::llama
