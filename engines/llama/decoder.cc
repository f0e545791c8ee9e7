#include "decoder.h"

#include <algorithm>
#include <new>
#include <string>

#include "host.h"
#include "refusal.h"

namespace infer::llama {
namespace {

// How many tokens are worth waiting for another prompt, and a copy between two slots, which moves a
// slot's whole memory: at least 32, and a 64th of the context.
std::size_t worth_sharing(uint32_t context) { return std::max<std::size_t>(32, context / 64); }

}  // namespace

llama_context_params Decoder::params(const Config& config, uint32_t context) {
  llama_context_params params = context_params(config);
  params.n_ctx = context * config.parallel;
  params.n_seq_max = config.parallel;
  // One row of logits per answer, not per token of the batch: that would be hundreds of megabytes.
  params.n_outputs_max = config.parallel;
  // A memory for each slot: what a sequence computes then does not depend, by its place in memory,
  // on what the others left there, and a text is the same whether the engine was used before or
  // not.
  params.kv_unified = false;
  params.abort_callback = [](void* self) {
    return static_cast<const Decoder*>(self)->all_abandoned();
  };
  params.abort_callback_data = this;
  return params;
}

Decoder::Decoder(const Weights& weights, const Config& config, uint32_t context)
    : context_(weights, config, params(config, context)),
      batch_size_(config.batch),
      worth_sharing_(worth_sharing(context)),
      cuts_(!llama_model_is_recurrent(weights.model()) && !llama_model_is_hybrid(weights.model())),
      slots_(context_.get(), config.parallel, context, config.prefix_cache, cuts_) {
  if (llama_get_memory(context_.get()) == nullptr) {
    throw Refusal(INFER_E_UNSUPPORTED,
                  "the model has no memory of what it wrote: it makes embeddings, not text");
  }
  ready_.reserve(config.parallel);
  prompts_.reserve(config.parallel);
  batch_ = llama_batch_init(static_cast<int32_t>(config.batch), 0, 1);
}

Decoder::~Decoder() { llama_batch_free(batch_); }

void Decoder::admit(engine::Sequence& sequence) {
  auto& choice = static_cast<Choice&>(sequence);
  choice.reply().admitted(steps_);
  choice.slot = slots_.take(choice.tokens());
}

void Decoder::retire(engine::Sequence& sequence) {
  slots_.release(static_cast<Choice&>(sequence).slot);
}

// Nobody wants what is being computed: the engine may stop in the middle of the step.
bool Decoder::all_abandoned() const {
  return !ready_.empty() && std::all_of(ready_.begin(), ready_.end(), [](Choice* choice) {
    return choice->channel().cancelled() || choice->channel().closed();
  });
}

// True if another prompt is being read that shares more with this one than lies in memory so far.
bool Decoder::waits(const Choice& choice) const {
  if (!cuts_) return false;
  if (choice.tokens().size() < Slots::kComputed) return false;
  const auto prompt = choice.tokens().first(choice.tokens().size() - Slots::kComputed);
  const std::size_t have = slots_.reusable(choice.tokens());
  return std::any_of(ready_.begin(), ready_.end(), [&](const Choice* other) {
    if (other == &choice || !other->begun() || !other->in_prompt()) return false;
    const std::size_t least = &other->reply() == &choice.reply() ? 1 : worth_sharing_;
    return common_prefix(prompt, other->tokens()) >= have + least;
  });
}

// The prompts that come new into this step begin with what lies in memory, or wait.
void Decoder::begin_new() {
  for (Choice* choice : ready_) {
    if (choice->begun() || waits(*choice)) continue;
    const std::size_t least = choice->index() > 0 ? 1 : worth_sharing_;
    choice->begin(slots_.begin(choice->slot, choice->tokens(), least));
  }
}

// Answers go on first, a token each; the rest of the batch is for prompts, as evenly as it goes.
void Decoder::share_batch() {
  std::size_t room = batch_size_;
  prompts_.clear();
  for (Choice* choice : ready_) {
    choice->in_batch = 0;
    choice->output = -1;
    if (!choice->begun()) continue;
    if (choice->in_prompt()) {
      prompts_.push_back(choice);
    } else {
      choice->in_batch = 1;
      --room;
    }
  }
  std::sort(prompts_.begin(), prompts_.end(),
            [](const Choice* a, const Choice* b) { return a->pending() < b->pending(); });
  for (std::size_t i = 0; i < prompts_.size(); ++i) {
    const std::size_t even = (room + prompts_.size() - i - 1) / (prompts_.size() - i);
    prompts_[i]->in_batch = std::min(prompts_[i]->pending(), even);
    // A prompt's last token is not left to a step of its own: see Slots.
    if (prompts_[i]->in_batch > 1 && prompts_[i]->in_batch + 1 == prompts_[i]->pending())
      --prompts_[i]->in_batch;
    room -= prompts_[i]->in_batch;
  }
}

void Decoder::add(Choice& choice) {
  for (std::size_t i = 0; i < choice.in_batch; ++i) {
    const int32_t at = batch_.n_tokens++;
    const std::size_t position = choice.position() + i;
    batch_.token[at] = choice.token(position);
    batch_.pos[at] = static_cast<llama_pos>(position);
    batch_.n_seq_id[at] = 1;
    batch_.seq_id[at][0] = choice.slot;
    batch_.logits[at] = i + 1 == choice.pending();
    if (batch_.logits[at] != 0) choice.output = at;
  }
}

void Decoder::fill_batch() {
  begin_new();
  share_batch();
  batch_.n_tokens = 0;
  // In the order of the slots: see Slots.
  std::sort(ready_.begin(), ready_.end(),
            [](const Choice* a, const Choice* b) { return a->slot < b->slot; });
  for (Choice* choice : ready_) add(*choice);
}

void Decoder::run_batch() {
  fill_batch();
  ++steps_;
  clear_engine_error();
  const int32_t result = [this] {
    const StepShare share(context_, batch_.n_tokens);
    return llama_decode(context_.get(), batch_);
  }();
  const bool abandoned = result == 2;  // by all
  for (Choice* choice : ready_) {
    if (choice->in_batch == 0) continue;
    if (result != 0) {
      slots_.roll_back(choice->slot);
      if (abandoned) {
        choice->done = true;  // what it continues may be gone with the step
        continue;
      }
      choice->reply().fail(INFER_E_ENGINE, "decoding failed with " + std::to_string(result) +
                                               (engine_error().empty() ? "" : ": ") +
                                               engine_error());
      continue;
    }
    slots_.extend(choice->slot, choice->tokens().subspan(choice->position(), choice->in_batch),
                  choice->in_prompt() && batch_.n_tokens > 1);
    choice->decoded(choice->in_batch);
    if (choice->output >= 0) sample(*choice);
  }
}

void Decoder::sample(Choice& choice) {
  try {
    choice.take(context_.get(), choice.output, steps_);
  } catch (const Refusal& e) {
    choice.reply().fail(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    choice.reply().fail(INFER_E_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    choice.reply().fail(INFER_E_ENGINE, std::string("sampling failed: ") + e.what());
  }
}

// What an exception leaves of the engine's state is unknown: nothing more is computed in it.
void Decoder::break_down(const char* why) noexcept {
  try {
    broken_ = "the engine failed (" + std::string(why) + "): load the model again";
  } catch (...) {
    broken_ = "out of memory";  // short enough to need none
  }
}

void Decoder::step(const std::vector<engine::Sequence*>& ready) {
  ready_.clear();
  for (engine::Sequence* sequence : ready) ready_.push_back(static_cast<Choice*>(sequence));
  if (broken_.empty()) {
    try {
      const AbortGuard guard;
      run_batch();
    } catch (const std::bad_alloc&) {
      break_down("out of memory");
    } catch (const std::exception& e) {
      break_down(e.what());
    } catch (...) {
      break_down("unknown exception");
    }
  }
  for (Choice* choice : ready_) {
    if (!broken_.empty()) choice->reply().fail(INFER_E_ENGINE, broken_);
    if (choice->reply().failed()) choice->done = true;
  }
}

}  // namespace infer::llama
