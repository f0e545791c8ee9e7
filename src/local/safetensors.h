// What the header of a .safetensors file says, without reading the weights.
// Format: 8 bytes with the length of the header, little-endian; the header, a JSON object of
// {"dtype", "shape", "data_offsets"} by tensor name and texts in "__metadata__"; the tensors, one
// after the other without a hole (README.md of huggingface/safetensors, "Format").
#ifndef INFER_SRC_LOCAL_SAFETENSORS_H_
#define INFER_SRC_LOCAL_SAFETENSORS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "infer/result.h"
#include "src/port/file.h"

namespace infer::local {

struct SafetensorsTensor {
  std::string name{};
  std::string dtype{};                // "F16", "BF16", "F8_E4M3", ...
  std::vector<std::int64_t> shape{};  // outermost dimension first, as the file has it
  std::int64_t begin = 0;             // within the bytes that follow the header
  std::int64_t end = 0;
  std::int64_t count = 1;  // of numbers
};

struct SafetensorsHeader {
  std::vector<SafetensorsTensor> tensors{};  // in the order of their bytes
  std::map<std::string, std::string> metadata{};
  std::int64_t parameters = 0;
};

// kModelInvalid, saying what is wrong and with which tensor, for anything that is not a whole file:
// a header that is no such JSON, a name that comes twice, a shape that does not fit its bytes,
// tensors that overlap, leave a hole or end beyond the file. Safe on hostile files: takes no more
// memory than some times the header, which may have 32 MiB.
Result<SafetensorsHeader> read_safetensors(const port::File& file);

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_SAFETENSORS_H_
