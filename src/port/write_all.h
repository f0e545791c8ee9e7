// Writing all of something to a descriptor.
#ifndef INFER_SRC_PORT_WRITE_ALL_H_
#define INFER_SRC_PORT_WRITE_ALL_H_

#include <string_view>

namespace infer::port {

// 0, or the errno of what failed. A limit on the size of files, and a reader that has gone, are
// errors like any other: the signals that would end the program are held off and taken away. Waits
// where the descriptor does not.
int write_all(int fd, std::string_view bytes) noexcept;

}  // namespace infer::port

#endif  // INFER_SRC_PORT_WRITE_ALL_H_
