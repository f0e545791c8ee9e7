// A model of the bert architecture with random weights: for embeddings, or with a head that ranks.
//
// The vocabulary (model "bert", WPM) is the five special tokens and every printable ASCII character
// but capitals, once as the beginning of a word and once as what goes on in it: a text of small
// letters has as many tokens as letters. Same shape and seed: the same file.
#ifndef INFER_ENGINES_LLAMA_TESTING_RANDOM_BERT_H_
#define INFER_ENGINES_LLAMA_TESTING_RANDOM_BERT_H_

#include <cstdint>
#include <string>

#include "gguf_writer.h"

namespace infer::llama::testing {

struct BertShape {
  uint32_t layers = 2;
  uint32_t width = 32;  // a multiple of heads
  uint32_t heads = 2;
  uint32_t ff = 64;
  uint32_t context = 512;
  uint32_t pooling = 1;  // as llama_pooling_type: 1 mean, 2 cls, 3 last, 4 rank
  bool head = false;     // the weights of a head that ranks
  // The letter whose vector is not a number; 0: none.
  char poison = 0;
  uint64_t seed = 1;
};

constexpr int32_t kPad = 0, kUnknown = 1, kClass = 2, kSeparator = 3, kMask = 4;

void fill_random_bert(GgufWriter& writer, const BertShape& shape);
void write_random_bert(const std::string& path, const BertShape& shape);

}  // namespace infer::llama::testing

#endif  // INFER_ENGINES_LLAMA_TESTING_RANDOM_BERT_H_
