#include "random_bert.h"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <limits>
#include <vector>

#include "random_model.h"

namespace infer::llama::testing {
namespace {

// Sentence pieces' sign for the beginning of a word, which the engine uses for this vocabulary too.
constexpr char kWordBegins[] = "\xE2\x96\x81";

std::vector<std::string> pieces() {
  std::vector<std::string> tokens = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
  for (const char* begin : {kWordBegins, ""}) {
    for (char c = 0x21; c < 0x7F; ++c) {
      if (std::isupper(static_cast<unsigned char>(c)) == 0)
        tokens.push_back(begin + std::string(1, c));
    }
  }
  return tokens;
}

class Builder {
 public:
  Builder(GgufWriter& writer, const BertShape& shape)
      : writer_(writer), shape_(shape), random_(shape.seed) {}

  void keys();
  void vocabulary(const std::vector<std::string>& tokens);
  void tensors(const std::vector<std::string>& tokens);

 private:
  void matrix(const std::string& name, uint32_t in, uint32_t out) {
    writer_.tensor(
        name + ".weight", {in, out}, GGML_TYPE_F32,
        random_.spread(static_cast<std::size_t>(in) * out, 1 / std::sqrt(static_cast<float>(in))));
    writer_.tensor(name + ".bias", {out}, GGML_TYPE_F32, random_.spread(out, 0.1f));
  }
  void norm(const std::string& name) {
    std::vector<float> scale = random_.spread(shape_.width, 0.2f);
    for (float& value : scale) value += 1;
    writer_.tensor(name + ".weight", {shape_.width}, GGML_TYPE_F32, scale);
    writer_.tensor(name + ".bias", {shape_.width}, GGML_TYPE_F32,
                   random_.spread(shape_.width, 0.1f));
  }
  void words(const std::vector<std::string>& tokens);
  void layer(const std::string& block);

  GgufWriter& writer_;
  const BertShape& shape_;
  RandomValues random_;
};

void Builder::keys() {
  writer_.set("general.architecture", "bert");
  writer_.set("general.name", "random bert");
  writer_.set_u32("bert.context_length", shape_.context);
  writer_.set_u32("bert.embedding_length", shape_.width);
  writer_.set_u32("bert.block_count", shape_.layers);
  writer_.set_u32("bert.feed_forward_length", shape_.ff);
  writer_.set_u32("bert.attention.head_count", shape_.heads);
  writer_.set_f32("bert.attention.layer_norm_epsilon", 1e-12f);
  writer_.set("bert.attention.causal", false);
  writer_.set_u32("bert.pooling_type", shape_.pooling);
}

void Builder::vocabulary(const std::vector<std::string>& tokens) {
  std::vector<int32_t> types(tokens.size(), 1);  // normal
  std::fill_n(types.begin(), 5, 3);              // control
  writer_.set("tokenizer.ggml.model", "bert");
  writer_.set("tokenizer.ggml.pre", "bert-bge");
  writer_.set("tokenizer.ggml.tokens", tokens);
  writer_.set("tokenizer.ggml.token_type", types);
  writer_.set_u32("tokenizer.ggml.token_type_count", 2);
  writer_.set_u32("tokenizer.ggml.padding_token_id", kPad);
  writer_.set_u32("tokenizer.ggml.unknown_token_id", kUnknown);
  writer_.set_u32("tokenizer.ggml.bos_token_id", kClass);
  writer_.set_u32("tokenizer.ggml.eos_token_id", kSeparator);
  writer_.set_u32("tokenizer.ggml.seperator_token_id", kSeparator);
  writer_.set_u32("tokenizer.ggml.mask_token_id", kMask);
}

void Builder::words(const std::vector<std::string>& tokens) {
  const uint32_t width = shape_.width;
  std::vector<float> values = random_.spread(tokens.size() * width, 1);
  for (std::size_t i = 5; i < tokens.size(); ++i) {
    if (shape_.poison != 0 && tokens[i].back() == shape_.poison)
      values[i * width] = std::numeric_limits<float>::quiet_NaN();
  }
  writer_.tensor("token_embd.weight", {width, static_cast<int64_t>(tokens.size())}, GGML_TYPE_F32,
                 values);
}

void Builder::layer(const std::string& block) {
  const uint32_t width = shape_.width;
  for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output"})
    matrix(block + name, width, width);
  norm(block + "attn_output_norm");
  matrix(block + "ffn_up", width, shape_.ff);
  matrix(block + "ffn_down", shape_.ff, width);
  norm(block + "layer_output_norm");
}

void Builder::tensors(const std::vector<std::string>& tokens) {
  const uint32_t width = shape_.width;
  words(tokens);
  writer_.tensor("token_types.weight", {width, 2}, GGML_TYPE_F32,
                 random_.spread(std::size_t{2} * width, 0.1f));
  writer_.tensor("position_embd.weight", {width, shape_.context}, GGML_TYPE_F32,
                 random_.spread(static_cast<std::size_t>(width) * shape_.context, 0.3f));
  norm("token_embd_norm");
  for (uint32_t i = 0; i < shape_.layers; ++i) layer("blk." + std::to_string(i) + ".");
  if (!shape_.head) return;
  matrix("cls", width, width);
  matrix("cls.output", width, 1);
}

}  // namespace

void fill_random_bert(GgufWriter& writer, const BertShape& shape) {
  const std::vector<std::string> tokens = pieces();
  Builder builder(writer, shape);
  builder.keys();
  builder.vocabulary(tokens);
  builder.tensors(tokens);
}

void write_random_bert(const std::string& path, const BertShape& shape) {
  GgufWriter writer;
  fill_random_bert(writer, shape);
  writer.write(path);
}

}  // namespace infer::llama::testing
