// A plugin's table as a Subject: its structs are watched on all sides, its wakes are counted.
#ifndef INFER_CONFORMANCE_PLUGIN_STREAM_H_
#define INFER_CONFORMANCE_PLUGIN_STREAM_H_

#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <string>

#include "infer/plugin.h"
#include "src/conformance/stream.h"

namespace infer {
inline namespace v0 {

// An out struct of any age, with guard bytes from its end on.
template <class T>
class OutStruct {
 public:
  // `zeroed`: as the ABI has it, all out structs are but infer_error.
  void prepare(std::uint32_t size, bool zeroed) {
    size_ = size;
    std::memset(bytes_, kGuard, sizeof bytes_);
    if (zeroed) std::memset(bytes_, 0, size);
    std::memcpy(bytes_, &size, sizeof size);
  }
  T* get() { return reinterpret_cast<T*>(bytes_); }
  // What is in it, as far as its age goes.
  T copy() const {
    T value;
    std::memset(&value, 0, sizeof value);
    std::memcpy(&value, bytes_, size_ < sizeof value ? size_ : sizeof value);
    return value;
  }
  bool same_size() const { return std::memcmp(bytes_, &size_, sizeof size_) == 0; }
  // Nothing was written from `first` on.
  bool untouched_from(std::size_t first) const {
    for (std::size_t i = first; i < sizeof bytes_; ++i)
      if (bytes_[i] != kGuard) return false;
    return true;
  }
  bool guards_hold() const { return same_size() && untouched_from(size_); }

 private:
  static constexpr unsigned char kGuard = 0xA5;
  std::uint32_t size_ = 0;
  alignas(std::max_align_t) unsigned char bytes_[sizeof(T) + 256];
};

// What a call wrote into its error, with the rules on errors held over it. Prepare, call, take.
class ErrorOut {
 public:
  explicit ErrorOut(std::uint32_t size = sizeof(infer_error)) : size_(size) { prepare(); }
  infer_error* get() { return out_.get(); }
  // After a call that failed with `code`. `call` names it in messages.
  Error take(Journal& journal, const char* call, int code);

 private:
  void prepare() { out_.prepare(size_, false); }
  std::uint32_t size_;
  OutStruct<infer_error> out_;
};

// The host that plugins are given: quiet, with a small CPU budget.
const infer_host* check_host();
// Threads granted and not yet given back.
std::int64_t granted_threads();
// Wakes that came after close, of all sources so far.
std::int64_t late_wakes();

// Sizes that the host says its structs have: older and newer hosts are played with these.
struct AbiSizes {
  std::uint32_t event = sizeof(infer_event);
  std::uint32_t error = sizeof(infer_error);
  std::uint32_t open = sizeof(infer_open);  // at most 64 bytes more
};

class PluginSubject final : public Subject {
 public:
  PluginSubject(Journal& to, const CheckOptions& how, const infer_plugin* table, infer_model* model)
      : Subject(to, how), table_(table), model_(model) {}

  std::unique_ptr<Stream> open(const Ask& ask) override;
  const char* next_name() const override { return "next"; }
  bool pixels_for_files() const override { return true; }
  std::unique_ptr<Stream> open_json(const std::string& request,
                                    std::uint32_t task = INFER_TASK_TEXT);
  Outcome ask_json(const std::string& request, std::uint32_t task = INFER_TASK_TEXT);

  // A plain request whose prompt is given as JSON, quotes included; `more` goes into it.
  std::string plain_json(const std::string& quoted_prompt, const std::string& more = "") const;
  std::uint32_t task() const { return paints ? INFER_TASK_IMAGE : INFER_TASK_TEXT; }
  Outcome ask_plain(const std::string& request) { return ask_json(request, task()); }

  AbiSizes sizes{};
  const infer_plugin* table() const { return table_; }
  infer_model* model() const { return model_; }

 private:
  const infer_plugin* table_;
  infer_model* model_;
};

// A request for a picture whose prompt is given as JSON, quotes included; `more` as below.
std::string picture_json(const std::string& quoted_prompt, const std::string& more = "");
// One user message whose text is given as JSON, quotes included; `more` goes into the request.
std::string request_json(const std::string& quoted_prompt, std::int64_t max_tokens,
                         const std::string& more = "");

}  // namespace v0
}  // namespace infer

#endif  // INFER_CONFORMANCE_PLUGIN_STREAM_H_
