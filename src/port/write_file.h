// A file that a person wants to keep.
#ifndef INFER_SRC_PORT_WRITE_FILE_H_
#define INFER_SRC_PORT_WRITE_FILE_H_

#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer::port {

// Writes all of `bytes`; kIo, naming the path, with the reason if it cannot. A file that was there
// stays as it was until the new one is whole and on the disk: that one is written beside it, as
// NAME.PID.N.new, and takes its place and its permissions. A process that is killed meanwhile
// leaves that file behind, and nothing else. Of a link it is the file that it leads to. What is no
// plain file, such as a pipe, and what has its name in /dev or /proc, is written to as it is.
// Thread rule: any thread; of two that write the same path one comes last.
Result<void> write_file(const std::string& path, std::string_view bytes);

}  // namespace infer::port

#endif  // INFER_SRC_PORT_WRITE_FILE_H_
