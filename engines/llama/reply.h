// What the answers to one request have in common: its prompt, its limits, its bill.
// Thread rule: made by the thread that opens the request; from then on the engine's thread alone.
#ifndef INFER_ENGINES_LLAMA_REPLY_H_
#define INFER_ENGINES_LLAMA_REPLY_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engines/common/entry.h"
#include "llama.h"
#include "vocabulary.h"

namespace infer::llama {

using Clock = std::chrono::steady_clock;

struct ReplyLimits {
  uint32_t context = 0;     // tokens of prompt and answer
  int64_t max_tokens = -1;  // of each answer; -1: as many as fit
  std::vector<llama_token> stop_ids;
  std::vector<std::string> stops;
  std::optional<uint32_t> logprobs;  // alternatives per token
};

class Reply {
 public:
  Reply(std::shared_ptr<engine::EntryChannel> to, const Vocabulary& words,
        std::vector<llama_token> tokens, ReplyLimits how);

  const std::shared_ptr<engine::EntryChannel> channel;
  const Vocabulary& vocabulary;
  const std::vector<llama_token> prompt;
  const ReplyLimits limits;

  // -- Its course, as the engine reports it.

  // An answer got its place; `step` is the engine's count of steps so far.
  void admitted(uint64_t step);
  // An answer begins with this much of the prompt already in the engine's memory. What an earlier
  // answer to the same request left there is not called cached.
  void began(std::size_t reused);
  void computed_prompt(std::size_t tokens) { prefill_tokens_ += static_cast<int64_t>(tokens); }
  void drew_token(bool reasoning);
  bool has_first_token() const { return output_ > 0; }
  void stepped() { ++decode_calls_; }
  // The figures so far; `step` as above, if the entry ends an answer.
  void fill_usage(engine::Entry& entry, std::optional<uint64_t> step) const;

  // The reply as a whole fails: the one error is published, and no answer goes on.
  void fail(int code, std::string_view message) noexcept;
  bool failed() const { return failed_; }

 private:
  bool admitted_yet_ = false, failed_ = false;
  uint64_t first_step_ = 0;
  int64_t cache_read_ = 0, prefill_tokens_ = 0, prefills_ = 0, decode_calls_ = 0;
  int64_t output_ = 0, reasoning_ = 0;
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point admitted_{}, first_{};
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_REPLY_H_
