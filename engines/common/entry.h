// What travels through a Channel: one event of a reply, or its error, with the buffers that its
// texts live in.
#ifndef INFER_ENGINES_COMMON_ENTRY_H_
#define INFER_ENGINES_COMMON_ENTRY_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "abi.h"
#include "channel.h"

namespace infer::engine {

struct Entry {
  int code = 0;  // < 0: an error (data: the message, extra: the details); then nothing below counts
  uint16_t kind = 0, part_kind = 0;
  uint32_t part = 0, finish = 0;
  bool with_usage = false;
  std::string data, id, extra, raw;
  infer_usage usage = {};

  // Makes a used entry an empty one of this kind; the strings keep their capacity.
  void reset(uint16_t new_kind) {
    code = 0;
    kind = new_kind;
    part_kind = 0;
    part = finish = 0;
    with_usage = false;
    data.clear();
    id.clear();
    extra.clear();
    raw.clear();
  }

  // Shows the entry as the ABI's event, whose pointers live as long as the entry stays untouched.
  void show(infer_event* out) {
    infer_event event = {};
    event.kind = kind;
    event.part_kind = part_kind;
    event.part = part;
    event.finish = finish;
    event.data = to_str(data);
    event.id = to_str(id);
    event.extra = to_str(extra);
    if (with_usage) {
      usage.size = sizeof(usage);
      usage.raw = to_str(raw);
      event.usage = &usage;
    }
    write_struct(out, event);
  }
};

using EntryChannel = Channel<Entry>;

// The reader's half of a reply: next() of the ABI on top of a channel. One thread at a time.
class EntryReader {
 public:
  explicit EntryReader(EntryChannel& channel) : channel_(channel) {}

  int next(infer_event* out, infer_error* error) {
    if (ended_) return INFER_END;
    if (failed_ != 0) return set_error(error, failed_, message_, details_);
    if (channel_.cancelled()) return fail(error, INFER_E_CANCELLED, "the reply was cancelled", {});
    Entry* entry = channel_.next();
    if (entry == nullptr) return channel_.cancelled() ? next(out, error) : INFER_PENDING;
    if (entry->code < 0) return fail(error, entry->code, entry->data, entry->extra);
    entry->show(out);
    // The one choice's FINISH is the last event: the call after it says END, whatever comes then.
    ended_ = entry->kind == INFER_EV_FINISH;
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
  bool ended_ = false;
  int failed_ = 0;
  std::string message_, details_;
};

}  // namespace infer::engine

#endif  // INFER_ENGINES_COMMON_ENTRY_H_
