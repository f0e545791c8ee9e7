#include "embedder.h"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "host.h"
#include "infer/plugin.h"
#include "refusal.h"

namespace infer::llama {
namespace {

// Inputs in one batch; what each costs is small, but for models that keep a state a sequence.
constexpr uint32_t kMostSequences = 64;

}  // namespace

Embedder::Embedder(const Weights& weights, const Config& config, EmbedFacts facts, uint32_t context)
    : weights_(weights), config_(config), facts_(facts), limit_(context) {}

Embedder::~Embedder() { llama_batch_free(batch_); }

void Embedder::admit(engine::Sequence& sequence) { static_cast<EmbedJob&>(sequence).admitted(); }

void Embedder::retire(engine::Sequence& sequence) {
  std::erase_if(alone_, [&](const Piece& piece) { return piece.job == &sequence; });
  if (long_.job != &sequence) return;
  long_ = {};
  if (memory() != nullptr) llama_memory_seq_rm(memory(), 0, -1, -1);
}

std::unique_ptr<Context> Embedder::new_context(uint32_t tokens_at_once) {
  llama_context_params params = context_params(config_);
  params.embeddings = true;
  params.pooling_type = facts_.ranks() ? LLAMA_POOLING_TYPE_RANK : LLAMA_POOLING_TYPE_NONE;
  params.n_ctx = limit_ + tokens_at_once;  // a long input, and the short ones beside its end
  params.n_batch = params.n_ubatch = tokens_at_once;
  params.n_seq_max = sequences_;
  params.kv_unified = true;
  params.abort_callback = [](void* self) {
    return static_cast<const Embedder*>(self)->all_abandoned();
  };
  params.abort_callback_data = this;
  return std::make_unique<Context>(weights_, config_, params);
}

// How the model wants to be computed is known of a context only.
void Embedder::make_context() {
  const llama_model* model = weights_.model();
  const bool keeps_states = llama_model_is_recurrent(model) || llama_model_is_hybrid(model);
  sequences_ = std::min(keeps_states ? config_.parallel + 1 : kMostSequences, config_.batch);
  uint32_t at_once = config_.batch;
  std::unique_ptr<Context> context = new_context(at_once);
  splits_ = llama_get_memory(context->get()) != nullptr && llama_get_causal_attn(context->get());
  if (!splits_ && limit_ > at_once) {
    at_once = limit_;
    context.reset();
    context = new_context(at_once);
  }
  llama_batch_free(batch_);
  batch_ = llama_batch_init(static_cast<int32_t>(at_once), 0, 1);
  context_ = std::move(context);
}

void Embedder::step(const std::vector<engine::Sequence*>& ready) {
  if (ready.empty()) return;
  pieces_.clear();
  try {
    const AbortGuard guard;
    jobs_.clear();
    for (engine::Sequence* sequence : ready) jobs_.push_back(static_cast<EmbedJob*>(sequence));
    if (context_ == nullptr) make_context();
    fill_batch();
    if (compute()) take_results();
  } catch (const Refusal& e) {
    fail(e.code(), e.what());
  } catch (const std::bad_alloc&) {
    fail(INFER_E_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& e) {
    fail_for_good(e.what());
  } catch (...) {
    fail_for_good("unknown exception");
  }
}

// An input of each job in turn, so that a short job does not wait for a long one; another job is
// the first of each step.
void Embedder::fill_batch() {
  batch_.n_tokens = 0;
  if (std::find(jobs_.begin(), jobs_.end(), long_.job) != jobs_.end()) {
    add(long_, config_.batch);
    if (long_is_alone_) return;
  } else if (!alone_.empty()) {
    const Piece piece = alone_.front();
    alone_.pop_front();
    return start_alone(piece);
  }
  std::rotate(jobs_.begin(), jobs_.begin() + static_cast<std::ptrdiff_t>(steps_ % jobs_.size()),
              jobs_.end());
  for (bool more = true; more;) {
    more = false;
    for (EmbedJob* job : jobs_) {
      if (!job->has_next()) continue;
      if (!add_next(*job)) return;
      more = true;
    }
  }
}

// False if the job's next input has no place in this batch.
bool Embedder::add_next(EmbedJob& job) {
  const auto used = static_cast<uint32_t>(batch_.n_tokens);
  const uint32_t room = config_.batch - std::min(config_.batch, used);
  const std::size_t size = job.next().size();
  // Sequence 0 is the long input's.
  if (room == 0 || pieces_.size() + 1 >= sequences_) return false;
  Piece piece;
  piece.job = &job;
  if (size <= room || (!splits_ && pieces_.empty())) {
    piece.input = job.take();
    piece.sequence = static_cast<llama_seq_id>(pieces_.size() + 1);
    add(piece, size);
    return true;
  }
  if (!splits_ || long_.job != nullptr) return false;
  piece.input = job.take();
  long_ = piece;
  long_is_alone_ = false;
  long_sum_.assign(facts_.dimensions, 0);
  add(long_, room);
  return false;
}

void Embedder::start_alone(Piece piece) {
  const std::size_t size = piece.tokens().size();
  piece.sequence = 1;
  if (!splits_ || size <= config_.batch) return add(piece, size);
  piece.sequence = 0;
  long_ = piece;
  long_is_alone_ = true;
  long_sum_.assign(facts_.dimensions, 0);
  add(long_, config_.batch);
}

void Embedder::add(Piece piece, std::size_t most) {
  const std::vector<llama_token>& tokens = piece.tokens();
  piece.count = std::min(tokens.size() - piece.first, most);
  piece.at = batch_.n_tokens;
  for (std::size_t i = 0; i < piece.count; ++i) {
    const int32_t at = batch_.n_tokens++;
    batch_.token[at] = tokens[piece.first + i];
    batch_.pos[at] = static_cast<llama_pos>(piece.first + i);
    batch_.n_seq_id[at] = 1;
    batch_.seq_id[at][0] = piece.sequence;
    batch_.logits[at] = 1;
  }
  pieces_.push_back(piece);
}

// Nobody wants what is being computed: the engine may stop in the middle of the step.
bool Embedder::all_abandoned() const {
  return !pieces_.empty() && std::all_of(pieces_.begin(), pieces_.end(), [](const Piece& piece) {
    return piece.job->channel().cancelled() || piece.job->channel().closed();
  });
}

// False if nobody wants the results.
bool Embedder::compute() {
  if (pieces_.empty()) return false;
  clear_engine_error();
  ++steps_;
  const int32_t result = [this] {
    const StepShare share(*context_, batch_.n_tokens);
    return llama_decode(context_->get(), batch_);
  }();
  if (result == 0) return true;
  if (result != 2) {
    const std::string why = engine_error();
    throw Refusal(INFER_E_ENGINE, "embedding failed with " + std::to_string(result) +
                                      (why.empty() ? "" : ": ") + why);
  }
  forget_batch();
  return false;
}

void Embedder::take_results() {
  const bool alone = pieces_.size() == 1 && (pieces_[0].sequence != 0 || long_is_alone_);
  bool finite = true;
  for (const Piece& piece : pieces_) {
    if (!piece.job->done && !pool(piece)) {
      finite = false;
      if (alone)
        piece.job->fail_not_finite(piece.input);
      else
        alone_.push_back(Piece{.job = piece.job, .input = piece.input});
    }
    const bool is_long = piece.sequence == 0;
    if (is_long) long_.first += piece.count;
    if (!piece.ends()) continue;
    if (is_long) long_ = {};
    if (memory() != nullptr) llama_memory_seq_rm(memory(), piece.sequence, -1, -1);
  }
  if (!finite) purge();
  for (EmbedJob* job : jobs_) job->publish();
}

// Numbers that are not finite stay in the context's memory until something is written over them.
void Embedder::purge() {
  if (long_.job != nullptr) alone_.push_back(Piece{.job = long_.job, .input = long_.input});
  long_ = {};
  if (memory() != nullptr) llama_memory_clear(memory(), true);
}

// False if the result is not finite.
bool Embedder::pool(const Piece& piece) {
  if (facts_.ranks()) {
    if (!piece.ends()) return true;
    const float* scores = llama_get_embeddings_seq(context_->get(), piece.sequence);
    if (scores == nullptr) throw Refusal(INFER_E_ENGINE, "llama.cpp gave no score");
    return piece.job->put(piece.input, scores);
  }
  std::vector<double>& sum = piece.sequence == 0 ? long_sum_ : sum_;
  if (piece.sequence != 0) sum.assign(facts_.dimensions, 0);
  take_vectors(piece, sum);
  if (!piece.ends()) return true;
  const double scale = facts_.pooling == LLAMA_POOLING_TYPE_MEAN
                           ? 1 / static_cast<double>(piece.tokens().size())
                           : 1;
  row_.resize(sum.size());
  std::transform(sum.begin(), sum.end(), row_.begin(),
                 [scale](double v) { return static_cast<float>(v * scale); });
  return piece.job->put(piece.input, row_.data());
}

// Adds the vectors of those of the piece's tokens that count.
void Embedder::take_vectors(const Piece& piece, std::vector<double>& sum) {
  std::size_t begin = 0, end = piece.count;
  if (facts_.pooling == LLAMA_POOLING_TYPE_CLS) end = piece.first == 0 ? 1 : 0;
  if (facts_.pooling == LLAMA_POOLING_TYPE_LAST) begin = piece.ends() ? piece.count - 1 : end;
  for (std::size_t i = begin; i < end; ++i) {
    const float* vector =
        llama_get_embeddings_ith(context_->get(), piece.at + static_cast<int32_t>(i));
    if (vector == nullptr) throw Refusal(INFER_E_ENGINE, "llama.cpp gave no vector");
    for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += static_cast<double>(vector[d]);
  }
}

// What the context holds of this batch goes, and with it the beginning of its long input.
void Embedder::forget_batch() {
  for (const Piece& piece : pieces_) {
    if (piece.sequence == 0) long_ = {};
    if (memory() != nullptr) llama_memory_seq_rm(memory(), piece.sequence, -1, -1);
  }
}

// The jobs whose inputs were in the batch fail; all, if it came to none.
void Embedder::fail(int code, std::string_view message) noexcept {
  if (pieces_.empty()) {
    for (EmbedJob* job : jobs_) job->fail(code, message);
    return;
  }
  for (const Piece& piece : pieces_) piece.job->fail(code, message);
  if (context_ != nullptr) forget_batch();
}

// What was being computed with cannot be trusted any more: the next job gets a new context.
void Embedder::fail_for_good(const char* why) noexcept {
  std::string message;
  try {
    message = "llama.cpp failed: " + std::string(why);
  } catch (...) {
    message = "out of memory";  // short enough to need none
  }
  if (long_.job != nullptr) long_.job->fail(INFER_E_ENGINE, message);
  long_ = {};
  context_.reset();
  fail(INFER_E_ENGINE, message);
}

}  // namespace infer::llama
