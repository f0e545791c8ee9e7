// What describe() of the ABI answers (docs/formats/model-info.md).
#ifndef INFER_ENGINES_LLAMA_DESCRIBE_H_
#define INFER_ENGINES_LLAMA_DESCRIBE_H_

#include <cstdint>
#include <string>

namespace infer::llama {

struct ModelFacts {
  std::string name, family, quantization;
  int64_t context = 0, parameters = 0, size_bytes = 0;
  bool writes = false, embeds = false, ranks = false;
  bool tools = false, thinks = false;  // of what it writes
};
std::string describe_json(const ModelFacts& facts);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_DESCRIBE_H_
