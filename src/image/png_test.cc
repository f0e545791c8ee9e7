// PNG files of every kind, made by libpng itself, and what is wrong with one.
#include <gtest/gtest.h>
#include <png.h>

#include <csetjmp>
#include <string>
#include <vector>

#include "infer/image.h"
#include "infer/media.h"
#include "src/image/pictures_for_tests.h"
#include "src/image/png_chunks.h"

namespace infer::pictures {
namespace {

constexpr std::uint32_t kWide = 13, kHigh = 9;

struct PngKind {
  int color = PNG_COLOR_TYPE_RGB;
  int depth = 8;
  bool interlaced = false;
  bool see_through = false;  // a tRNS chunk
};

// The sample of a pixel, in the file's own depth.
std::uint32_t sample(const PngKind& kind, std::uint32_t x, std::uint32_t y, std::uint32_t c) {
  const std::uint32_t most = (1u << kind.depth) - 1;
  return (x * 977 + y * 331 + c * 7919) & most;
}

void put_row(const PngKind& kind, std::uint32_t channels, std::uint32_t y,
             std::vector<png_byte>& row) {
  const auto depth = static_cast<std::uint32_t>(kind.depth);
  row.assign((kWide * channels * depth + 7) / 8, 0);
  for (std::uint32_t x = 0; x < kWide; ++x)
    for (std::uint32_t c = 0; c < channels; ++c) {
      const std::uint32_t value = sample(kind, x, y, c), i = x * channels + c;
      if (depth == 16) {
        row[2 * i] = static_cast<png_byte>(value >> 8);
        row[2 * i + 1] = static_cast<png_byte>(value);
      } else {
        row[i * depth / 8] |= static_cast<png_byte>(value << (8 - depth - i * depth % 8));
      }
    }
}

void append_to(png_structp png, png_bytep bytes, std::size_t n) {
  static_cast<std::string*>(png_get_io_ptr(png))->append(reinterpret_cast<char*>(bytes), n);
}

constexpr std::uint32_t kSeeThrough = 1;  // the sample, or the place in the palette

void put_colours(png_structp png, png_infop info, const PngKind& kind) {
  png_color palette[256];
  for (int i = 0; i < 256; ++i)
    palette[i] = {static_cast<png_byte>(i), static_cast<png_byte>(255 - i),
                  static_cast<png_byte>(i * 3)};
  png_byte alphas[2] = {255, 100};
  png_color_16 colour{0, kSeeThrough, kSeeThrough, kSeeThrough, kSeeThrough};
  if (kind.color == PNG_COLOR_TYPE_PALETTE) {
    png_set_PLTE(png, info, palette, 1 << kind.depth);
    if (kind.see_through) png_set_tRNS(png, info, alphas, 2, nullptr);
  } else if (kind.see_through) {
    png_set_tRNS(png, info, nullptr, 0, &colour);
  }
}

std::string made_by_libpng(const PngKind& kind) {
  std::string out;
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  png_set_write_fn(png, &out, &append_to, nullptr);
  png_set_IHDR(png, info, kWide, kHigh, kind.depth, kind.color,
               kind.interlaced ? PNG_INTERLACE_ADAM7 : PNG_INTERLACE_NONE,
               PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
  put_colours(png, info, kind);
  const std::uint32_t channels = png_get_channels(png, info);
  png_write_info(png, info);
  std::vector<std::vector<png_byte>> rows(kHigh);
  std::vector<png_bytep> pointers;
  for (std::uint32_t y = 0; y < kHigh; ++y) {
    put_row(kind, channels, y, rows[y]);
    pointers.push_back(rows[y].data());
  }
  png_write_image(png, pointers.data());
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return out;
}

std::uint32_t as_byte(std::uint32_t value, int depth) {
  const std::uint32_t most = (1u << depth) - 1;
  return (value * 255 + most / 2) / most;
}

// Red, green, blue and alpha of a pixel, worked out from the specification.
std::vector<std::uint32_t> expected(const PngKind& kind, std::uint32_t x, std::uint32_t y) {
  std::uint32_t s[4];
  for (std::uint32_t c = 0; c < 4; ++c) s[c] = sample(kind, x, y, c);
  const auto byte = [&](std::uint32_t c) { return as_byte(s[c], kind.depth); };
  const bool has_blue = kind.color == PNG_COLOR_TYPE_RGB || kind.color == PNG_COLOR_TYPE_RGB_ALPHA;
  const bool hidden = kind.see_through && s[0] == kSeeThrough &&
                      (!has_blue || (s[1] == kSeeThrough && s[2] == kSeeThrough));
  switch (kind.color) {
    case PNG_COLOR_TYPE_PALETTE: return {s[0], 255 - s[0], s[0] * 3 & 0xff, hidden ? 100u : 255u};
    case PNG_COLOR_TYPE_GRAY: return {byte(0), byte(0), byte(0), hidden ? 0u : 255u};
    case PNG_COLOR_TYPE_GRAY_ALPHA: return {byte(0), byte(0), byte(0), byte(1)};
    case PNG_COLOR_TYPE_RGB_ALPHA: return {byte(0), byte(1), byte(2), byte(3)};
    default: return {byte(0), byte(1), byte(2), hidden ? 0u : 255u};
  }
}

std::uint32_t channels_of(const PngKind& kind) {
  if (kind.see_through || (kind.color & PNG_COLOR_MASK_ALPHA) != 0) return 4;
  return kind.color == PNG_COLOR_TYPE_GRAY ? 1 : 3;
}

void expect_decoded(const PngKind& kind) {
  SCOPED_TRACE("color " + std::to_string(kind.color) + " depth " + std::to_string(kind.depth) +
               (kind.interlaced ? " interlaced" : "") + (kind.see_through ? " tRNS" : ""));
  const std::string file = made_by_libpng(kind);
  const auto own = decode_image(file);
  ASSERT_TRUE(own) << own.error();
  EXPECT_EQ(own->channels, channels_of(kind));
  const auto rgba = decode_image(file, {.channels = 4});
  ASSERT_TRUE(rgba) << rgba.error();
  ASSERT_EQ(rgba->width, kWide);
  ASSERT_EQ(rgba->height, kHigh);
  for (std::uint32_t y = 0; y < kHigh; ++y)
    for (std::uint32_t x = 0; x < kWide; ++x) {
      const std::vector<std::uint32_t> right = expected(kind, x, y);
      for (std::uint32_t c = 0; c < 4; ++c)
        ASSERT_EQ(at(*rgba, x, y, c), right[c]) << x << ", " << y << ", channel " << c;
    }
}

TEST(Png, EveryKindThereIs) {
  for (const bool interlaced : {false, true})
    for (const bool see_through : {false, true}) {
      for (const int depth : {1, 2, 4, 8})
        expect_decoded({PNG_COLOR_TYPE_PALETTE, depth, interlaced, see_through});
      for (const int depth : {1, 2, 4, 8, 16})
        expect_decoded({PNG_COLOR_TYPE_GRAY, depth, interlaced, see_through});
      for (const int depth : {8, 16})
        expect_decoded({PNG_COLOR_TYPE_RGB, depth, interlaced, see_through});
      for (const int depth : {8, 16})
        for (const int color : {PNG_COLOR_TYPE_GRAY_ALPHA, PNG_COLOR_TYPE_RGB_ALPHA})
          expect_decoded({color, depth, interlaced, false});
    }
}

TEST(Png, WhatIsWrittenIsReadExactly) {
  std::uint32_t seed = 0;
  for (const std::uint32_t channels : {1u, 3u, 4u})
    for (const std::uint32_t gap : {0u, 5u})
      for (const std::uint32_t compression : {0u, 1u, 6u, 9u})
        for (const std::uint32_t side : {1u, 7u, 64u}) {
          const Pixels pixels = noise(side, 2 * side, channels, gap, ++seed);
          const std::string file = file_of(pixels, {.compression = compression});
          const auto back = decode_image(file);
          ASSERT_TRUE(back) << back.error();
          EXPECT_TRUE(same_pixels(*back, pixels));
          EXPECT_EQ(back->stride, side * channels);
        }
}

TEST(Png, CutOffAtAnyByteItIsRefused) {
  for (const bool interlaced : {false, true}) {
    const std::string file = made_by_libpng({PNG_COLOR_TYPE_RGB, 8, interlaced, false});
    ASSERT_TRUE(decode_image(file));
    for (std::size_t n = 0; n < file.size(); ++n) {
      const auto cut = decode_image(std::string_view(file).substr(0, n));
      ASSERT_FALSE(cut) << n;
      EXPECT_EQ(cut.error().code(), Errc::kInvalidRequest) << n << ": " << cut.error();
    }
    EXPECT_TRUE(decode_image(file + "what comes after the end")) << "is not looked at";
  }
}

TEST(Png, AnyBitThatFlipsBreaksNothingElse) {
  const std::string file = made_by_libpng({PNG_COLOR_TYPE_PALETTE, 4, true, true});
  for (std::size_t bit = 0; bit < 8 * file.size(); ++bit) {
    std::string bad = file;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ 1 << bit % 8);
    const auto pixels = decode_image(bad, {.max_side = 4096, .max_pixels = 1u << 20});
    EXPECT_TRUE(pixels || !pixels.error().message().empty());
  }
}

// A header that promises much, on top of nothing.
std::string bomb(std::uint32_t width, std::uint32_t height) {
  std::string header;
  for (const std::uint32_t side : {width, height})
    for (int shift = 24; shift >= 0; shift -= 8) header += static_cast<char>(side >> shift & 0xff);
  header += std::string("\x08\x02\0\0\0", 5);
  std::string out(kPngSignature);
  append_chunk(out, "IHDR", header);
  append_chunk(out, "IDAT", std::string(1000, '\0'));
  append_chunk(out, "IEND", "");
  return out;
}

TEST(Png, ABombIsRefusedByItsHeader) {
  const auto huge = decode_image(bomb(40000, 40000));
  ASSERT_FALSE(huge);
  EXPECT_EQ(huge.error().code(), Errc::kTooLarge);
  EXPECT_EQ(huge.error().detail("need"), "40000");
  EXPECT_EQ(huge.error().detail("have"), "16384");
  EXPECT_EQ(huge.error().message(), "the picture has 40000 x 40000 pixels; max_side is 16384");
  const auto wide = decode_image(bomb(16384, 16384));
  ASSERT_FALSE(wide);
  EXPECT_EQ(wide.error().detail("limit"), "max_pixels");
  EXPECT_EQ(wide.error().detail("need"), "268435456");
  EXPECT_EQ(wide.error().detail("have"), "89478485");
  // Within the limits, and still more than its bytes can hold: nothing is allocated for it.
  const auto empty = decode_image(bomb(9000, 9000));
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().code(), Errc::kInvalidRequest);
  // The caller's own limits count, whatever they are.
  EXPECT_FALSE(decode_image(bomb(0x7fffffff, 0x7fffffff),
                            {.max_side = 0xffffffff, .max_pixels = ~std::uint64_t{0}}));
  EXPECT_TRUE(decode_image(file_of(noise(64, 64, 3), ImageFormat::kPng), {.max_side = 64}));
  EXPECT_FALSE(decode_image(file_of(noise(64, 64, 3), ImageFormat::kPng), {.max_side = 63}));
  EXPECT_FALSE(decode_image(file_of(noise(64, 64, 3), ImageFormat::kPng), {.max_pixels = 4095}));
}

}  // namespace
}  // namespace infer::pictures
