#include "apps/infer/json_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "src/core/json.h"

namespace infer::cli {
namespace {

std::string as_json(std::string_view text) {
  std::string out;
  append_string(out, text);
  return out;
}

// A code point as UTF-8; surrogates are left to the caller.
void append_utf8(std::string& out, std::uint32_t c) {
  const auto put = [&](std::uint32_t byte) { out += static_cast<char>(byte); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | c >> 6);
    put(0x80 | (c & 63));
  } else if (c < 0x10000) {
    put(0xE0 | c >> 12);
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  } else {
    put(0xF0 | c >> 18);
    put(0x80 | (c >> 12 & 63));
    put(0x80 | (c >> 6 & 63));
    put(0x80 | (c & 63));
  }
}

TEST(AppendString, WritesEveryCharacterAsTheOtherWriterDoes) {
  for (std::uint32_t c = 0; c <= 0x10FFFF; ++c) {
    if (c >= 0xD800 && c <= 0xDFFF) continue;
    std::string text;
    append_utf8(text, c);
    ASSERT_EQ(as_json(text), core::dump_json(core::Json(text))) << "U+" << std::hex << c;
  }
}

TEST(AppendString, WritesRandomTextAsTheOtherWriterDoes) {
  std::mt19937 random(7);  // NOLINT: the same texts in every run
  const std::uint32_t limits[] = {0x20, 0x80, 0x800, 0xD800, 0x110000};
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::uint32_t left = random() % 24; left > 0; --left) {
      std::uint32_t c = random() % limits[random() % 5];
      if (c >= 0xD800 && c <= 0xDFFF) c = '"';
      append_utf8(text, c);
    }
    ASSERT_EQ(as_json(text), core::dump_json(core::Json(text)));
  }
}

TEST(AppendString, MakesValidJsonOfAnyBytes) {
  std::mt19937 random(11);  // NOLINT: the same texts in every run
  for (int round = 0; round < 20000; ++round) {
    std::string text;
    for (std::uint32_t left = random() % 24; left > 0; --left)
      text += static_cast<char>(random() % 4 == 0 ? random() % 128 : 128 + random() % 128);
    const auto parsed = core::parse_json(as_json(text));
    ASSERT_TRUE(parsed) << as_json(text);
    ASSERT_TRUE(parsed->is_string());
  }
}

TEST(AppendString, ReplacesWhatIsNotUtf8) {
  EXPECT_EQ(as_json("a\xff\x62"), "\"a\xEF\xBF\xBD\x62\"");
  EXPECT_EQ(as_json("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(as_json("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"") << "a surrogate";
}

TEST(AppendNumber, IsShortAndExact) {
  std::string out;
  append_number(out, std::numeric_limits<std::int64_t>::min());
  out += ' ';
  append_number(out, 0.1);
  out += ' ';
  append_number(out, 0.1f);
  out += ' ';
  append_number(out, std::numeric_limits<double>::infinity());
  EXPECT_EQ(out, "-9223372036854775808 0.1 0.1 null");
}

TEST(AppendBase64, PadsAsItMust) {
  const auto base64 = [](std::string_view bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
  };
  EXPECT_EQ(base64(""), "\"\"");
  EXPECT_EQ(base64("f"), "\"Zg==\"");
  EXPECT_EQ(base64("fo"), "\"Zm8=\"");
  EXPECT_EQ(base64("foo"), "\"Zm9v\"");
  EXPECT_EQ(base64("\xff\xfe\xfd\xfc"), "\"//79/A==\"");
}

}  // namespace
}  // namespace infer::cli
