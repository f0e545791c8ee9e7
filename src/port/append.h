// Appending lines to a file that several threads and processes append to.
#ifndef INFER_SRC_PORT_APPEND_H_
#define INFER_SRC_PORT_APPEND_H_

#include <string>
#include <string_view>

#include "infer/result.h"

namespace infer::port {

// Makes the file if it is not there. `lines` go to its end in one piece, `head` before them if the
// file is empty; a last line without its newline is ended first. kIo, naming the path and the
// reason, where that fails: the file is then as it was. It waits for the disk, and while another
// append to the same file runs.
Result<void> append(const std::string& path, std::string_view head, std::string_view lines);

}  // namespace infer::port

#endif  // INFER_SRC_PORT_APPEND_H_
