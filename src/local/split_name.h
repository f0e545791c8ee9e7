// Names of the files of a model that is split into several, as llama.cpp names them and others too:
// NAME-00002-of-00004.gguf, .safetensors. The first one stands for all. Used by the llama plugin
// too.
#ifndef INFER_SRC_LOCAL_SPLIT_NAME_H_
#define INFER_SRC_LOCAL_SPLIT_NAME_H_

#include <optional>
#include <string>

namespace infer::local {

struct SplitName {
  std::string prefix{};  // all before the numbers, directories too
  int number = 1;        // from 1
  int count = 1;
  std::string ending = ".gguf";
  // The name of another piece.
  std::string piece(int n) const;
};

// Nothing if the file is not named like a piece.
std::optional<SplitName> split_name(const std::string& path);

}  // namespace infer::local

#endif  // INFER_SRC_LOCAL_SPLIT_NAME_H_
