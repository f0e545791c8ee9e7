// Two readers of JSON that share no line - the suite's and the echo plugin's - must agree.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "examples/echo-plugin/json_scan.h"
#include "src/conformance/text.h"

namespace infer {
namespace {

bool scan(const std::string& text) {
  // A copy of exactly this size: reading beyond it is seen by the sanitizers.
  const std::vector<char> exact(text.begin(), text.end());
  json_view value;
  return json_check(exact.data(), exact.size(), &value) != 0;
}

// The decoded text of a JSON string that is JSON.
std::string decoded(const std::string& quoted) {
  json_view value;
  if (!json_check(quoted.data(), quoted.size(), &value)) return "not JSON";
  std::string out(quoted.size(), '\0');
  out.resize(json_text(value, out.data()));
  return out;
}

TEST(Json, BothReadersKnowWhatItIs) {
  for (const char* good :
       {"null", "true", "false", " [ ] ", "{}", "0", "-0", "12.5e-3", "1E+9", "\"\"",
        "\"\\u00e9\\n\\\\\"", "[1,[2,{\"a\":[]}],\"}\"]", "{\"a\":1,\"b\":{\"c\":null}}\n"}) {
    EXPECT_TRUE(is_json(good)) << good;
    EXPECT_TRUE(scan(good)) << good;
  }
  for (const char* bad : {"",     " ",   "nul",   "truee",   "01",       "1.",        ".5",
                          "1e",   "-",   "+1",    "\"",      "\"\\x\"",  "\"\\u12\"", "\"\t\"",
                          "[1,]", "[,]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}",     "{\"a\":1,}",
                          "[",    "]",   "{]",    "[}",      "1 2",      "\"a\"b"}) {
    EXPECT_FALSE(is_json(bad)) << bad;
    EXPECT_FALSE(scan(bad)) << bad;
  }
  for (const int depth : {1, 127, 128, 129, 100000}) {
    const auto n = static_cast<std::size_t>(depth);
    const std::string deep = std::string(n, '[') + std::string(n, ']');
    EXPECT_EQ(is_json(deep), depth <= 128) << depth;
    EXPECT_EQ(scan(deep), depth <= 128) << depth;
  }
}

TEST(Json, BothReadersAgreeOnDamagedText) {
  const std::string whole =
      R"({"max_tokens":16,"messages":[{"parts":[{"text":"a \"b\" \u00e9\\","type":"text"}],)"
      R"("role":"user"}],"n":1.5e2,"x":[true,false,null,[],{}],"task":"text"})";
  std::mt19937 random(20240607);
  const std::string pieces = "{}[]\",:\\u0159eE+-. tfn\n";
  int good = 0;
  for (int round = 0; round < 200000; ++round) {
    std::string text = whole;
    for (int edits = 1 + static_cast<int>(random() % 3); edits > 0; --edits) {
      const std::size_t at = random() % text.size();
      const char piece = pieces[random() % pieces.size()];
      if (random() % 3 == 0)
        text.erase(at, 1 + random() % 3);
      else if (random() % 2 == 0)
        text.insert(at, 1, piece);
      else
        text[at] = piece;
    }
    ASSERT_EQ(is_json(text), scan(text)) << text;
    good += is_json(text);
  }
  EXPECT_GT(good, 1000);  // enough of both kinds to mean something
}

TEST(Json, TheScannerDecodesEscapes) {
  EXPECT_EQ(decoded(R"("a\"\\\/\b\f\n\r\t")"), "a\"\\/\b\f\n\r\t");
  EXPECT_EQ(decoded(R"("\u0041\u00e9\u20AC")"), "A\xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(decoded(R"("\ud83e\udd8a")"), "\xf0\x9f\xa6\x8a");
  EXPECT_EQ(decoded(R"("\u0000")"), std::string(1, '\0'));
  for (const char* lone : {R"("\ud83e")", R"("\ud83ex")", R"("\udd8a")", R"("\ud83e\u0041")"})
    EXPECT_EQ(decoded(lone), "not JSON") << lone;
}

TEST(Json, TheScannerWalks) {
  const std::string text =
      R"( { "a" : [ 1 , -22 ] , "b\u0063" : "x" , "d" : 99999999999999999999 } )";
  json_view root, key, value, element;
  ASSERT_TRUE(json_check(text.data(), text.size(), &root));
  const char* at = nullptr;
  ASSERT_TRUE(json_member(root, &at, &key, &value));
  EXPECT_TRUE(json_equals(key, "a"));
  const char* in = nullptr;
  std::int64_t number = 0, sum = 0;
  while (json_element(value, &in, &element)) {
    ASSERT_TRUE(json_whole(element, &number));
    sum += number;
  }
  EXPECT_EQ(sum, -21);
  ASSERT_TRUE(json_member(root, &at, &key, &value));
  EXPECT_TRUE(json_equals(key, "bc"));
  EXPECT_FALSE(json_equals(key, "b"));
  EXPECT_FALSE(json_equals(key, "bcd"));
  ASSERT_TRUE(json_member(root, &at, &key, &value));
  EXPECT_FALSE(json_whole(value, &number));  // too large
  EXPECT_FALSE(json_member(root, &at, &key, &value));
}

TEST(Json, MembersAreTheirTexts) {
  std::vector<std::pair<std::string_view, std::string_view>> members;
  ASSERT_TRUE(json_members(R"( {"name" : "x", "tasks":[1, 2]} )", members));
  ASSERT_EQ(members.size(), 2u);
  EXPECT_EQ(members[0].first, "name");
  EXPECT_EQ(members[0].second, "\"x\"");
  EXPECT_EQ(members[1].second, "[1, 2]");
  EXPECT_FALSE(json_members("[1]", members));
  EXPECT_FALSE(json_members("{\"a\":", members));
  EXPECT_EQ(decoded(json_quoted("a\"\\\n\x01 \xc3\xa9")), "a\"\\\n\x01 \xc3\xa9");
}

TEST(Utf8, KnowsWholeCharacters) {
  for (const char* good :
       {"", "abc", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\xa6\x8a", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xf4\x8f\xbf\xbf", "\xe0\xa0\x80", "\xf0\x90\x80\x80"})
    EXPECT_TRUE(is_utf8(good)) << printable(good);
  for (const char* bad : {"\x80", "\xc3", "\xc3(", "\xc0\xaf", "\xc1\xbf", "\xe2\x82",
                          "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x9f\xa6", "\xf0\x8f\xbf\xbf",
                          "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "ab\xe2"})
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
}

TEST(Printable, IsOneLineOfAscii) {
  EXPECT_EQ(printable("a\n\xc3\xa9"), "\"a\\x0a\\xc3\\xa9\"");
  EXPECT_EQ(printable(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
}

}  // namespace
}  // namespace infer
