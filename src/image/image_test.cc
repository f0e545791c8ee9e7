// What the formats have in common: kinds, channels, options, files, text.
#include "infer/image.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "infer/media.h"
#include "src/image/pictures_for_tests.h"
#include "src/image/png_chunks.h"
#include "src/port/temp_dir.h"

namespace infer::pictures {
namespace {

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

Media blob_of(std::string bytes) {
  Media media;
  media.source = Blob(std::move(bytes));
  return media;
}
Media media_of(Pixels pixels) {
  Media media;
  media.source = std::move(pixels);
  return media;
}

TEST(Decode, OtherKindsAreNamed) {
  const auto gif = decode_image("GIF89a\x01\0\x01\0 and so on");
  ASSERT_FALSE(gif);
  EXPECT_EQ(gif.error().code(), Errc::kUnsupported);
  EXPECT_EQ(gif.error().message(),
            "a file of the kind image/gif cannot be decoded; PNG, JPEG and WebP can");
  EXPECT_EQ(decode_image("some words, which are no picture").error().code(), Errc::kUnsupported);
  EXPECT_EQ(decode_image("").error().code(), Errc::kInvalidRequest);
  Media address;
  address.source = Url{"https://example.org/a.png"};
  EXPECT_EQ(decode_image(address).error().code(), Errc::kUnsupported);
  EXPECT_EQ(decode_image("", {.channels = 2}).error().detail("field"), "channels");
}

TEST(Decode, ChannelsAsAsked) {
  const Pixels see_through{Blob(std::string("\xff\0\0\x80\0\xff\0\0", 8)), 2, 1, 4, 8};
  const std::string file = file_of(see_through, ImageFormat::kPng);
  const auto white = decode_image(file, {.channels = 3});
  const auto black = decode_image(file, {.channels = 3, .background = 0});
  const auto grey = decode_image(file, {.channels = 1});
  ASSERT_TRUE(white && black && grey);
  EXPECT_EQ(white->data.view(), std::string_view("\xff\x7f\x7f\xff\xff\xff"));
  EXPECT_EQ(black->data.view(), std::string_view("\x80\0\0\0\0\0", 6));
  EXPECT_EQ(grey->data.view(), std::string_view("\xa5\xff"));
  const Pixels one{Blob(std::string("\x40")), 1, 1, 1, 1};
  EXPECT_EQ(decode_image(media_of(one), {.channels = 3})->data.view(), "\x40\x40\x40");
  EXPECT_EQ(decode_image(media_of(one), {.channels = 4})->data.view(), "\x40\x40\x40\xff");
  const Pixels rgb{Blob(std::string("\xff\xff\xff")), 1, 1, 3, 3};
  EXPECT_EQ(decode_image(media_of(rgb), {.channels = 1})->data.view(), "\xff");
  const Pixels as_it_is = noise(5, 5, 3, 2);
  const auto same = decode_image(media_of(as_it_is), {.channels = 3});
  ASSERT_TRUE(same);
  EXPECT_EQ(same->data.data(), as_it_is.data.data()) << "nothing is copied";
  EXPECT_EQ(decode_image(media_of(as_it_is), {.max_side = 4}).error().code(), Errc::kTooLarge);
}

TEST(Decode, ManyThreadsAtOnce) {
  const std::string files[] = {file_of(noise(64, 64, 3), ImageFormat::kPng),
                               file_of(noise(64, 64, 3), ImageFormat::kJpeg),
                               file_of(noise(64, 64, 4), ImageFormat::kWebp)};
  std::vector<Pixels> alone;
  for (const std::string& file : files) alone.push_back(*decode_image(file));
  std::vector<std::thread> threads;
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      for (std::size_t i = 0; i < 12; ++i) {
        const std::size_t which = (i + static_cast<std::size_t>(t)) % 3;
        const auto pixels = decode_image(files[which]);
        EXPECT_TRUE(pixels && same_pixels(*pixels, alone[which]));
        EXPECT_FALSE(decode_image(files[which].substr(0, files[which].size() / 2)));
        const auto format = static_cast<ImageFormat>(which);
        EXPECT_FALSE(file_of(noise(32, 32, 3), format).empty());
      }
    });
  for (std::thread& thread : threads) thread.join();
}

std::string field_of(const Pixels& pixels, const EncodeOptions& options = {}) {
  const auto media = encode_image(pixels, options);
  if (media) return "";
  EXPECT_EQ(media.error().code(), Errc::kInvalidRequest);
  return std::string(media.error().detail("field"));
}

