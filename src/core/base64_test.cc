#include "src/core/base64.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace infer::core {
namespace {

TEST(Base64, TheVectorsOfRfc4648) {
  const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                         {"f", "Zg=="},
                                                         {"fo", "Zm8="},
                                                         {"foo", "Zm9v"},
                                                         {"foob", "Zm9vYg=="},
                                                         {"fooba", "Zm9vYmE="},
                                                         {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : vectors) {
    EXPECT_EQ(to_base64(plain), coded);
    EXPECT_EQ(from_base64(coded), plain);
  }
  EXPECT_EQ(to_base64("\xfb\xff"), "+/8=");
}

TEST(Base64, AllBytesComeBack) {
  std::mt19937 random(7);
  for (std::size_t size = 0; size < 200; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    EXPECT_EQ(from_base64(to_base64(bytes)), bytes);
  }
}

TEST(Base64, WhatIsNotCanonicalIsNothing) {
  for (const char* bad : {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zm9v\n",
                          "Zm 9", "Zg==Zg==", "Zm-_", "Zm9v====", "Z=g="})
    EXPECT_EQ(from_base64(bad), std::nullopt) << bad;
}

TEST(Base64, EveryTextIsRefusedOrIsTheOneWayToWriteItsBytes) {
  const std::string alphabet = "AZz9+/=g";
  for (std::size_t i = 0; i < 8 * 8 * 8 * 8; ++i) {
    std::string text;
    for (std::size_t rest = i, j = 0; j < 4; ++j, rest /= 8) text += alphabet[rest % 8];
    const auto bytes = from_base64(text);
    EXPECT_EQ(bytes ? to_base64(*bytes) : text, text);
  }
}

TEST(Base64, LongTextsOfEveryLengthAndEveryForeignByte) {
  std::string bytes(100, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 37);
  const std::string coded = to_base64(bytes);
  const std::string alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  for (std::size_t at = 0; at < coded.size(); ++at) {
    for (int c = 0; c < 256; ++c) {
      std::string changed = coded;
      changed[at] = static_cast<char>(c);
      const bool digit = c != 0 && alphabet.find(static_cast<char>(c)) != std::string::npos;
      const auto back = from_base64(changed);
      if (at + 4 < coded.size()) {
        EXPECT_EQ(back.has_value(), digit) << at << ' ' << c;
      }
      EXPECT_EQ(back ? to_base64(*back) : changed, changed);
    }
  }
}

TEST(Base64, AsSomeServersWriteIt) {
  std::mt19937 random(8);
  for (std::size_t size = 0; size < 100; ++size) {
    std::string bytes(size, '\0');
    for (char& c : bytes) c = static_cast<char>(random());
    std::string coded = to_base64(bytes);
    EXPECT_EQ(from_lenient_base64(coded), bytes);
    std::string url = coded;
    for (char& c : url) c = c == '+' ? '-' : c == '/' ? '_' : c;
    EXPECT_EQ(from_lenient_base64(url), bytes);
    std::string bare = coded.substr(0, coded.find('='));
    EXPECT_EQ(from_lenient_base64(bare), bytes);
    std::string broken;
    for (std::size_t i = 0; i < coded.size(); i += 7) broken += coded.substr(i, 7) + "\r\n";
    EXPECT_EQ(from_lenient_base64(broken), bytes);
  }
  for (const char* bad : {"Z", "Zg=", "Zm9vZ", "Zh", "Z*==", "=", "====", "Zg==Zg=="})
    EXPECT_EQ(from_lenient_base64(bad), std::nullopt) << bad;
}

TEST(Base64, Floats) {
  std::vector<float> out = {7};
  // 1.0f is 0x3f800000, -2.5f is 0xc0200000; the low byte first.
  ASSERT_TRUE(append_floats(out, to_base64(std::string("\0\0\x80\x3f\0\0\x20\xc0", 8))));
  EXPECT_EQ(out, (std::vector<float>{7, 1.0f, -2.5f}));
  EXPECT_TRUE(append_floats(out, ""));
  for (const char* bad : {"AAAA", "AAAAAAA=", "AAAAAAA", "x", "AAAAAAAAAA=="})
    EXPECT_FALSE(append_floats(out, bad)) << bad;
  EXPECT_EQ(out.size(), 3u);
}

}  // namespace
}  // namespace infer::core
