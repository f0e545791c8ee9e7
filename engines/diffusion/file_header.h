// A file that the engine is to read, looked at first: the engine believes what a header says, so no
// file reaches it whose header was not read here. Thread rule: functions of their arguments.
#ifndef INFER_ENGINES_DIFFUSION_FILE_HEADER_H_
#define INFER_ENGINES_DIFFUSION_FILE_HEADER_H_

#include <cstdint>
#include <string>

#include "src/local/image_family.h"

namespace infer::diffusion {

struct FileHeader {
  local::ImageFile holds;       // as its tensors say
  std::int64_t parameters = 0;  // numbers in it; 0: not known
};

// GGUF, .safetensors and, with `allow_pickle`, what torch writes; told by their content, not by
// their names. Throws Refusal, naming `field` and the path: INFER_E_NOT_FOUND; INFER_E_FORBIDDEN
// for a file that cannot be opened and for a pickle that is not allowed; INFER_E_INVALID_REQUEST
// for what is no regular file; INFER_E_MODEL_INVALID for an empty, damaged or foreign one.
FileHeader read_header(const std::string& path, const std::string& field, bool allow_pickle);

}  // namespace infer::diffusion

#endif  // INFER_ENGINES_DIFFUSION_FILE_HEADER_H_
