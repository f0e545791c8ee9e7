// One running answer as the scheduler's thread sees it: its tokens, how far they are decoded, and
// how the answer's tokens become text and events.
#ifndef INFER_ENGINES_LLAMA_CHOICE_H_
#define INFER_ENGINES_LLAMA_CHOICE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "answer.h"
#include "chat_plan.h"
#include "engines/common/scheduler.h"
#include "engines/common/stop_match.h"
#include "engines/common/utf8.h"
#include "logprobs.h"
#include "publisher.h"
#include "reply.h"
#include "sampler.h"

namespace infer::llama {

class Choice final : public engine::Sequence {
 public:
  // `plan`: how the answer is split.
  Choice(std::shared_ptr<Reply> reply, std::shared_ptr<const ChatPlan> plan, uint32_t index,
         Sampler sampler);

  Reply& reply() const { return *reply_; }
  uint32_t index() const { return index_; }

  // -- Called by the engine's thread: begin once, then decoded and take after each step.

  int slot = -1;
  // Which output of the current step holds its logits, and how many tokens it has in the step.
  int32_t output = -1;
  std::size_t in_batch = 0;

  // Whether begin() was called: until then nothing of the prompt counts as decoded.
  bool begun() const { return begun_; }
  void begin(std::size_t reused);
  // Tokens that are not in the engine's memory yet; the next one goes to this position.
  std::size_t pending() const { return tokens_.size() - decoded_; }
  std::size_t position() const { return decoded_; }
  llama_token token(std::size_t position) const { return tokens_[position]; }
  std::span<const llama_token> tokens() const { return tokens_; }
  bool in_prompt() const { return decoded_ < reply_->prompt.size(); }
  void decoded(std::size_t count);
  // Draws the next token from this output of the last decode and publishes what became of it. May
  // set done. `step`: the engine's count of steps. Throws Refusal.
  void take(llama_context* context, int32_t output, uint64_t step);

 private:
  llama_token draw(llama_context* context, int32_t output);
  bool spent(const ThinkingBudget& budget) const;
  void append_piece(llama_token token, std::string& out) const;
  void publish_probabilities(llama_context* context, int32_t output, llama_token token);
  void add_text(llama_token token);
  void hand_on(std::string_view text);
  void finish(uint32_t reason, std::string_view raw, uint64_t step);

  const std::shared_ptr<Reply> reply_;
  const std::shared_ptr<const ChatPlan> plan_;
  const uint32_t index_;
  std::vector<llama_token> tokens_;  // the prompt's and the answer's
  Sampler sampler_;
  std::unique_ptr<AnswerParser> parser_;  // null: all of the answer is text
  Publisher publisher_;
  engine::StopMatcher stops_;
  engine::Utf8Stream utf8_;
  std::size_t decoded_ = 0;
  int64_t drawn_ = 0, reasoned_ = 0;  // tokens of the answer, and of its reasoning
  std::size_t forced_ = 0;            // of the tokens that end reasoning which took too long
  bool begun_ = false, stopped_ = false;
  std::string piece_, whole_, text_;  // reused for each token
  std::vector<TokenProbability> probabilities_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_CHOICE_H_
