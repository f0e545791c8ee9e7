// Files and directories: where this library is, what is in a directory, who may have written a
// file.
#ifndef INFER_SRC_PORT_PATHS_H_
#define INFER_SRC_PORT_PATHS_H_

#include <optional>
#include <string>
#include <vector>

#include "infer/result.h"

namespace infer::port {

// The directory of the file that this code was loaded from: the shared library, or the program that
// it was linked into. Empty if the system does not tell.
std::string module_directory();

// A colon-separated list of absolute directories in an environment variable. Empty and relative
// entries are left out: they would mean the working directory.
std::vector<std::string> path_list(const char* variable);

enum class FileKind { kNone, kFile, kDirectory, kOther };
FileKind file_kind(const std::string& path);
// With every symbolic link followed; nothing if there is no such file.
std::optional<std::string> canonical(const std::string& path);
// Those that exist, canonical, each once, in their order.
std::vector<std::string> existing(const std::vector<std::string>& paths);
// Names, not paths, sorted; empty if it cannot be read.
std::vector<std::string> list_directory(const std::string& path);

// May code be loaded from here? Refused, with the reason: a file, or a directory above it, that
// belongs to somebody other than root and the present user; a world-writable file; a world-writable
// directory without the sticky bit. Group-writable is fine: build trees often are.
Result<void> trusted(const std::string& canonical_path);

}  // namespace infer::port

#endif  // INFER_SRC_PORT_PATHS_H_
