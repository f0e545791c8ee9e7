#include "random_model.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace infer::llama::testing {
namespace {

constexpr char kChatMl[] =
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ "
    "'<|im_start|>assistant\n' }}{% endif %}";

// GPT-2's way to write a byte as a visible character: the printable ones stand for themselves, the
// others for U+0100 and up.
std::string byte_text(int byte) {
  const auto printable = [](int b) {
    return (b >= 0x21 && b <= 0x7E) || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
  };
  int code = byte;
  if (!printable(byte)) {
    code = 0x100;
    for (int b = 0; b < byte; ++b) code += printable(b) ? 0 : 1;
  }
  if (code < 0x80) return std::string(1, static_cast<char>(code));
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

// " aaaa", " aaab", ...; the first character is GPT-2's sign for a space.
std::string word(uint32_t number) {
  std::string text = byte_text(' ') + "aaaa";
  for (std::size_t at = text.size(); number > 0 && at-- > text.size() - 4; number /= 26)
    text[at] = static_cast<char>('a' + number % 26);
  return text;
}

// The weights of a matrix whose rows are `in` long, so that what goes through it keeps its size.
void add_matrix(GgufWriter& writer, RandomValues& random, const std::string& name, uint32_t in,
                uint32_t out, ggml_type type) {
  const auto deviation = 1 / std::sqrt(static_cast<float>(in));
  writer.tensor(name, {in, out}, type,
                random.spread(static_cast<std::size_t>(in) * out, deviation));
}

void add_words(GgufWriter& writer, RandomValues& random, const RandomShape& shape) {
  std::vector<float> values =
      random.spread(static_cast<std::size_t>(shape.width) * shape.vocabulary,
                    1 / std::sqrt(static_cast<float>(shape.width)));
  if (shape.poison >= 0) {
    values.at(static_cast<std::size_t>(shape.poison) * shape.width) =
        std::numeric_limits<float>::quiet_NaN();
  }
  writer.tensor("token_embd.weight", {shape.width, shape.vocabulary}, shape.type, values);
}

// Bytes and control tokens get no weights: their logits are 0, and with hundreds of words some word
// is always likelier.
void add_output(GgufWriter& writer, RandomValues& random, const RandomShape& shape) {
  std::vector<float> values =
      random.spread(static_cast<std::size_t>(shape.width) * shape.vocabulary,
                    1 / std::sqrt(static_cast<float>(shape.width)));
  std::fill_n(values.begin(), static_cast<std::size_t>(shape.width) * kFirstWord, 0.0f);
  writer.tensor("output.weight", {shape.width, shape.vocabulary}, shape.type, values);
}

void add_norm(GgufWriter& writer, const std::string& name, uint32_t width) {
  writer.tensor(name, {width}, GGML_TYPE_F32, std::vector<float>(width, 1));
}

void check(const RandomShape& s) {
  if (s.layers == 0 || s.ff == 0 || s.heads == 0 || s.kv_heads == 0 || s.heads % s.kv_heads != 0 ||
      s.width == 0 || s.width % s.heads != 0 || s.width / s.heads % 2 != 0) {
    throw std::invalid_argument(
        "the random model's width must be an even multiple of heads, and heads a multiple of "
        "kv_heads");
  }
}

}  // namespace

// SplitMix64 (Vigna, 2015; public domain).
uint64_t RandomValues::next() {
  uint64_t z = state_ += 0x9E3779B97F4A7C15u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::vector<float> RandomValues::spread(std::size_t count, float deviation) {
  // Evenly from -a to a has the deviation a / sqrt(3).
  const float scale = deviation * std::sqrt(3.0f) / static_cast<float>(1 << 23);
  std::vector<float> values(count);
  for (float& value : values)
    value = static_cast<float>(static_cast<int32_t>(next() >> 40) - (1 << 23)) * scale;
  return values;
}

void write_byte_vocabulary(GgufWriter& writer, uint32_t size) {
  // 26^4 words are all that have four letters.
  constexpr uint32_t kMost = static_cast<uint32_t>(kFirstWord) + 26 * 26 * 26 * 26;
  if (size <= static_cast<uint32_t>(kFirstWord) || size > kMost) {
    throw std::invalid_argument("a vocabulary has " + std::to_string(kFirstWord + 1) + " to " +
                                std::to_string(kMost) + " tokens, not " + std::to_string(size));
  }
  std::vector<std::string> tokens;
  std::vector<int32_t> types;
  for (int byte = 0; byte < 256; ++byte) tokens.push_back(byte_text(byte));
  types.resize(tokens.size(), 1);  // normal
  tokens.insert(tokens.end(), {"<|endoftext|>", "<|im_start|>", "<|im_end|>"});
  types.resize(tokens.size(), 3);  // control
  for (uint32_t number = 0; tokens.size() < size; ++number) tokens.push_back(word(number));
  types.resize(tokens.size(), 1);
  writer.set("tokenizer.ggml.model", "gpt2");
  writer.set("tokenizer.ggml.pre", "gpt-2");
  writer.set("tokenizer.ggml.tokens", tokens);
  writer.set("tokenizer.ggml.token_type", types);
  writer.set("tokenizer.ggml.merges", std::vector<std::string>{});
  writer.set_u32("tokenizer.ggml.bos_token_id", kEndOfText);
  writer.set_u32("tokenizer.ggml.eos_token_id", kEndTurn);
  writer.set_u32("tokenizer.ggml.eot_token_id", kEndTurn);
  writer.set("tokenizer.ggml.add_bos_token", false);
  writer.set("tokenizer.chat_template", kChatMl);
}

void fill_random_llama(GgufWriter& writer, const RandomShape& shape) {
  check(shape);
  writer.set("general.architecture", "llama");
  writer.set("general.name", "random weights");
  writer.set_u32("llama.context_length", shape.context);
  writer.set_u32("llama.embedding_length", shape.width);
  writer.set_u32("llama.block_count", shape.layers);
  writer.set_u32("llama.feed_forward_length", shape.ff);
  writer.set_u32("llama.attention.head_count", shape.heads);
  writer.set_u32("llama.attention.head_count_kv", shape.kv_heads);
  writer.set_f32("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  writer.set_u32("llama.rope.dimension_count", shape.width / shape.heads);
  writer.set_u32("llama.vocab_size", shape.vocabulary);
  write_byte_vocabulary(writer, shape.vocabulary);

  RandomValues random(shape.seed);
  const uint32_t kv_width = shape.width / shape.heads * shape.kv_heads;
  add_words(writer, random, shape);
  add_norm(writer, "output_norm.weight", shape.width);
  add_output(writer, random, shape);
  for (uint32_t layer = 0; layer < shape.layers; ++layer) {
    const std::string block = "blk." + std::to_string(layer) + ".";
    add_norm(writer, block + "attn_norm.weight", shape.width);
    add_matrix(writer, random, block + "attn_q.weight", shape.width, shape.width, shape.type);
    add_matrix(writer, random, block + "attn_k.weight", shape.width, kv_width, shape.type);
    add_matrix(writer, random, block + "attn_v.weight", shape.width, kv_width, shape.type);
    add_matrix(writer, random, block + "attn_output.weight", shape.width, shape.width, shape.type);
    add_norm(writer, block + "ffn_norm.weight", shape.width);
    add_matrix(writer, random, block + "ffn_gate.weight", shape.width, shape.ff, shape.type);
    add_matrix(writer, random, block + "ffn_up.weight", shape.width, shape.ff, shape.type);
    add_matrix(writer, random, block + "ffn_down.weight", shape.ff, shape.width, shape.type);
  }
}

void write_random_llama(const std::string& path, const RandomShape& shape) {
  GgufWriter writer;
  fill_random_llama(writer, shape);
  writer.write(path);
}

}  // namespace infer::llama::testing
