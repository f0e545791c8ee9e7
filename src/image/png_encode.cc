#include <png.h>

#include <cstdio>
#include <new>

#include "src/image/codec.h"
#include "src/image/guarded.h"

namespace infer::pictures {
namespace {

class PngWriter {
 public:
  PngWriter() {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, &on_error, &on_warning);
    if (png_) info_ = png_create_info_struct(png_);
  }
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;

  bool ready() const noexcept { return png_ && info_; }

  bool write(const Pixels& pixels, std::uint32_t compression) {
    return guarded(jump_, [this, &pixels, compression] {
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      png_set_write_fn(png_, this, &on_write, &on_flush);
      png_set_compression_level(png_, static_cast<int>(compression));
      // Filters are there to be compressed.
      if (compression == 0) png_set_filter(png_, PNG_FILTER_TYPE_BASE, PNG_FILTER_NONE);
      png_set_IHDR(png_, info_, pixels.width, pixels.height, 8, color_type(pixels.channels),
                   PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
      png_write_info(png_, info_);
      const std::uint8_t* row = pixels.data.data();
      for (std::uint32_t y = 0; y < pixels.height; ++y, row += pixels.stride)
        png_write_row(png_, row);
      png_write_end(png_, nullptr);
    });
  }
  std::string take() { return std::move(out_); }
  Error error() const {
    return out_of_memory_ ? no_memory(ImageFormat::kPng)
                          : Error(Errc::kEngine, std::string("the PNG cannot be written: ") + why_);
  }

 private:
  static int color_type(std::uint32_t channels) {
    return channels == 1   ? PNG_COLOR_TYPE_GRAY
           : channels == 3 ? PNG_COLOR_TYPE_RGB
                           : PNG_COLOR_TYPE_RGB_ALPHA;
  }
  bool append(const char* bytes, std::size_t n) noexcept try {
    out_.append(bytes, n);
    return true;
  } catch (...) {
    return false;
  }
  static void on_write(png_structp png, png_bytep bytes, std::size_t n) {
    auto* self = static_cast<PngWriter*>(png_get_io_ptr(png));
    if (self->append(reinterpret_cast<const char*>(bytes), n)) return;
    self->out_of_memory_ = true;
    png_error(png, "out of memory");
  }
  static void on_flush(png_structp) {}
  [[noreturn]] static void on_error(png_structp png, png_const_charp why) {
    auto* self = static_cast<PngWriter*>(png_get_error_ptr(png));
    std::snprintf(self->why_, sizeof self->why_, "%s", why);
    std::longjmp(self->jump_, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  std::jmp_buf jump_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::string out_;
  bool out_of_memory_ = false;
  char why_[200] = "";
};

}  // namespace

Result<std::string> encode_png(const Pixels& pixels, std::uint32_t compression) {
  PngWriter writer;
  if (!writer.ready()) return no_memory(ImageFormat::kPng);
  if (!writer.write(pixels, compression)) return writer.error();
  return writer.take();
}

}  // namespace infer::pictures
