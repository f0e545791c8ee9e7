// The three formats, each way. All throw std::bad_alloc and nothing else.
#ifndef INFER_SRC_IMAGE_CODEC_H_
#define INFER_SRC_IMAGE_CODEC_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "infer/image.h"
#include "infer/media.h"
#include "src/image/bitmap.h"

namespace infer::pictures {

// kTooLarge, before anything of that size is allocated.
std::optional<Error> over_limits(std::uint32_t width, std::uint32_t height,
                                 const DecodeOptions& options);

// kInvalidRequest for channels other than 1, 3 and 4, or if the data does not hold them.
std::optional<Error> wrong_pixels(const Pixels& pixels);

// "the PNG is damaged: ..." and "the PNG is cut off ...": kInvalidRequest.
Error damaged(ImageFormat format, std::string_view why);
Error cut_off(ImageFormat format);
Error no_memory(ImageFormat format);
// "PNG", "JPEG", "WebP".
std::string_view shown(ImageFormat format);

// With the channels of the file: 1, 3 or 4; not yet turned.
Result<Bitmap> decode_png(std::string_view bytes, const DecodeOptions& options);
Result<Bitmap> decode_jpeg(std::string_view bytes, const DecodeOptions& options);
Result<Bitmap> decode_webp(std::string_view bytes, const DecodeOptions& options);

// Of pixels and options that have been checked.
Result<std::string> encode_png(const Pixels& pixels, std::uint32_t compression);
Result<std::string> encode_jpeg(const Pixels& pixels, std::uint32_t quality);
Result<std::string> encode_webp(const Pixels& pixels, std::uint32_t quality, bool lossless);

// 1 to 8: how the file says that its picture is to be turned; 1 where it does not say.
std::uint32_t orientation_of(std::string_view bytes, ImageFormat format) noexcept;

}  // namespace infer::pictures

#endif  // INFER_SRC_IMAGE_CODEC_H_
