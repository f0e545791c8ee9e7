#include "src/core/base64.h"

#include <gtest/gtest.h>

#include <random>

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

}  // namespace
}  // namespace infer::core
