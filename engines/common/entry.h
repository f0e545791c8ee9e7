// What travels through a Channel: one event of a reply, or its error, with the buffers that its
// texts live in.
#ifndef INFER_ENGINES_COMMON_ENTRY_H_
#define INFER_ENGINES_COMMON_ENTRY_H_

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "abi.h"
#include "channel.h"

namespace infer::engine {

struct Entry {
  int code = 0;  // < 0: an error (data: the message, extra: the details); then nothing below counts
  uint16_t kind = 0, part_kind = 0;
  uint32_t choice = 0, part = 0, finish = 0, step = 0, steps = 0;
  bool with_usage = false;
  std::string data, id, extra, raw;
  infer_usage usage = {};

  // DELTA: tokens, each followed by `top` alternatives.
  struct Probability {
    int32_t token;
    float logprob;
    uint32_t bytes;  // of its text, which lies in `token_bytes` behind that of those before
  };
  std::vector<Probability> probabilities;
  uint32_t top = 0;
  std::string token_bytes;

  // PROGRESS: how long a step takes.
  int64_t step_ns = 0;

  // MEDIA: pixels, row by row without gaps.
  std::vector<uint8_t> pixels;
  uint32_t width = 0, height = 0, channels = 0;
  bool preview = false;

  // VECTORS: rows of `dimensions` numbers.
  std::vector<float> vectors;
  uint32_t dimensions = 0;

  // Makes a used entry an empty one of this kind; the strings keep their capacity.
  void reset(uint16_t new_kind) {
    code = 0;
    kind = new_kind;
    part_kind = 0;
    choice = part = finish = step = steps = top = dimensions = 0;
    width = height = channels = 0;
    step_ns = 0;
    with_usage = preview = false;
    data.clear();
    id.clear();
    extra.clear();
    raw.clear();
    probabilities.clear();
    token_bytes.clear();
    vectors.clear();
    release();
  }
  // Gives the memory of a picture back: it may be large, and an entry is used again late.
  void release() { pixels = {}; }

  // Shows the entry as the ABI's event, whose pointers live as long as the entry stays untouched.
  void show(infer_event* out) {
    infer_event event = {};
    event.kind = kind;
    event.part_kind = part_kind;
    event.choice = choice;
    event.part = part;
    event.finish = finish;
    event.step = step;
    event.steps = steps;
    event.data = to_str(data);
    event.id = to_str(id);
    event.extra = to_str(extra);
    event.step_ns = step_ns;
    event.preview = preview ? 1 : 0;
    if (with_usage) {
      usage.size = sizeof(usage);
      usage.raw = to_str(raw);
      event.usage = &usage;
    }
    if (!probabilities.empty()) show_probabilities(event);
    if (kind == INFER_EV_VECTORS) show_vectors(event);
    if (kind == INFER_EV_MEDIA) show_pixels(event);
    write_struct(out, event);
  }

 private:
  void show_probabilities(infer_event& event) {
    shown_.clear();
    const char* bytes = token_bytes.data();
    for (const Probability& p : probabilities) {
      shown_.push_back(infer_logprob{p.token, p.logprob, infer_str{bytes, p.bytes}});
      bytes += p.bytes;
    }
    event.logprobs = shown_.data();
    event.n_top = top;
    event.n_logprobs = static_cast<uint32_t>(shown_.size() / (top + 1));
  }

  void show_vectors(infer_event& event) {
    blob_ = {};
    blob_.size = sizeof(blob_);
    blob_.type = INFER_F32;
    blob_.data = vectors.data();
    blob_.bytes = vectors.size() * sizeof(float);
    blob_.width = dimensions;
    blob_.height = dimensions == 0 ? 0 : static_cast<uint32_t>(vectors.size() / dimensions);
    event.blob = &blob_;
  }

  void show_pixels(infer_event& event) {
    blob_ = {};
    blob_.size = sizeof(blob_);
    blob_.type = INFER_U8;
    blob_.data = pixels.data();
    blob_.bytes = pixels.size();
    blob_.width = width;
    blob_.height = height;
    blob_.channels = channels;
    blob_.stride = width * channels;
    event.blob = &blob_;
  }

  std::vector<infer_logprob> shown_;
  infer_blob blob_ = {};
};

using EntryChannel = Channel<Entry>;

// Bits of infer_usage::known, in the order of its fields.
constexpr uint32_t kKnowsInput = 1u << 0, kKnowsCacheRead = 1u << 1, kKnowsOutput = 1u << 3,
                   kKnowsReasoning = 1u << 4, kKnowsQueue = 1u << 5, kKnowsPrefill = 1u << 6,
                   kKnowsDecode = 1u << 7, kKnowsFirst = 1u << 8;

// For infer_usage's times.
inline int64_t nanoseconds(std::chrono::steady_clock::duration d) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(d).count();
}

// The reply ends with this error; with break_off() where memory is out even for that.
inline void publish_failure(EntryChannel& channel, int code, std::string_view message) noexcept {
  try {
    Entry& entry = channel.slot();
    entry.reset(0);
    entry.data = message;
    entry.code = code;
    channel.publish();
    channel.flush();
  } catch (...) {
    channel.break_off(INFER_E_OUT_OF_MEMORY);
  }
}

// The reader's half of a reply: next() of the ABI on top of a channel. One thread at a time.
class EntryReader {
 public:
  // `choices`: how many answers the reply has; each ends with a FINISH.
  explicit EntryReader(EntryChannel& channel, uint32_t choices = 1)
      : channel_(channel), unfinished_(choices) {}

  // Before the first next().
  void expect(uint32_t choices) { unfinished_ = choices; }

  int next(infer_event* out, infer_error* error) {
    if (unfinished_ == 0) return INFER_END;
    if (failed_ != 0) return set_error(error, failed_, message_, details_);
    if (channel_.cancelled()) return fail(error, INFER_E_CANCELLED, "the reply was cancelled", {});
    if (const int code = channel_.broken()) {
      return fail(error, code, "the engine ran out of memory for this reply", {});
    }
    if (shown_ != nullptr) shown_->release();
    Entry* entry = shown_ = channel_.next();
    if (entry == nullptr) {
      return channel_.cancelled() || channel_.broken() != 0 ? next(out, error) : INFER_PENDING;
    }
    if (entry->code < 0) return fail(error, entry->code, entry->data, entry->extra);
    entry->show(out);
    // The last choice's FINISH is the last event: the call after it says END, whatever comes then.
    if (entry->kind == INFER_EV_FINISH) --unfinished_;
    return INFER_EVENT;
  }

 private:
  int fail(infer_error* error, int code, std::string_view message, std::string_view details) {
    failed_ = code;
    message_ = message;
    details_ = details;
    return set_error(error, code, message_, details_);
  }

  EntryChannel& channel_;
  Entry* shown_ = nullptr;  // until the next call
  uint32_t unfinished_;
  int failed_ = 0;
  std::string message_, details_;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_ENTRY_H_
