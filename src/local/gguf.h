// What the header of a GGUF file says, without reading the weights.
// Format: version 2 and 3 of the specification in the ggml project (docs/gguf.md there).
#ifndef INFER_SRC_LOCAL_GGUF_H_
#define INFER_SRC_LOCAL_GGUF_H_

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/result.h"
#include "src/port/file.h"

namespace infer::local {

struct GgufHeader {
  std::string architecture{};  // "llama", "qwen3", ...
  std::string name{};
  std::string quantization{};  // "F16", "Q4_K_M", ...; empty: not said or unknown
  std::int64_t context = 0;    // training length in tokens; 0: not said
  std::int64_t parameters = 0;
};

// Is shown each tensor; `shape`: innermost dimension first. Names over 1024 bytes come as empty.
using OnGgufTensor = std::function<void(std::string_view, const std::vector<std::int64_t>& shape)>;

// kModelInvalid, saying what is wrong and where, for anything that is not a whole GGUF header. Safe
// on hostile files: reads at most the header, never allocates more than a string of 64 KiB.
// A header may name no architecture: those of models that paint often do not.
Result<GgufHeader> read_gguf(const port::File& file, const OnGgufTensor& on_tensor = {});

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_GGUF_H_
