#include <webp/encode.h>

#include "src/image/codec.h"

namespace infer::pictures {
namespace {

class WebpWriter {
 public:
  WebpWriter() { ready_ = WebPPictureInit(&picture_) != 0; }
  ~WebpWriter() {
    if (ready_) WebPPictureFree(&picture_);
  }
  WebpWriter(const WebpWriter&) = delete;
  WebpWriter& operator=(const WebpWriter&) = delete;

  bool write(const Pixels& pixels, const WebPConfig& config) {
    if (!ready_) return false;
    picture_.width = static_cast<int>(pixels.width);
    picture_.height = static_cast<int>(pixels.height);
    picture_.use_argb = config.lossless;
    picture_.writer = &on_write;
    picture_.custom_ptr = this;
    const auto import = pixels.channels == 4 ? &WebPPictureImportRGBA : &WebPPictureImportRGB;
    if (!import(&picture_, pixels.data.data(), static_cast<int>(pixels.stride))) {
      picture_.error_code = VP8_ENC_ERROR_OUT_OF_MEMORY;
      return false;
    }
    return WebPEncode(&config, &picture_) != 0;
  }
  std::string take() { return std::move(out_); }
  Error error() const {
    switch (picture_.error_code) {
      case VP8_ENC_ERROR_OUT_OF_MEMORY:
      case VP8_ENC_ERROR_BITSTREAM_OUT_OF_MEMORY:
      case VP8_ENC_ERROR_BAD_WRITE: return no_memory(ImageFormat::kWebp);
      default:
        return Error(Errc::kEngine, "the WebP cannot be written: libwebp's error " +
                                        std::to_string(picture_.error_code));
    }
  }

 private:
  bool append(const std::uint8_t* bytes, std::size_t n) noexcept try {
    out_.append(reinterpret_cast<const char*>(bytes), n);
    return true;
  } catch (...) {
    return false;
  }
  static int on_write(const std::uint8_t* bytes, std::size_t n, const WebPPicture* picture) {
    return static_cast<WebpWriter*>(picture->custom_ptr)->append(bytes, n) ? 1 : 0;
  }

  WebPPicture picture_{};
  bool ready_ = false;
  std::string out_;
};

}  // namespace

Result<std::string> encode_webp(const Pixels& pixels, std::uint32_t quality, bool lossless) {
  // It knows no grey.
  if (pixels.channels == 1)
    return encode_webp(to_pixels(with_channels(pixels, 3, 0)), quality, lossless);
  WebPConfig config;
  if (!WebPConfigInit(&config)) return no_memory(ImageFormat::kWebp);
  if (lossless) {
    config.lossless = 1;
    config.exact = 1;  // the colour of what is transparent too
  } else {
    config.quality = static_cast<float>(quality);
  }
  WebpWriter writer;
  if (!writer.write(pixels, config)) return writer.error();
  return writer.take();
}

}  // namespace infer::pictures
