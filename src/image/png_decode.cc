#include <png.h>

#include <cstdio>
#include <cstring>

#include "src/image/codec.h"
#include "src/image/guarded.h"

namespace infer::pictures {
namespace {

class PngReader {
 public:
  explicit PngReader(std::string_view bytes) : rest_(bytes) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &on_error, &on_warning);
    if (png_) info_ = png_create_info_struct(png_);
  }
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;

  bool ready() const noexcept { return png_ && info_; }

  // Up to the pixels. What is no part of them is passed over: text, profiles, times.
  bool read_header(std::uint32_t max_side) {
    return guarded(jump_, [this, max_side] {
      constexpr std::uint32_t kMost = PNG_UINT_31_MAX;
      const std::uint32_t side = max_side < kMost ? max_side : kMost;
      png_set_user_limits(png_, side, side);
      png_set_chunk_malloc_max(png_, 1u << 20);
      png_set_chunk_cache_max(png_, 64);
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      png_set_read_fn(png_, this, &on_read);
      png_read_info(png_, info_);
    });
  }
  std::uint32_t width() const { return png_get_image_width(png_, info_); }
  std::uint32_t height() const { return png_get_image_height(png_, info_); }
  std::uint32_t channels() const { return png_get_channels(png_, info_); }
  std::size_t row() const { return png_get_rowbytes(png_, info_); }
  // Bytes that the file must have at least, as long as start() was not called: zlib makes 1032 of
  // one and no more.
  std::uint64_t shortest() const { return std::uint64_t{row()} / 1032 * height(); }
  // Asks for 8 bits a channel, grey, RGB or RGBA. From here on it holds memory for rows.
  bool start() {
    return guarded(jump_, [this] {
      ask_for_bytes();
      png_read_update_info(png_, info_);
    });
  }

  // To the very end of the file.
  bool read_rows(std::uint8_t* to) {
    return guarded(jump_, [this, to] {
      for (int pass = 0; pass < passes_; ++pass)
        for (std::uint32_t y = 0; y < height(); ++y) png_read_row(png_, to + y * row(), nullptr);
      png_read_end(png_, nullptr);
    });
  }

  Error error() const {
    if (cut_off_) return cut_off(ImageFormat::kPng);
    if (std::strstr(why_, "memory")) return no_memory(ImageFormat::kPng);
    return damaged(ImageFormat::kPng, why_);
  }

 private:
  void ask_for_bytes() {
    const int color = png_get_color_type(png_, info_);
    const bool see_through = png_get_valid(png_, info_, PNG_INFO_tRNS) != 0;
    if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
    if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
    if (see_through) png_set_tRNS_to_alpha(png_);
    if (png_get_bit_depth(png_, info_) == 16) png_set_scale_16(png_);
    if (color == PNG_COLOR_TYPE_GRAY_ALPHA || (color == PNG_COLOR_TYPE_GRAY && see_through))
      png_set_gray_to_rgb(png_);
    passes_ = png_set_interlace_handling(png_);
  }

  static void on_read(png_structp png, png_bytep to, std::size_t n) {
    auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
    if (n > self->rest_.size()) {
      self->cut_off_ = true;
      png_error(png, "its end is missing");
    }
    std::memcpy(to, self->rest_.data(), n);
    self->rest_.remove_prefix(n);
  }
  [[noreturn]] static void on_error(png_structp png, png_const_charp why) {
    auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(self->why_, sizeof self->why_, "%s", why);
    std::longjmp(self->jump_, 1);
  }
  static void on_warning(png_structp, png_const_charp) {}

  std::jmp_buf jump_{};
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::string_view rest_;
  int passes_ = 1;
  bool cut_off_ = false;
  char why_[200] = "";
};

}  // namespace

Result<Bitmap> decode_png(std::string_view bytes, const DecodeOptions& options) {
  PngReader reader(bytes);
  if (!reader.ready()) return no_memory(ImageFormat::kPng);
  if (!reader.read_header(options.max_side)) return reader.error();
  if (auto error = over_limits(reader.width(), reader.height(), options)) return *std::move(error);
  if (bytes.size() < reader.shortest()) return cut_off(ImageFormat::kPng);
  if (!reader.start()) return reader.error();
  Bitmap bitmap = make_bitmap(reader.width(), reader.height(), reader.channels());
  if (reader.row() != bitmap.row()) return damaged(ImageFormat::kPng, "unknown layout of pixels");
  if (!reader.read_rows(bitmap.data.get())) return reader.error();
  return bitmap;
}

}  // namespace infer::pictures