TEST(Encode, WhatMakesNoSenseIsNamed) {
  const Pixels right = noise(4, 4, 3);
  Pixels wrong = right;
  wrong.channels = 2;
  EXPECT_EQ(field_of(wrong), "channels");
  wrong = right;
  wrong.width = 0;
  EXPECT_EQ(field_of(wrong), "width");
  wrong = right;
  wrong.stride = 11;
  EXPECT_EQ(field_of(wrong), "stride");
  wrong = right;
  wrong.height = 5;
  EXPECT_EQ(field_of(wrong), "data");
  wrong = right;
  wrong.height = wrong.stride = 0xffffffff;
  EXPECT_EQ(field_of(wrong), "data");
  constexpr auto kJpeg = ImageFormat::kJpeg, kWebp = ImageFormat::kWebp;
  EXPECT_EQ(field_of(noise(4, 4, 4), {.format = kJpeg}), "channels");
  EXPECT_EQ(field_of(noise(65501, 1, 1), {.format = kJpeg}), "width");
  EXPECT_EQ(field_of(right, {.quality = 5}), "quality");
  EXPECT_EQ(field_of(right, {.format = kJpeg, .quality = 101}), "quality");
  EXPECT_EQ(field_of(right, {.format = kWebp, .quality = 5, .lossless = true}), "quality");
  EXPECT_EQ(field_of(right, {.format = kJpeg, .lossless = true}), "lossless");
  EXPECT_EQ(field_of(right, {.compression = 10}), "compression");
  EXPECT_EQ(field_of(right, {.format = kWebp, .compression = 1}), "compression");
  EXPECT_EQ(field_of(right, {.format = kJpeg, .text = {{"a", "b"}}}), "text");
  for (const std::string& keyword :
       {std::string(), std::string(80, 'k'), std::string(" a"), std::string("a "),
        std::string("a  b"), std::string("a\nb"), std::string("\xe2\x82\xac"), std::string("\xff"),
        std::string("a\0b", 3)})
    EXPECT_EQ(field_of(right, {.text = {{"right", "x"}, {keyword, "x"}}}), "text[1]") << keyword;
  EXPECT_EQ(field_of(right, {.text = {{"a", std::string("\0", 1)}}}), "text[0]");
  EXPECT_EQ(field_of(right, {.text = {{"a", "\xff"}}}), "text[0]");
  EXPECT_EQ(field_of(right, {.text = {{std::string(79, 'k'), "x"}, {"\xc3\xa9t\xc3\xa9", ""}}}),
            "");
}

using Text = std::vector<std::pair<std::string, std::string>>;

TEST(Text, IsReadAsItWasWritten) {
  const Text text = {{"parameters", "a red circle\nSteps: 8, Seed: 7"},
                     {"Title", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x8e\xa8"},
                     {"Auteur \xc3\xa9", "plain"},
                     {"empty", ""}};
  const Pixels pixels = noise(8, 8, 3);
  const std::string file = file_of(pixels, {.text = text});
  const auto back = image_text(file);
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(*back, text);
  EXPECT_TRUE(same_pixels(*decode_image(file), pixels));
  EXPECT_NE(file.find(std::string("tEXtparameters\0a red", 20)), std::string::npos);
  EXPECT_NE(file.find(std::string("iTXtTitle\0\0\0\0\0caf\xc3\xa9", 19)), std::string::npos);
  EXPECT_TRUE(image_text(file_of(pixels, ImageFormat::kPng))->empty());
  EXPECT_EQ(image_text(file_of(pixels, ImageFormat::kJpeg)).error().code(), Errc::kInvalidRequest);
  for (std::size_t n = 0; n < file.size(); ++n) {
    EXPECT_FALSE(image_text(std::string_view(file).substr(0, n))) << n;
    std::string bad = file;
    bad[n] = static_cast<char>(bad[n] ^ 0x20);
    EXPECT_FALSE(image_text(bad)) << n;
  }
}

std::string packed(const std::string& text) {
  std::string out(compressBound(text.size()), '\0');
  uLongf size = out.size();
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(text.data()),
           text.size());
  out.resize(size);
  return out;
}

// A picture with parts before its end that were not made here.
std::string with_part(std::string_view type, const std::string& data) {
  const std::string png = file_of(noise(2, 2, 1), ImageFormat::kPng);
  std::string out = png.substr(0, png.size() - 12);
  append_chunk(out, type, data);
  append_chunk(out, "IEND", "");
  return out;
}

