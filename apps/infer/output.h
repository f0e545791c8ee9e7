// Bytes to a descriptor, whole or with a reason why not: nothing is lost silently.
#ifndef INFER_APPS_OUTPUT_H_
#define INFER_APPS_OUTPUT_H_

#include <string>
#include <string_view>

#include "infer/error.h"

namespace infer::cli {

// Thread rule: one thread at a time. The descriptor is not owned.
class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}

  // What the next flush() writes. It keeps its memory, so composing in it soon allocates nothing.
  std::string& buffer() noexcept { return buffer_; }
  // Writes and empties the buffer. False once anything went wrong: from then on nothing is written.
  bool flush();
  bool write(std::string_view text) {
    buffer_ += text;
    return flush();
  }

  // 0, or the errno of the first write that failed.
  int failure() const noexcept { return failure_; }
  // The reader has gone: not an error, the answer is simply not wanted any more.
  bool reader_gone() const noexcept;
  // Of failure(): kIo, with the reason.
  Error error() const;

 private:
  int fd_;
  int failure_ = 0;
  std::string buffer_;
};

// So that a file opened later never becomes the program's input or output: a standard descriptor
// that was closed is opened in a way that makes its use fail. Also turns SIGPIPE into EPIPE.
void secure_standard_descriptors();

}  // namespace infer::cli

#endif  // INFER_APPS_OUTPUT_H_
