#include "src/image/codec.h"
#include "src/image/guarded.h"
#include "src/image/jpeg_errors.h"

namespace infer::pictures {
namespace {

// From here on every pixel keeps its own colour; below, four share one (4:2:0).
constexpr std::uint32_t kFullColour = 90;

class JpegWriter {
 public:
  JpegWriter() {
    jpeg_.err = &errors_.manager;
    jpeg_.client_data = this;
    target_.init_destination = &begin;
    target_.empty_output_buffer = &next_chunk;
    target_.term_destination = &end;
  }
  ~JpegWriter() { jpeg_destroy_compress(&jpeg_); }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;

  bool write(const Pixels& pixels, std::uint32_t quality) {
    return guarded(errors_.jump, [this, &pixels, quality] {
      jpeg_create_compress(&jpeg_);
      jpeg_.dest = &target_;
      jpeg_.image_width = pixels.width;
      jpeg_.image_height = pixels.height;
      jpeg_.input_components = static_cast<int>(pixels.channels);
      jpeg_.in_color_space = pixels.channels == 1 ? JCS_GRAYSCALE : JCS_RGB;
      jpeg_set_defaults(&jpeg_);
      jpeg_set_quality(&jpeg_, static_cast<int>(quality), TRUE);
      if (quality >= kFullColour)
        jpeg_.comp_info[0].h_samp_factor = jpeg_.comp_info[0].v_samp_factor = 1;
      jpeg_start_compress(&jpeg_, TRUE);
      while (jpeg_.next_scanline < jpeg_.image_height) {
        JSAMPROW rows[1] = {const_cast<JSAMPROW>(pixels.data.data() +
                                                 std::size_t{jpeg_.next_scanline} * pixels.stride)};
        jpeg_write_scanlines(&jpeg_, rows, 1);
      }
      jpeg_finish_compress(&jpeg_);
    });
  }
  std::string take() { return std::move(out_); }
  Error error() const { return errors_.error(); }

 private:
  static JpegWriter& self_of(j_compress_ptr jpeg) {
    return *static_cast<JpegWriter*>(jpeg->client_data);
  }
  bool append(std::size_t n) noexcept try {
    out_.append(reinterpret_cast<const char*>(chunk_), n);
    return true;
  } catch (...) {
    return false;
  }
  static void begin(j_compress_ptr jpeg) {
    jpeg->dest->next_output_byte = self_of(jpeg).chunk_;
    jpeg->dest->free_in_buffer = sizeof chunk_;
  }
  // libjpeg means the whole chunk, whatever it says is free.
  static boolean next_chunk(j_compress_ptr jpeg) {
    if (!self_of(jpeg).append(sizeof chunk_))
      fail_jpeg_memory(reinterpret_cast<j_common_ptr>(jpeg));
    begin(jpeg);
    return TRUE;
  }
  static void end(j_compress_ptr jpeg) {
    if (!self_of(jpeg).append(sizeof chunk_ - jpeg->dest->free_in_buffer))
      fail_jpeg_memory(reinterpret_cast<j_common_ptr>(jpeg));
  }

  JpegErrors errors_;
  jpeg_destination_mgr target_{};
  jpeg_compress_struct jpeg_{};
  std::string out_;
  unsigned char chunk_[16384];
};

}  // namespace

Result<std::string> encode_jpeg(const Pixels& pixels, std::uint32_t quality) {
  JpegWriter writer;
  if (!writer.write(pixels, quality)) return writer.error();
  return writer.take();
}

}  // namespace infer::pictures