TEST(Text, PackedAndForeignText) {
  const std::string nul(1, '\0');
  EXPECT_EQ(*image_text(with_part("zTXt", "key" + nul + nul + packed("some text"))),
            (Text{{"key", "some text"}}));
  EXPECT_EQ(*image_text(with_part("iTXt", "key" + nul + "\x01" + nul + "fr" + nul + "cl\xc3\xa9" +
                                              nul + packed("d\xc3\xa9j\xc3\xa0"))),
            (Text{{"key", "d\xc3\xa9j\xc3\xa0"}}));
  EXPECT_EQ(*image_text(with_part("tEXt", "key" + nul + "caf\xe9")),
            (Text{{"key", "caf\xc3\xa9"}}));
  for (const std::string& bad :
       {with_part("tEXt", "no end of the keyword"), with_part("tEXt", nul),
        with_part("zTXt", "key" + nul),
        with_part("zTXt", "key" + nul + "\x01" + packed("other method")),
        with_part("zTXt", "key" + nul + nul + packed("a text that is cut off").substr(0, 8)),
        with_part("zTXt", "key" + nul + nul + "no zlib"), with_part("iTXt", "key" + nul + nul),
        with_part("iTXt", "key" + nul + nul + nul + "fr")}) {
    const auto text = image_text(bad);
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code(), Errc::kInvalidRequest);
  }
  const auto bomb =
      image_text(with_part("zTXt", "key" + nul + nul + packed(std::string(8u << 20, 'x'))));
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code(), Errc::kTooLarge);
}

TEST(Save, TheEndingSaysTheFormat) {
  const port::TempDir dir;
  const Pixels pixels = noise(9, 9, 3);
  for (const auto& [name, mime] : {std::pair("a.png", "image/png"),
                                   {"b.JPG", "image/jpeg"},
                                   {"c.jpeg", "image/jpeg"},
                                   {"d.webp", "image/webp"}}) {
    const auto saved = save_image(dir / name, media_of(pixels));
    ASSERT_TRUE(saved) << saved.error();
    EXPECT_EQ(mime_of(bytes_of(dir / name)), mime);
    EXPECT_TRUE(decode_image(bytes_of(dir / name)));
  }
  for (const char* name : {"a", "a.gif", "a.png.txt", ".png"}) {
    const auto saved = save_image(dir / name, media_of(pixels));
    ASSERT_FALSE(saved) << name;
    EXPECT_EQ(saved.error().code(), Errc::kInvalidRequest);
    EXPECT_FALSE(std::filesystem::exists(dir / name));
  }
  const auto nowhere = save_image(dir / "none/a.png", media_of(pixels));
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().code(), Errc::kIo);
  EXPECT_NE(nowhere.error().message().find(dir / "none/a.png"), std::string::npos);
}

TEST(Save, AFileOfTheFormatStaysAsItIs) {
  const port::TempDir dir;
  const std::string png = file_of(noise(9, 9, 3), {.text = {{"a", "1"}, {"b", "2"}}});
  ASSERT_TRUE(save_image(dir / "a.png", blob_of(png)));
  EXPECT_EQ(bytes_of(dir / "a.png"), png);
  ASSERT_TRUE(save_image(dir / "b.webp", blob_of(png)));
  EXPECT_EQ(mime_of(bytes_of(dir / "b.webp")), "image/webp");
  ASSERT_TRUE(save_image(dir / "c.png", blob_of(png), {.text = {{"b", "3"}}}));
  EXPECT_EQ(*image_text(bytes_of(dir / "c.png")), (Text{{"b", "3"}, {"a", "1"}}));
  EXPECT_TRUE(same_pixels(*decode_image(bytes_of(dir / "c.png")), noise(9, 9, 3)));
  EXPECT_FALSE(save_image(dir / "d.png", blob_of(png.substr(0, 60)), {.text = {{"b", "3"}}}));
  const auto alpha = save_image(dir / "e.jpg", blob_of(file_of(noise(9, 9, 4), ImageFormat::kPng)));
  ASSERT_FALSE(alpha);
  EXPECT_EQ(alpha.error().detail("field"), "channels");
  EXPECT_FALSE(save_image(dir / "f.png", blob_of("no picture at all")));
  EXPECT_FALSE(std::filesystem::exists(dir / "f.png"));
}

}  // namespace
}  // namespace infer::pictures
