// JPEG files of every kind that there is in the wild, made by libjpeg itself.
#include <gtest/gtest.h>

// libjpeg's header uses FILE without saying where it is from.
#include <cstdio>
// Then:
#include <jpeglib.h>

#include <cstdlib>
#include <string>

#include "infer/image.h"
#include "src/image/pictures_for_tests.h"

namespace infer::pictures {
namespace {

struct JpegKind {
  J_COLOR_SPACE in = JCS_RGB;
  J_COLOR_SPACE stored = JCS_YCbCr;
  bool progressive = false;
  bool arithmetic = false;
  std::string exif{};
};

std::string made_by_libjpeg(const Pixels& pixels, const JpegKind& kind) {
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* bytes = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&jpeg, &bytes, &size);
  jpeg.image_width = pixels.width;
  jpeg.image_height = pixels.height;
  jpeg.input_components = static_cast<int>(pixels.channels);
  jpeg.in_color_space = kind.in;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, kind.stored);
  jpeg_set_quality(&jpeg, 95, TRUE);
  jpeg.arith_code = kind.arithmetic ? TRUE : FALSE;
  if (kind.progressive) jpeg_simple_progression(&jpeg);
  jpeg_start_compress(&jpeg, TRUE);
  if (!kind.exif.empty()) {
    const std::string data = std::string("Exif\0\0", 6) + kind.exif;
    jpeg_write_marker(&jpeg, JPEG_APP0 + 1, reinterpret_cast<const JOCTET*>(data.data()),
                      static_cast<unsigned>(data.size()));
  }
  std::string row(pixels.data.view());
  while (jpeg.next_scanline < jpeg.image_height) {
    JSAMPROW rows[1] = {reinterpret_cast<JSAMPROW>(row.data()) +
                        std::size_t{jpeg.next_scanline} * pixels.stride};
    jpeg_write_scanlines(&jpeg, rows, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string out(reinterpret_cast<char*>(bytes), size);
  jpeg_destroy_compress(&jpeg);
  std::free(bytes);
  return out;
}

TEST(Jpeg, GreyAndColourPlainAndProgressive) {
  for (const bool progressive : {false, true})
    for (const bool arithmetic : {false, true}) {
      const Pixels grey = gradient(37, 23, 1), rgb = gradient(37, 23, 3);
      const auto a = decode_image(
          made_by_libjpeg(grey, {JCS_GRAYSCALE, JCS_GRAYSCALE, progressive, arithmetic}));
      ASSERT_TRUE(a) << a.error();
      ASSERT_EQ(a->channels, 1u);
      EXPECT_LT(mean_difference(*a, grey), 2);
      for (const J_COLOR_SPACE stored : {JCS_YCbCr, JCS_RGB}) {
        const auto b =
            decode_image(made_by_libjpeg(rgb, {JCS_RGB, stored, progressive, arithmetic}));
        ASSERT_TRUE(b) << b.error();
        ASSERT_EQ(b->channels, 3u);
        EXPECT_LT(mean_difference(*b, rgb), 4);
      }
    }
}

// Inks are stored inverted, so that 255 is none: red is what cyan leaves, times what black leaves.
TEST(Jpeg, InksBecomeColours) {
  Pixels inks = gradient(32, 32, 4);
  for (const J_COLOR_SPACE stored : {JCS_CMYK, JCS_YCCK}) {
    const auto rgb = decode_image(made_by_libjpeg(inks, {JCS_CMYK, stored}));
    ASSERT_TRUE(rgb) << rgb.error();
    ASSERT_EQ(rgb->channels, 3u);
    Pixels right = gradient(32, 32, 3);
    std::string bytes;
    for (std::uint32_t y = 0; y < 32; ++y)
      for (std::uint32_t x = 0; x < 32; ++x)
        for (std::uint32_t c = 0; c < 3; ++c)
          bytes += static_cast<char>(at(inks, x, y, c) * at(inks, x, y, 3) / 255);
    right.data = Blob(bytes);
    EXPECT_LT(mean_difference(*rgb, right), 4);
  }
}

TEST(Jpeg, QualityIsFollowed) {
  const Pixels photo = gradient(128, 128, 3);
  std::size_t before = 0;
  double last = 1000;
  for (const std::uint32_t quality : {1u, 30u, 60u, 90u, 100u}) {
    const std::string file = file_of(photo, {.format = ImageFormat::kJpeg, .quality = quality});
    EXPECT_GT(file.size(), before) << quality;
    before = file.size();
    const auto back = decode_image(file);
    ASSERT_TRUE(back);
    EXPECT_LE(mean_difference(*back, photo), last) << quality;
    last = mean_difference(*back, photo);
  }
  EXPECT_LT(last, 1);
  EXPECT_EQ(file_of(photo, ImageFormat::kJpeg),
            file_of(photo, {.format = ImageFormat::kJpeg, .quality = 90}));
  const auto grey = decode_image(file_of(gradient(9, 9, 1), ImageFormat::kJpeg));
  ASSERT_TRUE(grey);
  EXPECT_EQ(grey->channels, 1u);
  // Where every pixel keeps its colour, a red line on blue stays red.
  std::string stripes;
  for (int i = 0; i < 64 * 64; ++i)
    stripes += i % 2 ? std::string("\0\0\xff", 3) : std::string("\xff\0\0", 3);
  const Pixels striped{Blob(stripes), 64, 64, 3, 192};
  const auto full = decode_image(file_of(striped, {.format = ImageFormat::kJpeg, .quality = 90}));
  const auto shared = decode_image(file_of(striped, {.format = ImageFormat::kJpeg, .quality = 89}));
  ASSERT_TRUE(full && shared);
  EXPECT_GT(at(*full, 32, 32, 0), 200u);
  EXPECT_LT(at(*shared, 32, 32, 0), 200u);
}

TEST(Jpeg, CutOffAtAnyByteItIsRefused) {
  for (const bool progressive : {false, true}) {
    const std::string file =
        made_by_libjpeg(noise(24, 24, 3), {JCS_RGB, JCS_YCbCr, progressive, false, exif(6)});
    ASSERT_TRUE(decode_image(file));
    for (std::size_t n = 0; n < file.size(); ++n) {
      const auto cut = decode_image(std::string_view(file).substr(0, n));
      ASSERT_FALSE(cut) << n;
      EXPECT_EQ(cut.error().code(), Errc::kInvalidRequest) << n << ": " << cut.error();
    }
    EXPECT_TRUE(decode_image(file + "what comes after the end")) << "is not looked at";
  }
}

TEST(Jpeg, AnyByteThatFlipsBreaksNothingElseAndPrintsNothing) {
  testing::internal::CaptureStderr();
  for (const bool progressive : {false, true}) {
    const std::string file = made_by_libjpeg(noise(16, 16, 3), {JCS_RGB, JCS_YCbCr, progressive});
    for (std::size_t i = 0; i < file.size(); ++i)
      for (const int with : {0x01, 0x80, 0xff}) {
        std::string bad = file;
        bad[i] = static_cast<char>(bad[i] ^ with);
        const auto pixels = decode_image(bad, {.max_side = 4096, .max_pixels = 1u << 20});
        EXPECT_TRUE(pixels || !pixels.error().message().empty());
      }
  }
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
}

std::string segment(unsigned char marker, std::string_view data) {
  std::string out{'\xff', static_cast<char>(marker)};
  out += static_cast<char>((data.size() + 2) >> 8);
  out += static_cast<char>(data.size() + 2);
  return out + std::string(data);
}

// The scans of a progressive picture, again and again: each one costs a walk over all of it.
TEST(Jpeg, ScansWithoutEndAreRefused) {
  const std::string file = made_by_libjpeg(noise(64, 64, 1), {JCS_GRAYSCALE, JCS_GRAYSCALE, true});
  const std::size_t first = file.find("\xff\xda");
  const std::size_t second = file.find("\xff\xda", first + 2);
  ASSERT_NE(second, std::string::npos);
  // A scan that refines nothing: one run over all blocks, without a bit of content.
  std::string bomb = file.substr(0, first);
  std::string first_scan = file.substr(first, second - first);
  for (int i = 0; i < 1000; ++i) bomb += first_scan;
  bomb += "\xff\xd9";
  const auto pixels = decode_image(bomb);
  ASSERT_FALSE(pixels);
  EXPECT_EQ(pixels.error().code(), Errc::kInvalidRequest);
}

TEST(Jpeg, RareKindsAndBombsAreNamed) {
  const std::string file = file_of(gradient(16, 16, 3), ImageFormat::kJpeg);
  const std::size_t frame = file.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  std::string deep = file;
  deep[frame + 4] = 12;  // bits a sample
  const auto rare = decode_image(deep);
  ASSERT_FALSE(rare);
  EXPECT_EQ(rare.error().code(), Errc::kUnsupported) << rare.error();
  std::string huge = file;
  huge.replace(frame + 5, 4, "\x9c\x40\x9c\x40");
  const auto bomb = decode_image(huge);
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code(), Errc::kTooLarge);
  EXPECT_EQ(bomb.error().detail("need"), "40000");
  huge.replace(frame + 5, 4, "\x23\x28\x23\x28");  // 9000 x 9000: more than its bytes can hold
  const auto empty = decode_image(huge);
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code(), Errc::kInvalidRequest);
  const std::string comments = file.substr(0, 2) + segment(0xfe, std::string(60000, 'c')) +
                               segment(0xfe, "c") + file.substr(2);
  EXPECT_TRUE(decode_image(comments));
}

