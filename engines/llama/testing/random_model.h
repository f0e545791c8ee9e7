// A model of the llama architecture with random weights: any size, any speed, any context, made in
// a moment.
//
// The vocabulary is the 256 bytes (token id: the byte), then the control tokens below, then words
// of four small letters, none of which the tokeniser makes: a prompt has as many tokens as bytes.
// The chat template is ChatML. Greedy replies consist of words alone: they are ASCII, five bytes a
// token, and never end by themselves. Same shape and seed: the same file.
#ifndef INFER_ENGINES_LLAMA_TESTING_RANDOM_MODEL_H_
#define INFER_ENGINES_LLAMA_TESTING_RANDOM_MODEL_H_

#include <cstdint>
#include <string>
#include <vector>

#include "ggml.h"
#include "gguf_writer.h"

namespace infer::llama::testing {

struct RandomShape {
  uint32_t layers = 2;
  uint32_t width = 64;  // a multiple of heads
  uint32_t heads = 2;   // a multiple of kv_heads
  uint32_t kv_heads = 1;
  uint32_t ff = 128;               // width of the feed-forward network
  uint32_t vocabulary = 512;       // at least kFirstWord + 1
  uint32_t context = 4096;         // that it claims to be trained for
  ggml_type type = GGML_TYPE_F16;  // of the matrices; the norms are F32
  int32_t poison = -1;             // the token whose vector is not a number; -1: none
  uint64_t seed = 1;
};

constexpr int32_t kEndOfText = 256, kBeginTurn = 257, kEndTurn = 258;
constexpr int32_t kFirstWord = 259;
// Ids that end a reply; logit_bias of -1e6 each keeps a benchmark's reply at its length.
inline std::vector<int32_t> ending_tokens() { return {kEndOfText, kEndTurn}; }

// Numbers from a generator of its own, so that a file is the same with every standard library.
class RandomValues {
 public:
  explicit RandomValues(uint64_t seed) : state_(seed) {}
  uint64_t next();
  // Evenly spread with this standard deviation around 0.
  std::vector<float> spread(std::size_t count, float deviation);

 private:
  uint64_t state_;
};

// The byte-level vocabulary (model "gpt2") of `size` tokens and the ChatML template.
void write_byte_vocabulary(GgufWriter& writer, uint32_t size);
// The whole model, for whoever adds or changes a key before it is written.
void fill_random_llama(GgufWriter& writer, const RandomShape& shape);
void write_random_llama(const std::string& path, const RandomShape& shape);

}  // namespace infer::llama::testing

#endif  // INFER_ENGINES_LLAMA_TESTING_RANDOM_MODEL_H_
