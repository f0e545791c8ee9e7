// Embeddings and rankings: a llama_context of their own, in which the inputs of all running jobs
// are batched.
//
// A step is one batch: inputs of the jobs in turn, up to the configured batch of tokens. Where
// attention looks back only, the last input of a batch may be longer than what is left and goes on
// in the next step, so that an input may be as long as the context. Elsewhere an input has to be
// computed at once, and one that is longer than the batch gets a step to itself.
//
// A number that is not finite gets from one input to the others of its batch, because a masked
// token counts 0 times its value. What comes out of a shared batch like that is computed again
// alone.
//
// The vectors of the tokens are pooled here, in double precision, so that all that is the same for
// every model; a ranking comes from the model's own head.
//
// Thread rule: everything after construction from the scheduler's thread.
#ifndef INFER_ENGINES_LLAMA_EMBEDDER_H_
#define INFER_ENGINES_LLAMA_EMBEDDER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "config.h"
#include "context.h"
#include "embed_facts.h"
#include "embed_job.h"
#include "engines/common/scheduler.h"
#include "llama.h"
#include "loader.h"

namespace infer::llama {

class Embedder {
 public:
  // `context`: most tokens of an input. The engine's context is made at the first job. `weights`
  // must live longer.
  Embedder(const Weights& weights, const Config& config, EmbedFacts facts, uint32_t context);
  ~Embedder();
  Embedder(const Embedder&) = delete;
  Embedder& operator=(const Embedder&) = delete;

  // As engine::StepEngine has them; the sequences are EmbedJobs. None throws.
  void admit(engine::Sequence& sequence);
  void step(const std::vector<engine::Sequence*>& ready);
  void retire(engine::Sequence& sequence);

  // Batches so far: for tests.
  uint64_t steps() const { return steps_; }

 private:
  // An input, or what a batch has of it.
  struct Piece {
    EmbedJob* job = nullptr;
    std::size_t input = 0;
    std::size_t first = 0, count = 0;  // tokens of the input in this batch
    int32_t at = 0;                    // where in the batch they begin
    llama_seq_id sequence = 0;
    const std::vector<llama_token>& tokens() const { return job->input(input); }
    bool ends() const { return first + count == tokens().size(); }
  };

  void make_context();
  std::unique_ptr<Context> new_context(uint32_t tokens_at_once);
  llama_memory_t memory() const { return llama_get_memory(context_->get()); }
  void fill_batch();
  bool add_next(EmbedJob& job);
  void add(Piece piece, std::size_t most);
  bool compute();
  void take_results();
  bool pool(const Piece& piece);
  void take_vectors(const Piece& piece, std::vector<double>& sum);
  void start_alone(Piece piece);
  void forget_batch();
  void purge();
  void fail(int code, std::string_view message) noexcept;
  void fail_for_good(const char* why) noexcept;
  bool all_abandoned() const;

  const Weights& weights_;
  const Config config_;
  const EmbedFacts facts_;
  const uint32_t limit_;
  std::unique_ptr<Context> context_;  // null before the first job, and after the engine failed
  llama_batch batch_ = {};
  bool splits_ = false;  // an input may be computed in several steps
  uint32_t sequences_ = 1;
  uint64_t steps_ = 0;

  std::vector<EmbedJob*> jobs_;  // of this step
  std::vector<Piece> pieces_;    // of this step's batch
  // The input that goes on in the next step, with what its tokens so far add up to; its sequence in
  // the context is 0. No job: there is none.
  Piece long_;
  std::vector<double> long_sum_, sum_;
  bool long_is_alone_ = false;
  std::deque<Piece> alone_;  // inputs to be computed with no other beside them
  std::vector<float> row_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_EMBEDDER_H_
