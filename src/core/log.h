// What the library and its engines have to say goes to the function of set_log (registry.h).
#ifndef INFER_SRC_CORE_LOG_H_
#define INFER_SRC_CORE_LOG_H_

#include <string_view>

namespace infer::core {

// Levels as for set_log: 0 debug, 1 info, 2 warning, 3 error, 4 about to abort. Any thread. Never a
// key, a header's value or a URL with its query.
void log(int level, std::string_view line) noexcept;

}  // namespace infer::core

#endif  // INFER_SRC_CORE_LOG_H_
