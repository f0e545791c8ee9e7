#include "reply.h"

#include <utility>

namespace infer::llama {
namespace {

// Bits of infer_usage::known, in the order of its fields.
constexpr uint32_t kInput = 1u << 0, kCacheRead = 1u << 1, kOutput = 1u << 3, kReasoning = 1u << 4,
                   kQueue = 1u << 5, kPrefill = 1u << 6, kDecode = 1u << 7, kFirst = 1u << 8;

int64_t nanoseconds(Clock::duration d) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

}  // namespace

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
  // All but the last two tokens was there: these are computed in any case, which is no prefill.
  if (reused + 2 < prompt.size() || prefills_ == 0) ++prefills_;
}

void Reply::drew_token(bool reasoning) {
  if (output_++ == 0) first_ = Clock::now();
  if (reasoning) ++reasoning_;
}

void Reply::fill_usage(engine::Entry& entry, std::optional<uint64_t> step) const {
  infer_usage& usage = entry.usage;
  entry.with_usage = true;
  usage = {};
  usage.known = kInput | kCacheRead | kOutput | kQueue | kPrefill | kFirst;
  usage.input = static_cast<int64_t>(prompt.size());
  usage.cache_read = cache_read_;
  usage.output = output_;
  usage.queue_ns = nanoseconds(admitted_ - opened_);
  usage.prefill_ns = nanoseconds(first_ - admitted_);
  usage.first_ns = nanoseconds(first_ - opened_);
  if (reasoning_ > 0) {
    usage.known |= kReasoning;
    usage.reasoning = reasoning_;
  }
  if (!step) return;
  usage.known |= kDecode;
  usage.decode_ns = nanoseconds(Clock::now() - first_);
  entry.raw = "{\"decode_calls\":" + std::to_string(decode_calls_) +
              ",\"prefill_tokens\":" + std::to_string(prefill_tokens_) +
              ",\"prefills\":" + std::to_string(prefills_) +
              ",\"steps\":" + std::to_string(*step - first_step_) + "}";
}

void Reply::fail(int code, std::string_view message) noexcept {
  if (failed_) return;
  failed_ = true;
  try {
    engine::Entry& entry = channel->slot();
    entry.reset(0);
    entry.data = message;
    entry.code = code;
    channel->publish();
    channel->flush();
  } catch (...) {
    channel->break_off(INFER_E_OUT_OF_MEMORY);
  }
}

}  // namespace infer::llama
