#include <gtest/gtest.h>

#include <string>

#include "infer/image.h"
#include "src/image/pictures_for_tests.h"

namespace infer::pictures {
namespace {

const EncodeOptions kLossless{.format = ImageFormat::kWebp, .quality = {}, .lossless = true};

TEST(Webp, LosslessIsExact) {
  std::uint32_t seed = 0;
  for (const std::uint32_t channels : {1u, 3u, 4u})
    for (const std::uint32_t gap : {0u, 7u})
      for (const std::uint32_t side : {1u, 31u}) {
        const Pixels pixels = noise(side, side + 3, channels, gap, ++seed);
        const auto back = decode_image(file_of(pixels, kLossless), {.channels = channels});
        ASSERT_TRUE(back) << back.error();
        EXPECT_TRUE(same_pixels(*back, pixels)) << channels << " channels, " << side;
      }
}

TEST(Webp, QualityIsFollowed) {
  const Pixels photo = gradient(96, 64, 3);
  std::size_t before = 0;
  for (const std::uint32_t quality : {0u, 40u, 90u, 100u}) {
    const std::string file = file_of(photo, {.format = ImageFormat::kWebp, .quality = quality});
    EXPECT_GE(file.size(), before) << quality;
    before = file.size();
    const auto back = decode_image(file);
    ASSERT_TRUE(back) << back.error();
    EXPECT_EQ(back->channels, 3u);
    EXPECT_LT(mean_difference(*back, photo), 8) << quality;
  }
  EXPECT_EQ(file_of(photo, ImageFormat::kWebp),
            file_of(photo, {.format = ImageFormat::kWebp, .quality = 90}));
  const auto alpha = decode_image(file_of(gradient(20, 20, 4), ImageFormat::kWebp));
  ASSERT_TRUE(alpha);
  EXPECT_EQ(alpha->channels, 4u);
}

TEST(Webp, CutOffAtAnyByteItIsRefused) {
  for (const EncodeOptions& options : {EncodeOptions{.format = ImageFormat::kWebp}, kLossless}) {
    const std::string file = file_of(noise(16, 16, 4), options);
    ASSERT_TRUE(decode_image(file));
    for (std::size_t n = 0; n < file.size(); ++n) {
      const auto cut = decode_image(std::string_view(file).substr(0, n));
      ASSERT_FALSE(cut) << n;
      EXPECT_EQ(cut.error().code(), Errc::kInvalidRequest) << n << ": " << cut.error();
    }
    for (std::size_t bit = 0; bit < 8 * file.size(); bit += 3) {
      std::string bad = file;
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
      (void)decode_image(bad, {.max_side = 4096, .max_pixels = 1u << 20});
    }
  }
}

// The canvas of an animation, and its first frame somewhere on it.
std::string animation(std::uint32_t canvas, std::uint32_t x, std::uint32_t y, std::uint32_t width,
                      std::uint32_t height, const std::string& frame) {
  const std::string head = little(x / 2, 3) + little(y / 2, 3) + little(width - 1, 3) +
                           little(height - 1, 3) + little(100, 3) + std::string(1, '\0');
  return webp_of(riff_part("VP8X", std::string("\x12\0\0\0", 4) + little(canvas - 1, 3) +
                                       little(canvas - 1, 3)) +
                 riff_part("ANIM", std::string(6, '\0')) + riff_part("ANMF", head + frame) +
                 riff_part("ANMF", head + frame));
}

TEST(Webp, OfAnAnimationTheFirstFrame) {
  const Pixels small = noise(10, 6, 3);
  const std::string frame = parts_of(file_of(small, kLossless));
  const auto placed = decode_image(animation(20, 4, 8, 10, 6, frame));
  ASSERT_TRUE(placed) << placed.error();
  ASSERT_EQ(placed->channels, 4u) << "around it nothing is seen";
  for (std::uint32_t y = 0; y < 20; ++y)
    for (std::uint32_t x = 0; x < 20; ++x) {
      const bool inside = x >= 4 && x < 14 && y >= 8 && y < 14;
      ASSERT_EQ(at(*placed, x, y, 3), inside ? 255u : 0u);
      if (!inside) continue;
      ASSERT_EQ(at(*placed, x, y, 1), at(small, x - 4, y - 8, 1));
    }
  const Pixels whole = noise(20, 20, 3, 0, 2);
  const auto covers =
      decode_image(animation(20, 0, 0, 20, 20, parts_of(file_of(whole, kLossless))));
  ASSERT_TRUE(covers) << covers.error();
  EXPECT_TRUE(same_pixels(*covers, whole));
  // With an alpha channel in a part of its own.
  const Pixels soft = gradient(20, 20, 4);
  const std::string lossy = file_of(soft, ImageFormat::kWebp);
  const auto alpha = decode_image(animation(20, 0, 0, 20, 20, lossy.substr(lossy.find("ALPH"))));
  ASSERT_TRUE(alpha) << alpha.error();
  EXPECT_EQ(alpha->channels, 4u);
  EXPECT_LT(mean_difference(*alpha, soft), 4);
}

TEST(Webp, AnimationsThatMakeNoSense) {
  const std::string frame = parts_of(file_of(noise(10, 6, 3), kLossless));
  for (const std::string& bad :
       {animation(20, 12, 0, 10, 6, frame), animation(20, 0, 16, 10, 6, frame),
        animation(20, 0, 0, 11, 6, frame), animation(20, 0, 0, 10, 6, ""),
        animation(20, 0, 0, 10, 6, "VP8Lxxxx"),
        webp_of(riff_part("VP8X", std::string("\x02\0\0\0\x13\0\0\x13\0\0", 10)))}) {
    const auto pixels = decode_image(bad);
    ASSERT_FALSE(pixels);
    EXPECT_EQ(pixels.error().code(), Errc::kInvalidRequest) << pixels.error();
  }
}

TEST(Webp, LimitsAndExif) {
  const std::string huge =
      webp_of(riff_part("VP8X", std::string("\x02\0\0\0", 4) + little(39999, 3) + little(9, 3)));
  const auto bomb = decode_image(huge);
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code(), Errc::kTooLarge);
  const Pixels pixels = noise(8, 4, 3);
  const std::string parts = parts_of(file_of(pixels, kLossless));
  for (const std::string& head : {std::string(), std::string("Exif\0\0", 6)}) {
    const auto turned =
        decode_image(webp_of(riff_part("VP8X", std::string("\x08\0\0\0\x07\0\0\x03\0\0", 10)) +
                             parts + riff_part("EXIF", head + exif(3))));
    ASSERT_TRUE(turned) << turned.error();
    EXPECT_EQ(at(*turned, 7, 3, 0), at(pixels, 0, 0, 0));
  }
  const auto most = encode_image(noise(16384, 1, 1), kLossless);
  ASSERT_FALSE(most);
  EXPECT_EQ(most.error().detail("field"), "width");
  EXPECT_TRUE(encode_image(noise(16383, 1, 1), kLossless));
}

}  // namespace
}  // namespace infer::pictures
