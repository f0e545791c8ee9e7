// A file that a person wants to keep.
#ifndef INFER_APPS_WRITE_FILE_H_
#define INFER_APPS_WRITE_FILE_H_

#include <optional>
#include <string>
#include <string_view>

#include "infer/error.h"

namespace infer::cli {

// Writes all of `text`; kIo with the reason if it cannot. A file that was there stays as it was
// until the new one is whole: it is written beside it and takes its place. What is no plain file,
// such as a pipe or a link, is written to as it is.
std::optional<Error> write_file(const std::string& path, std::string_view text);

}  // namespace infer::cli

#endif  // INFER_APPS_WRITE_FILE_H_
