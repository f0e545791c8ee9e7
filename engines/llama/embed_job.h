// One running embedding or ranking request: its inputs as tokens, and the rows that come of them.
// Thread rule: an EmbedJob belongs to the engine's thread once it is made.
#ifndef INFER_ENGINES_LLAMA_EMBED_JOB_H_
#define INFER_ENGINES_LLAMA_EMBED_JOB_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "embed_request.h"
#include "engines/common/scheduler.h"

namespace infer::llama {

// What a row is made of.
struct EmbedShape {
  bool ranks = false;       // a row is the one score; the rest does not count
  uint32_t dimensions = 0;  // the first so many of the model's
  bool normalize = true;    // to length 1, after the cut; a row of zeros stays one
};

class EmbedJob final : public engine::Sequence {
 public:
  // `inputs`: at least one, none empty, none longer than the model reads.
  EmbedJob(std::shared_ptr<engine::EntryChannel> channel, TokenRows inputs, EmbedShape shape);

  void admitted() { admitted_ = Clock::now(); }

  // -- Inputs are handed out one after the other, and their results may come in any order.

  bool has_next() const { return next_ < inputs_.size(); }
  const std::vector<llama_token>& next() const { return inputs_[next_]; }
  std::size_t take() { return next_++; }
  const std::vector<llama_token>& input(std::size_t i) const { return inputs_[i]; }

  // The result of an input: the model's vector, or its scores, of which the first counts. False if
  // a number of them is not finite; then nothing was taken.
  bool put(std::size_t input, const float* values);

  // After a step: publishes the rows if all are there, else how far it is if that has changed.
  void publish();
  // Publishes the error and sets done.
  void fail(int code, std::string_view message) noexcept;
  // That the input's numbers were not finite.
  void fail_not_finite(std::size_t input);

 private:
  using Clock = std::chrono::steady_clock;

  void publish_rows();

  TokenRows inputs_;
  const EmbedShape shape_;
  std::vector<float> rows_;
  std::size_t next_ = 0, ready_ = 0, told_ = 0;
  int64_t tokens_ = 0;
  Clock::time_point opened_ = Clock::now(), admitted_{};
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_EMBED_JOB_H_