TEST(Jpeg, TurnedAsItsExifPartSays) {
  // Black, but for its upper left: that corner goes to each of the others, and the sides swap.
  std::string bytes(24 * 16, '\0');
  for (int y = 0; y < 8; ++y) bytes.replace(static_cast<std::size_t>(y) * 24, 8, 8, '\xff');
  const Pixels corner{Blob(bytes), 24, 16, 1, 24};
  struct Where {
    std::uint32_t x, y;
  };
  constexpr Where kWhere[] = {{0, 0}, {0, 0}, {1, 0}, {1, 1}, {0, 1},
                              {0, 0}, {1, 0}, {1, 1}, {0, 1}};
  for (std::uint8_t orientation = 0; orientation <= 9; ++orientation)
    for (const bool little : {true, false}) {
      const auto turned = decode_image(made_by_libjpeg(
          corner, {JCS_GRAYSCALE, JCS_GRAYSCALE, false, false, exif(orientation, little)}));
      ASSERT_TRUE(turned) << turned.error();
      const bool known = orientation >= 1 && orientation <= 8;
      const bool swapped = known && orientation >= 5;
      EXPECT_EQ(turned->width, swapped ? 16u : 24u);
      EXPECT_EQ(turned->height, swapped ? 24u : 16u);
      const Where lit = kWhere[known ? orientation : 1];
      for (const std::uint32_t x : {0u, 1u})
        for (const std::uint32_t y : {0u, 1u})
          EXPECT_EQ(at(*turned, x * (turned->width - 1), y * (turned->height - 1), 0) > 128,
                    x == lit.x && y == lit.y)
              << int{orientation} << " at " << x << ", " << y;
    }
}

}  // namespace
}  // namespace infer::pictures
