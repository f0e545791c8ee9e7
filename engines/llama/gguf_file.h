// A model file as load and probe get it: opened, and looked at before llama.cpp sees it.
#ifndef INFER_ENGINES_LLAMA_GGUF_FILE_H_
#define INFER_ENGINES_LLAMA_GGUF_FILE_H_

#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "infer/plugin.h"

namespace infer::llama {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

// What an error message calls the file.
std::string file_name(const infer_file& file);

// Opens the file with an offset of its own, at its beginning. Throws Refusal: NOT_FOUND, FORBIDDEN
// or IO.
FilePtr open_model_file(const infer_file& file);

// Checks magic, version and the counts of the header against the file's size and goes back to the
// beginning. Throws Refusal MODEL_INVALID. Cheap: 24 bytes are read. It says nothing about what the
// tables hold.
void check_gguf_header(std::FILE* file, const std::string& name);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_GGUF_FILE_H_
