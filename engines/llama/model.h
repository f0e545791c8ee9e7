// A loaded model: weights, vocabulary, chat template, and the scheduler that runs its replies.
// Thread rule: open and describe from any threads; destruction after the last reply is closed.
#ifndef INFER_ENGINES_LLAMA_MODEL_H_
#define INFER_ENGINES_LLAMA_MODEL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "chat_plan.h"
#include "config.h"
#include "describe.h"
#include "embedder.h"
#include "engine.h"
#include "engines/common/scheduler.h"
#include "infer/plugin.h"
#include "llama.h"
#include "loader.h"
#include "vocabulary.h"

namespace infer::llama {

class Model {
 public:
  // Throws Refusal.
  explicit Model(const infer_load& how);

  const std::string& describe() const { return describe_; }
  const std::string& name() const { return facts_.name; }
  const Vocabulary& vocabulary() const { return *vocabulary_; }
  uint32_t context() const { return context_; }
  engine::Scheduler& scheduler() const { return *scheduler_; }

  // What the model does. Each throws Refusal where it does not do that.
  const Chat& chat() const;             // writes
  const EmbedFacts& embedding() const;  // makes vectors
  const EmbedFacts& ranking() const;    // scores
  const llama_model* weights() const { return weights_->model(); }

 private:
  void prepare(const infer_load& how, const Config& config);
  bool writes() const;
  void choose_context(const Config& config);
  void read_template(const Config& config);
  void read_facts(const infer_load& how);
  std::string meta(const std::string& key) const;

  std::unique_ptr<Weights> weights_;
  std::unique_ptr<Vocabulary> vocabulary_;
  std::unique_ptr<Chat> chat_;  // null: it does not write, or template_error_ says why not
  std::string template_error_;
  std::optional<EmbedFacts> embed_;
  uint32_t context_ = 0;
  ModelFacts facts_;
  std::string describe_;
  // Last: the scheduler's thread ends first, then the contexts go, then the weights.
  std::unique_ptr<Engine> engine_;
  std::unique_ptr<engine::Scheduler> scheduler_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_MODEL_H_
