// One running reply as the scheduler's thread sees it: its tokens, how far they are decoded, and
// how the answer's tokens become text and events.
#ifndef INFER_ENGINES_LLAMA_REPLY_H_
#define INFER_ENGINES_LLAMA_REPLY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engines/common/scheduler.h"
#include "engines/common/stop_match.h"
#include "engines/common/utf8.h"
#include "sampler.h"
#include "vocabulary.h"

namespace infer::llama {

struct ReplyLimits {
  uint32_t context = 0;     // tokens of prompt and answer
  int64_t max_tokens = -1;  // of the answer; -1: as many as fit
  std::vector<llama_token> stop_ids;
};

class Reply final : public engine::Sequence {
 public:
  using Clock = std::chrono::steady_clock;

  Reply(std::shared_ptr<engine::EntryChannel> channel, const Vocabulary& vocabulary,
        std::vector<llama_token> prompt, Sampler sampler, std::vector<std::string> stops,
        ReplyLimits limits);

  // -- Called by the engine's thread, in this order: admitted once, then decoded and took after
  // each step.

  void admitted() { admitted_ = Clock::now(); }
  // Tokens that are not in the context yet; the next one goes to this position.
  std::size_t pending() const { return tokens_.size() - decoded_; }
  std::size_t position() const { return decoded_; }
  llama_token token(std::size_t position) const { return tokens_[position]; }
  bool in_prompt() const { return decoded_ < prompt_; }
  void decoded(std::size_t count) {
    decoded_ += count;
    ++decode_calls_;
  }
  // Draws the next token from this output of the last decode and publishes what became of it. May
  // set done.
  void take(llama_context* context, int32_t output);
  // Publishes the error and sets done.
  void fail(int code, const std::string& message);

  // Which output of the current step holds its logits; -1: none.
  int32_t output = -1;

 private:
  void add_text(llama_token token);
  void publish_text();
  void publish_usage();
  void finish(uint32_t reason, std::string_view raw);
  void end_text();
  void fill_usage(engine::Entry& entry, bool final) const;

  const Vocabulary& vocabulary_;
  std::vector<llama_token> tokens_;
  const std::size_t prompt_;
  Sampler sampler_;
  engine::StopMatcher stops_;
  engine::Utf8Stream utf8_;
  const ReplyLimits limits_;
  std::size_t decoded_ = 0;
  int64_t output_tokens_ = 0, decode_calls_ = 0;
  bool part_open_ = false, stopped_ = false;
  std::string piece_, whole_, text_;  // reused for each token
  Clock::time_point opened_ = Clock::now(), admitted_{}, first_{};
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_REPLY_H_
