// A loaded model: weights, vocabulary, chat template, and the scheduler that runs its replies.
// Thread rule: open and describe from any threads; destruction after the last reply is closed.
#ifndef INFER_ENGINES_LLAMA_MODEL_H_
#define INFER_ENGINES_LLAMA_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "chat_template.h"
#include "config.h"
#include "decoder.h"
#include "describe.h"
#include "engines/common/scheduler.h"
#include "infer/plugin.h"
#include "llama.h"
#include "messages.h"
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
  bool has_template() const { return has_template_; }
  engine::Scheduler& scheduler() const { return *scheduler_; }

  // The tokens of a prompt made of these messages: by the chat template, else their texts with
  // blank lines between.
  std::vector<llama_token> prompt(const std::vector<ChatMessage>& messages) const;

 private:
  struct FreeModel {
    void operator()(llama_model* model) const { llama_model_free(model); }
  };

  void check_kind() const;
  void choose_context(const Config& config);
  void read_template();
  void read_facts(const infer_load& how);
  std::string meta(const char* key) const;

  std::unique_ptr<llama_model, FreeModel> model_;
  std::unique_ptr<Vocabulary> vocabulary_;
  std::unique_ptr<ChatTemplate> template_;
  bool has_template_ = false;
  std::string template_error_;
  uint32_t context_ = 0;
  ModelFacts facts_;
  std::string describe_;
  // Last: the scheduler's thread ends first, then the context goes, then the weights.
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<engine::Scheduler> scheduler_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_MODEL_H_
