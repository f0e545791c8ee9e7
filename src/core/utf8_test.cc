#include "src/core/utf8.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>

namespace infer::core {
namespace {

// An independent oracle, from table 3-7 of the Unicode standard: rows of byte ranges.
std::size_t oracle(std::string_view text) {
  struct Row {
    std::uint8_t range[4][2];
    std::size_t length;
  };
  static constexpr Row kRows[] = {
      {{{0x00, 0x7F}, {}, {}, {}}, 1},
      {{{0xC2, 0xDF}, {0x80, 0xBF}, {}, {}}, 2},
      {{{0xE0, 0xE0}, {0xA0, 0xBF}, {0x80, 0xBF}, {}}, 3},
      {{{0xE1, 0xEC}, {0x80, 0xBF}, {0x80, 0xBF}, {}}, 3},
      {{{0xED, 0xED}, {0x80, 0x9F}, {0x80, 0xBF}, {}}, 3},
      {{{0xEE, 0xEF}, {0x80, 0xBF}, {0x80, 0xBF}, {}}, 3},
      {{{0xF0, 0xF0}, {0x90, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}}, 4},
      {{{0xF1, 0xF3}, {0x80, 0xBF}, {0x80, 0xBF}, {0x80, 0xBF}}, 4},
      {{{0xF4, 0xF4}, {0x80, 0x8F}, {0x80, 0xBF}, {0x80, 0xBF}}, 4},
  };
  for (std::size_t i = 0; i < text.size();) {
    std::size_t matched = 0;
    for (const Row& row : kRows) {
      if (text.size() - i < row.length) continue;
      bool all = true;
      for (std::size_t k = 0; k < row.length && all; ++k) {
        const auto byte = static_cast<std::uint8_t>(text[i + k]);
        all = byte >= row.range[k][0] && byte <= row.range[k][1];
      }
      if (all) matched = row.length;
    }
    if (matched == 0) return i;
    i += matched;
  }
  return kValidUtf8;
}

TEST(Utf8, AgreesOnEveryStringOfUpToThreeBytes) {
  char text[3];
  EXPECT_EQ(utf8_error(""), kValidUtf8);
  int wrong = 0;
  for (int a = 0; a < 256; ++a) {
    text[0] = static_cast<char>(a);
    wrong += utf8_error({text, 1}) != oracle({text, 1});
    for (int b = 0; b < 256; ++b) {
      text[1] = static_cast<char>(b);
      wrong += utf8_error({text, 2}) != oracle({text, 2});
      if (a < 0xC0 && a != 0x41) continue;  // one ASCII lead stands for all
      for (int c = 0; c < 256; ++c) {
        text[2] = static_cast<char>(c);
        wrong += utf8_error({text, 3}) != oracle({text, 3});
      }
    }
  }
  EXPECT_EQ(wrong, 0);
}

TEST(Utf8, AgreesOnRandomLongerStrings) {
  std::mt19937 random(2);
  int wrong = 0;
  for (int i = 0; i < 300000; ++i) {
    char text[4];
    text[0] = static_cast<char>(0xE0 + random() % 0x18);
    for (int k = 1; k < 4; ++k)
      text[k] = static_cast<char>(random() % 4 == 0 ? random() : 0x80 + random() % 0x40);
    wrong += utf8_error({text, 4}) != oracle({text, 4});
  }
  EXPECT_EQ(wrong, 0);
  // Mostly ASCII with something in it at every place: the eight-byte steps.
  const std::string pieces[] = {"\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                "\x80",     "\xF0\x9F",     "\xED\xA0\x80"};
  for (std::size_t size = 0; size < 40; ++size)
    for (std::size_t at = 0; at <= size; ++at)
      for (const std::string& piece : pieces) {
        std::string text(size, 'a');
        text.insert(at, piece);
        ASSERT_EQ(utf8_error(text), oracle(text));
        text.resize(std::max<std::size_t>(text.size(), 1) - 1);  // and cut
        ASSERT_EQ(utf8_error(text), oracle(text));
      }
}

TEST(Utf8, RepairsByteByByte) {
  EXPECT_EQ(utf8_repaired("plain"), "plain");
  EXPECT_EQ(utf8_repaired("a\xFF"
                          "b\xC3"),
            "a\xEF\xBF\xBD"
            "b\xEF\xBF\xBD");
  std::mt19937 random(4);
  for (int i = 0; i < 20000; ++i) {
    std::string text(random() % 20, '\0');
    for (char& c : text) c = static_cast<char>(random() % 3 == 0 ? random() : 'a');
    const std::string repaired = utf8_repaired(text);
    ASSERT_EQ(utf8_error(repaired), kValidUtf8);
    ASSERT_TRUE(utf8_error(text) != kValidUtf8 || repaired == text);
  }
}

}  // namespace
}  // namespace infer::core
