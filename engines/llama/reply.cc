#include "reply.h"

#include <algorithm>
#include <utility>

#include "refusal.h"

namespace infer::llama {
namespace {

// Bits of infer_usage::known, in the order of its fields.
constexpr uint32_t kInput = 1u << 0, kOutput = 1u << 3, kQueue = 1u << 5, kPrefill = 1u << 6,
                   kDecode = 1u << 7, kFirst = 1u << 8;

int64_t nanoseconds(Reply::Clock::duration d) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

}  // namespace

Reply::Reply(std::shared_ptr<engine::EntryChannel> channel, const Vocabulary& vocabulary,
             std::vector<llama_token> prompt, Sampler sampler, std::vector<std::string> stops,
             ReplyLimits limits)
    : Sequence(std::move(channel)),
      vocabulary_(vocabulary),
      tokens_(std::move(prompt)),
      prompt_(tokens_.size()),
      sampler_(std::move(sampler)),
      stops_(std::move(stops)),
      limits_(std::move(limits)) {}

void Reply::take(llama_context* context, int32_t output_index) {
  const llama_token token = sampler_.next(context, output_index);
  if (output_tokens_++ == 0) {
    first_ = Clock::now();
    publish_usage();
  }
  const bool stop_id =
      std::find(limits_.stop_ids.begin(), limits_.stop_ids.end(), token) != limits_.stop_ids.end();
  if (stop_id || vocabulary_.ends_reply(token)) {
    finish(INFER_FIN_STOP, stop_id ? "stop_token_id" : "stop");
    return;
  }
  tokens_.push_back(token);
  add_text(token);
  if (stopped_) {
    finish(INFER_FIN_STOP_SEQUENCE, stops_.found());
  } else if (output_tokens_ == limits_.max_tokens) {
    finish(INFER_FIN_LENGTH, "length");
  } else if (tokens_.size() >= limits_.context) {
    finish(INFER_FIN_CONTEXT_FULL, "context_full");
  } else {
    publish_text();
  }
  channel().flush();
}

void Reply::add_text(llama_token token) {
  piece_.clear();
  whole_.clear();
  vocabulary_.append_piece(token, piece_);
  utf8_.feed(piece_, whole_);
  stopped_ = stops_.feed(whole_, text_);
}

// The text that is certain so far, as a delta; the part begins with the first of it.
void Reply::publish_text() {
  if (text_.empty()) return;
  if (!part_open_) {
    part_open_ = true;
    engine::Entry& begin = channel().slot();
    begin.reset(INFER_EV_PART_BEGIN);
    begin.part_kind = INFER_PART_TEXT;
    channel().publish();
  }
  engine::Entry& delta = channel().slot();
  delta.reset(INFER_EV_DELTA);
  delta.part_kind = INFER_PART_TEXT;
  delta.data = text_;
  channel().publish();
  text_.clear();
}

// What was held back because it might have gone on: half a character, the beginning of a stop
// sequence.
void Reply::end_text() {
  whole_.clear();
  utf8_.finish(whole_);
  if (!stops_.feed(whole_, text_)) stops_.finish(text_);
  publish_text();
  if (!part_open_) return;
  part_open_ = false;
  engine::Entry& end = channel().slot();
  end.reset(INFER_EV_PART_END);
  end.part_kind = INFER_PART_TEXT;
  channel().publish();
}

void Reply::finish(uint32_t reason, std::string_view raw) {
  const std::string kept(raw);  // it may lie in the matcher that end_text goes through
  if (stopped_) {
    utf8_ = {};
    stops_ = {};
  }
  end_text();
  engine::Entry& entry = channel().slot();
  entry.reset(INFER_EV_FINISH);
  entry.finish = reason;
  entry.data = kept;
  fill_usage(entry, true);
  channel().publish();
  channel().flush();
  done = true;
}

void Reply::publish_usage() {
  engine::Entry& entry = channel().slot();
  entry.reset(INFER_EV_USAGE);
  fill_usage(entry, false);
  channel().publish();
}

void Reply::fill_usage(engine::Entry& entry, bool final) const {
  entry.with_usage = true;
  entry.usage = {};
  entry.usage.known = kInput | kOutput | kQueue | kPrefill | kFirst | (final ? kDecode : 0);
  entry.usage.input = static_cast<int64_t>(prompt_);
  entry.usage.output = output_tokens_;
  entry.usage.queue_ns = nanoseconds(admitted_ - opened_);
  entry.usage.prefill_ns = nanoseconds(first_ - admitted_);
  entry.usage.first_ns = nanoseconds(first_ - opened_);
  if (!final) return;
  entry.usage.decode_ns = nanoseconds(Clock::now() - first_);
  entry.raw = "{\"decode_calls\":" + std::to_string(decode_calls_) + "}";
}

void Reply::fail(int code, const std::string& message) {
  engine::Entry& entry = channel().slot();
  entry.reset(0);
  entry.code = code;
  entry.data = message;
  channel().publish();
  channel().flush();
  done = true;
}

}  // namespace infer::llama
