#include "src/image/jpeg_errors.h"

// Then, for it needs the types of the other one:
#include <jerror.h>

#include <cstdio>

#include "src/image/codec.h"

namespace infer::pictures {
namespace {

constexpr int kOwnReason = -1;

JpegErrors& errors_of(j_common_ptr info) { return *reinterpret_cast<JpegErrors*>(info->err); }

[[noreturn]] void on_jpeg_error(j_common_ptr info) {
  JpegErrors& errors = errors_of(info);
  info->err->format_message(info, errors.why);
  std::longjmp(errors.jump, 1);
}

// To libjpeg all of these are warnings, after which it paints on with grey; half a picture is no
// picture. Others, such as bytes too many between two markers, change nothing of what is seen.
bool loses_pixels(int code) {
  switch (code) {
    case JWRN_ARITH_BAD_CODE:
    case JWRN_BOGUS_PROGRESSION:
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC: return true;
    default: return false;
  }
}

void on_jpeg_message(j_common_ptr info, int level) {
  if (level < 0 && loses_pixels(info->err->msg_code)) on_jpeg_error(info);
}

void print_nothing(j_common_ptr) {}

bool is_another_kind(int code) {
  switch (code) {
    case JERR_ARITH_NOTIMPL:
    case JERR_BAD_PRECISION:
    case JERR_CCIR601_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
    case JERR_NOT_COMPILED:
    case JERR_SOF_UNSUPPORTED: return true;
    default: return false;
  }
}

}  // namespace

JpegErrors::JpegErrors() {
  jpeg_std_error(&manager);
  manager.error_exit = &on_jpeg_error;
  manager.emit_message = &on_jpeg_message;
  manager.output_message = &print_nothing;
}

Error JpegErrors::error() const {
  const int code = manager.msg_code;
  if (code == JERR_OUT_OF_MEMORY) return no_memory(ImageFormat::kJpeg);
  if (code == JWRN_JPEG_EOF || code == JERR_INPUT_EOF) return cut_off(ImageFormat::kJpeg);
  if (is_another_kind(code))
    return Error(Errc::kUnsupported, std::string("a JPEG of a rare kind is not decoded: ") + why);
  return damaged(ImageFormat::kJpeg, why);
}

void fail_jpeg(j_common_ptr info, const char* why) {
  JpegErrors& errors = errors_of(info);
  errors.manager.msg_code = kOwnReason;
  std::snprintf(errors.why, sizeof errors.why, "%s", why);
  std::longjmp(errors.jump, 1);
}

void fail_jpeg_memory(j_common_ptr info) {
  info->err->msg_code = JERR_OUT_OF_MEMORY;
  std::longjmp(errors_of(info).jump, 1);
}

}  // namespace infer::pictures
