#include "reply.h"

#include <utility>

#include "slots.h"

namespace infer::llama {

Reply::Reply(std::shared_ptr<engine::EntryChannel> to, const Vocabulary& words,
             std::vector<llama_token> tokens, ReplyLimits how)
    : channel(std::move(to)),
      vocabulary(words),
      prompt(std::move(tokens)),
      limits(std::move(how)) {}

void Reply::admitted(uint64_t step) {
  if (admitted_yet_) return;
  admitted_yet_ = true;
  admitted_ = Clock::now();
  first_step_ = step;
}

void Reply::began(std::size_t reused) {
  if (prefills_ == 0) cache_read_ = static_cast<int64_t>(reused);
  // Where all was there but what is computed in any case, that is no prefill.
  if (reused + Slots::kComputed < prompt.size() || prefills_ == 0) ++prefills_;
}

void Reply::drew_token(bool reasoning) {
  if (output_++ == 0) first_ = Clock::now();
  if (reasoning) ++reasoning_;
}

void Reply::fill_usage(engine::Entry& entry, std::optional<uint64_t> step) const {
  infer_usage& usage = entry.usage;
  entry.with_usage = true;
  usage = {};
  usage.known = engine::kKnowsInput | engine::kKnowsCacheRead | engine::kKnowsOutput |
                engine::kKnowsQueue | engine::kKnowsPrefill | engine::kKnowsFirst;
  usage.input = static_cast<int64_t>(prompt.size());
  usage.cache_read = cache_read_;
  usage.output = output_;
  usage.queue_ns = engine::nanoseconds(admitted_ - opened_);
  usage.prefill_ns = engine::nanoseconds(first_ - admitted_);
  usage.first_ns = engine::nanoseconds(first_ - opened_);
  if (reasoning_ > 0) {
    usage.known |= engine::kKnowsReasoning;
    usage.reasoning = reasoning_;
  }
  if (!step) return;
  usage.known |= engine::kKnowsDecode;
  usage.decode_ns = engine::nanoseconds(Clock::now() - first_);
  entry.raw = "{\"decode_calls\":" + std::to_string(decode_calls_) +
              ",\"prefill_tokens\":" + std::to_string(prefill_tokens_) +
              ",\"prefills\":" + std::to_string(prefills_) +
              ",\"steps\":" + std::to_string(*step - first_step_) + "}";
}

void Reply::fail(int code, std::string_view message) noexcept {
  if (failed_) return;
  failed_ = true;
  engine::publish_failure(*channel, code, message);
}

}  // namespace infer::llama
