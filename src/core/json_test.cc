#include "src/core/json.h"

#include <gtest/gtest.h>

#include <random>

namespace infer::core {
namespace {

std::string offset_of(std::string_view text) {
  auto parsed = parse_json(text);
  if (parsed) return "valid";
  EXPECT_EQ(parsed.error().code(), Errc::kProtocol);
  return std::string(parsed.error().detail("offset"));
}

TEST(Json, DepthIsLimitedToTheLetter) {
  const auto nested = [](std::size_t n, char open, char close) {
    std::string text;
    for (std::size_t i = 0; i < n; ++i)
      text += open == '{' && i > 0 ? "\"k\":{" : std::string(1, open);
    return text + std::string(n, close);
  };
  for (const auto& [open, close] : {std::pair('[', ']'), std::pair('{', '}')}) {
    EXPECT_TRUE(parse_json(nested(128, open, close)));
    auto deep = parse_json(nested(129, open, close));
    ASSERT_FALSE(deep);
    EXPECT_NE(deep.error().message().find("128"), std::string::npos);
  }
  EXPECT_EQ(offset_of(nested(129, '[', ']')), "128");
  EXPECT_TRUE(parse_json(nested(3, '[', ']'), 3));
  EXPECT_FALSE(parse_json(nested(4, '[', ']'), 3));
  // Siblings are not depth, and brackets in strings are not brackets.
  std::string wide = "[";
  for (int i = 0; i < 1000; ++i) wide += "[[]],";
  EXPECT_TRUE(parse_json(wide + "0]"));
  EXPECT_TRUE(parse_json("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '{') + "\""));
  EXPECT_EQ(offset_of("\"\\\\\"" + std::string(200, '[')), "132");
}

TEST(Json, MillionsOfBracketsAreSafe) {
  EXPECT_EQ(offset_of(std::string(2000000, '[')), "128");
  EXPECT_NE(offset_of(std::string(2000000, ']')), "valid");
  EXPECT_NE(offset_of("[" + std::string(2000000, ']')), "valid");
  std::string mixed;
  for (int i = 0; i < 500000; ++i) mixed += "{\"a\":[";
  EXPECT_NE(offset_of(mixed), "valid");
  // More closed than opened, then deep: the parser must not get there either.
  EXPECT_NE(offset_of(std::string(1000000, ']') + std::string(1000000, '[')), "valid");
}

TEST(Json, SaysWhere) {
  EXPECT_EQ(offset_of("x"), "0");
  EXPECT_EQ(offset_of("[1,]"), "3");
  EXPECT_EQ(offset_of("{\"a\":1,\"b\" 2}"), "11");
  EXPECT_EQ(offset_of("[1,2"), "4");  // the end of the text
  EXPECT_EQ(offset_of(""), "0");
  EXPECT_EQ(offset_of("1 2"), "2");
  EXPECT_EQ(offset_of("[\"\xff\"]"), "2");
}

TEST(Json, RefusesWhatIsNotJson) {
  using namespace std::string_view_literals;
  for (std::string_view text :
       {"nul"sv, "{'a':1}"sv, "[1,2"sv, "NaN"sv, "Infinity"sv, "1e999"sv, "\"\xC0\x80\""sv,
        "\"\xED\xA0\x80\""sv, "{\"a\"}"sv, "// c\n1"sv, "\"a\nb\""sv, "01"sv, "1\0"sv,
        "1\0 and more"sv, "\0"sv, "[1]\0["sv, "\"\\ud800\""sv})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_TRUE(parse_json(" [ 1 , -2.5e3 , \"\\u00e9\\ud83d\\ude00\" , null ] "));
}

TEST(Json, WritesCanonically) {
  auto parsed = parse_json("{ \"b\" : 1.0, \"a\" : [ true , \"\\u00e9\" ] }");
  ASSERT_TRUE(parsed);
  EXPECT_EQ(dump_json(*parsed), "{\"a\":[true,\"\xC3\xA9\"],\"b\":1.0}");
  EXPECT_EQ(dump_json(Json("\xff")), "\"\xEF\xBF\xBD\"");
}

TEST(Json, FindsMembersOfTheRightType) {
  auto j = parse_json(
      "{\"s\":\"x\",\"i\":5,\"big\":18446744073709551615,\"d\":1.5,"
      "\"neg\":-9223372036854775808,\"n\":null}");
  ASSERT_TRUE(j);
  EXPECT_EQ(string_or(*j, "s"), "x");
  EXPECT_EQ(string_or(*j, "i", "other"), "other");
  EXPECT_EQ(string_or(Json(5), "i", "other"), "other");
  EXPECT_EQ(int_at(*j, "i"), 5);
  EXPECT_EQ(int_at(*j, "neg"), INT64_MIN);
  EXPECT_FALSE(int_at(*j, "big").has_value());
  EXPECT_FALSE(int_at(*j, "d").has_value());
  EXPECT_FALSE(int_at(*j, "s").has_value());
  EXPECT_NE(find(*j, "n"), nullptr);
  EXPECT_EQ(find(*j, "none"), nullptr);
  EXPECT_EQ(find(Json::array(), "s"), nullptr);
}

TEST(Json, RandomDamageNeverCrashes) {
  const std::string good =
      "{\"a\":[1,2.5,-3e10,true,false,null,\"text \\u00e9 \xC3\xA9\"],\"b\":{\"c\":{\"d\":[[]]}}}";
  std::mt19937 random(1);
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (unsigned n = random() % 4 + 1; n > 0; --n) {
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0: text[at] = static_cast<char>(random()); break;
        case 1: text.erase(at, random() % 5); break;
        default: text.insert(at, 1, "[]{}\",:\\\0 1-e."[random() % 15]); break;
      }
      if (text.empty()) text = "x";
    }
    if (auto parsed = parse_json(text)) {
      EXPECT_TRUE(parse_json(dump_json(*parsed)));
    }
  }
}

}  // namespace
}  // namespace infer::core
