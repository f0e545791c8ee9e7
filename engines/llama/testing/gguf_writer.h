// Writes GGUF files from C++: the models that tests and benchmarks make for themselves.
//
//   GgufWriter w;
//   w.set("general.architecture", "bert");
//   w.set_u32("bert.block_count", 2);
//   w.set("tokenizer.ggml.tokens", std::vector<std::string>{...});
//   w.tensor("token_embd.weight", {width, words}, GGML_TYPE_F16, values);
//   w.write(path);
//
// llama.cpp is strict about the types of keys, so each integer type has a name of its own: nearly
// all sizes and token ids are u32, `split.no` and `split.count` u16, `split.tensors.count` i32.
//
// All functions throw std::runtime_error, or std::invalid_argument, with the key's or tensor's
// name. Thread rule: one thread at a time.
#ifndef INFER_ENGINES_LLAMA_TESTING_GGUF_WRITER_H_
#define INFER_ENGINES_LLAMA_TESTING_GGUF_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ggml.h"
#include "gguf.h"

namespace infer::llama::testing {

class GgufWriter {
 public:
  GgufWriter();

  // A key that is set again gets the new value.
  void set(const std::string& key, const std::string& value);
  void set(const std::string& key, const char* value) { set(key, std::string(value)); }
  void set(const std::string& key, bool value);
  void set_u16(const std::string& key, uint16_t value);
  void set_u32(const std::string& key, uint32_t value);
  void set_i32(const std::string& key, int32_t value);
  void set_u64(const std::string& key, uint64_t value);
  void set_f32(const std::string& key, float value);
  void set(const std::string& key, const std::vector<std::string>& values);
  void set(const std::string& key, const std::vector<int32_t>& values);
  void set(const std::string& key, const std::vector<uint32_t>& values);
  void set(const std::string& key, const std::vector<float>& values);

  // Adds a tensor of these values, converted to `type`: F32, F16, BF16 or a quantisation that needs
  // no importance matrix, such as Q8_0. `shape` is in the engine's order: the length of a row
  // first, then how many rows. The values may be freed afterwards.
  void tensor(const std::string& name, const std::vector<int64_t>& shape, ggml_type type,
              const std::vector<float>& values);

  // Writes what was set so far; the writer may go on afterwards.
  void write(const std::string& path) const;

 private:
  struct FreeFile {
    void operator()(gguf_context* context) const { gguf_free(context); }
  };

  std::unique_ptr<gguf_context, FreeFile> file_;
  std::vector<std::unique_ptr<char[]>> data_;  // of the tensors, which the context refers to
};

}  // namespace infer::llama::testing

#endif  // INFER_ENGINES_LLAMA_TESTING_GGUF_WRITER_H_
