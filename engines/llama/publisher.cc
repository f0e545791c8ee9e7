#include "publisher.h"

#include <atomic>
#include <random>

namespace infer::llama {
namespace {

// Tells calls apart in a conversation that outlives the process: counted from a random start.
std::string new_call_id() {
  static std::atomic<uint64_t> next = [] {
    std::random_device device;
    return (static_cast<uint64_t>(device()) << 32) | device();
  }();
  static const char kDigits[] = "0123456789abcdefghijklmnopqrstuv";
  uint64_t number = next.fetch_add(0x9E3779B97F4A7C15u);  // odd: no value comes twice
  std::string id = "call_";
  for (int i = 0; i < 13; ++i, number >>= 5) id += kDigits[number & 31];
  return id;
}

}  // namespace

engine::Entry& Publisher::entry(uint16_t kind) {
  engine::Entry& entry = channel_.slot();
  entry.reset(kind);
  entry.choice = choice_;
  return entry;
}

void Publisher::begin_part(uint16_t kind, std::string_view name, std::string_view id) {
  end_part();
  open_ = kind;
  engine::Entry& begin = entry(INFER_EV_PART_BEGIN);
  begin.part_kind = kind;
  begin.part = part_;
  begin.data = name;
  begin.id = id;
  publish();
}

void Publisher::end_part() {
  if (open_ == 0) return;
  engine::Entry& end = entry(INFER_EV_PART_END);
  end.part_kind = open_;
  end.part = part_;
  publish();
  open_ = 0;
  ++part_;
}

void Publisher::write(uint16_t kind, std::string_view delta) {
  if (delta.empty()) return;
  if (open_ != kind) begin_part(kind, {}, {});
  engine::Entry& entry = this->entry(INFER_EV_DELTA);
  entry.part_kind = kind;
  entry.part = part_;
  entry.data = delta;
  attach_probabilities(entry);
  publish();
}

void Publisher::tool_call(std::string_view name, std::string_view id) {
  begin_part(INFER_PART_TOOL_CALL, name, id.empty() ? new_call_id() : std::string(id));
}

void Publisher::probability(int32_t token, float logprob, std::string_view bytes) {
  probabilities_.push_back({token, logprob, static_cast<uint32_t>(bytes.size())});
  token_bytes_ += bytes;
}

void Publisher::attach_probabilities(engine::Entry& delta) {
  if (probabilities_.empty()) return;
  delta.top = top_;
  delta.probabilities.swap(probabilities_);
  delta.token_bytes.swap(token_bytes_);
}

}  // namespace infer::llama
