#include <webp/decode.h>

#include <algorithm>

#include "src/core/header_bytes.h"
#include "src/image/codec.h"
#include "src/image/riff.h"

namespace infer::pictures {
namespace {

// A picture that libwebp can decode, and where it lies on the canvas.
struct WebpFrame {
  std::string_view bytes{};
  std::uint32_t x = 0;
  std::uint32_t y = 0;
  WebPBitstreamFeatures features{};
};

std::optional<Error> error_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OK: return std::nullopt;
    case VP8_STATUS_OUT_OF_MEMORY: return no_memory(ImageFormat::kWebp);
    case VP8_STATUS_SUSPENDED:
    case VP8_STATUS_NOT_ENOUGH_DATA: return cut_off(ImageFormat::kWebp);
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return damaged(ImageFormat::kWebp, "it uses something that is not known");
    default: return damaged(ImageFormat::kWebp, "its data makes no sense");
  }
}

std::optional<Error> read_features(std::string_view bytes, WebPBitstreamFeatures& features) {
  return error_of(WebPGetFeatures(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(),
                                  &features));
}

// Of an animation; its parts are as those of a picture alone.
Result<WebpFrame> first_frame(std::string_view file, const WebPBitstreamFeatures& canvas) {
  constexpr std::size_t kHead = 16;
  RiffChunks chunks(file);
  RiffChunk chunk;
  while (chunks.next(chunk)) {
    if (chunk.type != "ANMF") continue;
    const core::HeaderBytes head(chunk.data);
    if (!head.has(kHead)) break;
    WebpFrame frame;
    frame.bytes = chunk.data.substr(kHead);
    frame.x = 2 * head.little(0, 3);
    frame.y = 2 * head.little(3, 3);
    const std::uint32_t width = head.little(6, 3) + 1, height = head.little(9, 3) + 1;
    if (auto error = read_features(frame.bytes, frame.features)) return *std::move(error);
    if (frame.features.has_animation || static_cast<std::uint32_t>(frame.features.width) != width ||
        static_cast<std::uint32_t>(frame.features.height) != height ||
        frame.x + width > static_cast<std::uint32_t>(canvas.width) ||
        frame.y + height > static_cast<std::uint32_t>(canvas.height))
      return damaged(ImageFormat::kWebp, "its first frame does not fit");
    return frame;
  }
  return damaged(ImageFormat::kWebp, "it is an animation without a frame");
}

std::optional<Error> decode_into(const WebpFrame& frame, Bitmap& canvas) {
  WebPDecoderConfig config;
  if (!WebPInitDecoderConfig(&config)) return no_memory(ImageFormat::kWebp);
  const std::size_t offset = frame.y * canvas.row() + std::size_t{frame.x} * canvas.channels;
  config.output.colorspace = canvas.channels == 4 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = canvas.data.get() + offset;
  config.output.u.RGBA.stride = static_cast<int>(canvas.row());
  config.output.u.RGBA.size = canvas.size() - offset;
  const VP8StatusCode status = WebPDecode(reinterpret_cast<const std::uint8_t*>(frame.bytes.data()),
                                          frame.bytes.size(), &config);
  WebPFreeDecBuffer(&config.output);
  return error_of(status);
}

}  // namespace

Result<Bitmap> decode_webp(std::string_view bytes, const DecodeOptions& options) {
  const core::HeaderBytes head(bytes);
  if (std::uint64_t{head.little(4, 4)} + 8 > bytes.size()) return cut_off(ImageFormat::kWebp);
  WebpFrame frame;
  frame.bytes = bytes;
  if (auto error = read_features(bytes, frame.features)) return *std::move(error);
  const WebPBitstreamFeatures canvas = frame.features;
  const auto width = static_cast<std::uint32_t>(canvas.width);
  const auto height = static_cast<std::uint32_t>(canvas.height);
  if (auto error = over_limits(width, height, options)) return *std::move(error);
  if (canvas.has_animation) {
    auto first = first_frame(bytes, canvas);
    if (!first) return first.error();
    frame = *first;
  }
  const bool covers =
      frame.features.width == canvas.width && frame.features.height == canvas.height;
  Bitmap bitmap = make_bitmap(width, height, frame.features.has_alpha || !covers ? 4 : 3);
  if (!covers) std::fill_n(bitmap.data.get(), bitmap.size(), std::uint8_t{0});
  if (auto error = decode_into(frame, bitmap)) return *std::move(error);
  return bitmap;
}

}  // namespace infer::pictures
