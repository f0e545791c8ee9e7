#include "utf8.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace infer::engine {
namespace {

const char kBad[] = "\xEF\xBF\xBD";

std::string whole(const std::string& bytes) {
  Utf8Stream stream;
  std::string out;
  stream.feed(bytes, out);
  stream.finish(out);
  return out;
}

TEST(Utf8, ValidTextPasses) {
  const std::string text =
      "a\xC2\xA2\xE2\x82\xAC\xF0\x9F\x90\xB8 \xED\x9F\xBF\xEE\x80\x80\xF4\x8F\xBF\xBF";
  EXPECT_EQ(whole(text), text);
}

TEST(Utf8, AnIncompleteCharacterWaits) {
  Utf8Stream stream;
  std::string out;
  stream.feed("x\xF0\x9F", out);
  EXPECT_EQ(out, "x");
  EXPECT_TRUE(stream.holds_back());
  stream.feed("\x90", out);
  EXPECT_EQ(out, "x");
  stream.feed("\xB8", out);
  EXPECT_EQ(out, "x\xF0\x9F\x90\xB8");
  EXPECT_FALSE(stream.holds_back());
}

TEST(Utf8, InvalidBytesAreReplaced) {
  const std::string bad = kBad;
  EXPECT_EQ(whole("\x80"), bad);
  EXPECT_EQ(whole("\xFF\xFE"), bad + bad);
  EXPECT_EQ(whole("\xC0\xAF"), bad + bad);            // an overlong slash
  EXPECT_EQ(whole("\xE0\x80\x80"), bad + bad + bad);  // overlong
  EXPECT_EQ(whole("\xED\xA0\x80"), bad + bad + bad);  // a surrogate
  EXPECT_EQ(whole("\xF4\x90\x80\x80"), bad + bad + bad + bad);
  EXPECT_EQ(whole("\xE2\x82"), bad);  // the end comes too early
  EXPECT_EQ(whole("\xE2\x82"
                  "a"),
            bad + "a");
  EXPECT_EQ(whole("\xF0\x9F\x90\xC2\xA2"), bad + "\xC2\xA2");
}

TEST(Utf8, SplitsDoNotMatter) {
  std::mt19937 random(3);
  const std::string pieces[] = {"a",    "\xC2\xA2", "\xE2\x82\xAC", "\xF0\x9F\x90\xB8", "\x80",
                                "\xFF", "\xE2\x82", "\xF0\x9F",     "\xED\xA0\x80"};
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (unsigned n = random() % 8; n > 0; --n) text += pieces[random() % std::size(pieces)];
    Utf8Stream stream;
    std::string out;
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t size = 1 + random() % 3;
      stream.feed(std::string_view(text).substr(at, size), out);
      at += size;
    }
    stream.finish(out);
    EXPECT_EQ(out, whole(text));
    EXPECT_EQ(whole(out), out);  // what comes out is valid
  }
}

}  // namespace
}  // namespace infer::engine
