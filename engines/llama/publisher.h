// The events of one answer, written into the reply's channel: which part is open, its number, and
// what goes with its text.
// Thread rule: the engine's thread alone.
#ifndef INFER_ENGINES_LLAMA_PUBLISHER_H_
#define INFER_ENGINES_LLAMA_PUBLISHER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "answer.h"
#include "engines/common/entry.h"

namespace infer::llama {

class Publisher final : public AnswerSink {
 public:
  Publisher(engine::EntryChannel& channel, uint32_t choice) : channel_(channel), choice_(choice) {}

  void text(std::string_view delta) override { write(INFER_PART_TEXT, delta); }
  void reasoning(std::string_view delta) override { write(INFER_PART_REASONING, delta); }
  void tool_call(std::string_view name, std::string_view id) override;
  void arguments(std::string_view delta) override { write(INFER_PART_TOOL_CALL, delta); }

  // A token of the answer and its alternatives: they go with the next delta.
  void probability(int32_t token, float logprob, std::string_view bytes);
  void alternatives(uint32_t top) { top_ = top; }  // how many follow each token

  // The part that is open ends.
  void end_part();
  // The entry of this answer's FINISH or of a USAGE, for the caller to fill and publish.
  engine::Entry& entry(uint16_t kind);
  void publish() { channel_.publish(); }

 private:
  void begin_part(uint16_t kind, std::string_view name, std::string_view id);
  void write(uint16_t kind, std::string_view delta);
  void attach_probabilities(engine::Entry& delta);

  engine::EntryChannel& channel_;
  const uint32_t choice_;
  uint32_t part_ = 0;  // of the one that is open, or else of the next
  uint16_t open_ = 0;  // its kind; 0: none
  uint32_t top_ = 0;
  std::vector<engine::Entry::Probability> probabilities_;
  std::string token_bytes_;
};

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_PUBLISHER_H_
