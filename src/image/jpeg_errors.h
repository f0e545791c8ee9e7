// What libjpeg calls when something is wrong; by itself it prints and ends the process.
#ifndef INFER_SRC_IMAGE_JPEG_ERRORS_H_
#define INFER_SRC_IMAGE_JPEG_ERRORS_H_

// libjpeg's header uses FILE and size_t without saying where they are from.
#include <cstddef>
#include <cstdio>
// Then:
#include <jpeglib.h>

#include <csetjmp>

#include "infer/error.h"

namespace infer::pictures {

struct JpegErrors {
  JpegErrors();
  // Of a failure that jumped.
  Error error() const;

  jpeg_error_mgr manager{};  // first: libjpeg gives back its address
  std::jmp_buf jump{};
  char why[JMSG_LENGTH_MAX] = "";
};

// Ends a step from within one of libjpeg's calls of our functions, for a reason of ours.
[[noreturn]] void fail_jpeg(j_common_ptr info, const char* why);
[[noreturn]] void fail_jpeg_memory(j_common_ptr info);

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_JPEG_ERRORS_H_
