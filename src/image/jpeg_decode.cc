#include "src/image/codec.h"
#include "src/image/guarded.h"
#include "src/image/jpeg_errors.h"

namespace infer::pictures {
namespace {

// Of a progressive JPEG: encoders write about ten, and each one costs a walk over all of it.
constexpr int kMostScans = 100;

void count_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMostScans)
    fail_jpeg(info, "it has more than 100 scans");
}

// Files have the inks inverted: Adobe's programs began with it, and everybody followed.
void rgb_of_inks(const std::uint8_t* inks, std::uint8_t* rgb, std::uint32_t width) {
  for (std::uint32_t x = 0; x < width; ++x, inks += 4, rgb += 3)
    for (int i = 0; i < 3; ++i)
      rgb[i] = static_cast<std::uint8_t>((inks[i] * std::uint32_t{inks[3]} + 127) / 255);
}

class JpegReader {
 public:
  JpegReader() { jpeg_.err = &errors_.manager; }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool read_header(std::string_view bytes) {
    return guarded(errors_.jump, [this, bytes] {
      jpeg_create_decompress(&jpeg_);
      progress_.progress_monitor = &count_scans;
      jpeg_.progress = &progress_;
      jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes.data()),
                   static_cast<unsigned long>(bytes.size()));
      jpeg_read_header(&jpeg_, TRUE);
      choose_output(reinterpret_cast<j_common_ptr>(&jpeg_));
    });
  }
  std::uint32_t width() const { return jpeg_.image_width; }
  std::uint32_t height() const { return jpeg_.image_height; }
  std::uint32_t channels() const { return jpeg_.out_color_space == JCS_GRAYSCALE ? 1 : 3; }
  bool inks() const { return jpeg_.out_color_space == JCS_CMYK; }
  // Bytes that the file must have at least: a block of Huffman codes has a bit.
  std::uint64_t shortest() const {
    if (jpeg_.arith_code) return 0;
    std::uint64_t blocks = 0;
    for (int i = 0; i < jpeg_.num_components; ++i)
      blocks +=
          std::uint64_t{jpeg_.comp_info[i].width_in_blocks} * jpeg_.comp_info[i].height_in_blocks;
    return blocks / 8;
  }

  // `inks`: room for a row of four channels, where they are asked for.
  bool read_rows(std::uint8_t* to, std::size_t row, std::uint8_t* ink_row) {
    return guarded(errors_.jump, [this, to, row, ink_row] {
      jpeg_start_decompress(&jpeg_);
      while (jpeg_.output_scanline < jpeg_.output_height) {
        std::uint8_t* target = to + jpeg_.output_scanline * row;
        JSAMPROW rows[1] = {ink_row ? ink_row : target};
        jpeg_read_scanlines(&jpeg_, rows, 1);
        if (ink_row) rgb_of_inks(ink_row, target, jpeg_.output_width);
      }
      jpeg_finish_decompress(&jpeg_);
    });
  }

  Error error() const { return errors_.error(); }

 private:
  void choose_output(j_common_ptr info) {
    switch (jpeg_.jpeg_color_space) {
      case JCS_GRAYSCALE: jpeg_.out_color_space = JCS_GRAYSCALE; break;
      case JCS_YCbCr:
      case JCS_RGB: jpeg_.out_color_space = JCS_RGB; break;
      case JCS_CMYK:
      case JCS_YCCK: jpeg_.out_color_space = JCS_CMYK; break;
      default: fail_jpeg(info, "its colours are none of grey, YCbCr, RGB, CMYK and YCCK");
    }
  }

  JpegErrors errors_;
  jpeg_progress_mgr progress_{};
  jpeg_decompress_struct jpeg_{};
};

}  // namespace

Result<Bitmap> decode_jpeg(std::string_view bytes, const DecodeOptions& options) {
  JpegReader reader;
  if (!reader.read_header(bytes)) return reader.error();
  if (auto error = over_limits(reader.width(), reader.height(), options)) return *std::move(error);
  if (bytes.size() < reader.shortest()) return cut_off(ImageFormat::kJpeg);
  Bitmap bitmap = make_bitmap(reader.width(), reader.height(), reader.channels());
  Bitmap ink_row;
  if (reader.inks()) ink_row = make_bitmap(reader.width(), 1, 4);
  if (!reader.read_rows(bitmap.data.get(), bitmap.row(), ink_row.data.get())) return reader.error();
  return bitmap;
}

}  // namespace infer::pictures
