#include "embed_job.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "infer/plugin.h"

namespace infer::llama {
namespace {

void normalize(float* row, uint32_t width) {
  double sum = 0;
  for (uint32_t i = 0; i < width; ++i) sum += static_cast<double>(row[i]) * row[i];
  if (sum == 0) return;
  const double scale = 1 / std::sqrt(sum);
  for (uint32_t i = 0; i < width; ++i) row[i] = static_cast<float>(row[i] * scale);
}

}  // namespace

EmbedJob::EmbedJob(std::shared_ptr<engine::EntryChannel> channel, TokenRows inputs,
                   EmbedShape shape)
    : Sequence(std::move(channel)), inputs_(std::move(inputs)), shape_(shape) {
  for (const auto& input : inputs_) tokens_ += static_cast<int64_t>(input.size());
}

bool EmbedJob::put(std::size_t input, const float* values) {
  const uint32_t width = shape_.ranks ? 1 : shape_.dimensions;
  if (!std::all_of(values, values + width, [](float v) { return std::isfinite(v); })) return false;
  rows_.resize(inputs_.size() * width);
  float* row = &rows_[input * width];
  std::copy_n(values, width, row);
  if (!shape_.ranks && shape_.normalize) normalize(row, width);
  ++ready_;
  return true;
}

void EmbedJob::publish() {
  if (done || ready_ == told_) return;
  told_ = ready_;
  if (ready_ == inputs_.size()) {
    publish_rows();
    done = true;
  } else {
    // Nobody has to read this for the work to go on.
    if (!channel().has_room(2 * engine::Scheduler::kHeadroom)) return;
    engine::Entry& entry = channel().slot();
    entry.reset(INFER_EV_PROGRESS);
    entry.data = shape_.ranks ? "ranking" : "embedding";
    entry.step = static_cast<uint32_t>(ready_);
    entry.steps = static_cast<uint32_t>(inputs_.size());
    channel().publish();
  }
  channel().flush();
}

void EmbedJob::publish_rows() {
  engine::Entry& vectors = channel().slot();
  vectors.reset(INFER_EV_VECTORS);
  vectors.vectors = std::move(rows_);
  vectors.dimensions = shape_.ranks ? 1 : shape_.dimensions;
  channel().publish();
  engine::Entry& entry = channel().slot();
  entry.reset(INFER_EV_FINISH);
  entry.finish = INFER_FIN_STOP;
  entry.data = "stop";
  entry.with_usage = true;
  entry.usage = {};
  entry.usage.known =
      engine::kKnowsInput | engine::kKnowsQueue | engine::kKnowsPrefill | engine::kKnowsFirst;
  entry.usage.input = tokens_;
  const Clock::time_point now = Clock::now();
  entry.usage.queue_ns = engine::nanoseconds(admitted_ - opened_);
  entry.usage.prefill_ns = engine::nanoseconds(now - admitted_);
  entry.usage.first_ns = engine::nanoseconds(now - opened_);
  channel().publish();
}

void EmbedJob::fail(int code, std::string_view message) noexcept {
  if (done) return;
  done = true;
  engine::publish_failure(channel(), code, message);
}

void EmbedJob::fail_not_finite(std::size_t input) {
  fail(INFER_E_ENGINE, (shape_.ranks ? "documents[" : "inputs[") + std::to_string(input) +
                           "]: the model's result holds numbers that are not finite");
}

}  // namespace infer::llama
