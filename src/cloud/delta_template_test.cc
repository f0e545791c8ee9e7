#include "src/cloud/delta_template.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

namespace infer::cloud {
namespace {

std::string_view within(std::string_view event, std::string_view part) {
  return event.substr(event.find(part), part.size());
}

TEST(DeltaTemplate, MatchesWhatDiffersInItsHoles) {
  const std::string first = R"({"a":"one","b":[1,"two"],"c":3})";
  DeltaTemplate shape;
  EXPECT_FALSE(shape.learned());
  // In the order of meaning, which need not be that of the text.
  ASSERT_TRUE(shape.learn(first, {within(first, "two"), within(first, "one")}));
  DeltaHoles holes;
  ASSERT_TRUE(shape.match(R"({"a":"","b":[1,"x\n\u00e9 \"y\" )"
                          "\xC3\xA9"
                          R"("],"c":3})",
                          holes));
  EXPECT_EQ(holes[0], R"(x\n\u00e9 \"y\" )"
                      "\xC3\xA9");
  EXPECT_EQ(holes[1], "");
  for (const char* other :
       {R"({"a":"one","b":[1,"two"],"c":4})", R"({"a":"one","b":[1,"two"],"c":3} )",
        R"({"a":"one","b":[1,"two"],"c":3)", R"({"a":"one","b":[1,"two)", R"({"a":"one)", "",
        R"({"a":"one","z":[1,"two"],"c":3})", R"( {"a":"one","b":[1,"two"],"c":3})",
        "{\"a\":\"o\nne\",\"b\":[1,\"two\"],\"c\":3}", R"({"a":"\q","b":[1,"two"],"c":3})",
        "{\"a\":\"\xff\",\"b\":[1,\"two\"],\"c\":3}", R"({"a":"\u12g4","b":[1,"two"],"c":3})"})
    EXPECT_FALSE(shape.match(other, holes)) << other;
  shape.forget();
  EXPECT_FALSE(shape.match(first, holes));
}

TEST(DeltaTemplate, LearnsNothingButStrings) {
  const std::string event = R"({"a":"one","b":12})", other = R"({"a":"one"})";
  DeltaTemplate shape;
  EXPECT_FALSE(shape.learn(event, {}));
  EXPECT_FALSE(shape.learn(event, {within(event, "12")}));
  EXPECT_FALSE(shape.learn(event, {within(event, "on")}));
  EXPECT_FALSE(shape.learn(event, {within(event, "one"), within(event, "one")}));
  EXPECT_FALSE(shape.learn(event, {std::string_view(other).substr(6, 3)}));
  EXPECT_FALSE(shape.learned());
}

TEST(DeltaTemplates, KeepSeveralShapesApart) {
  DeltaTemplates<int, 3> templates;
  DeltaHoles holes;
  const auto event = [](int shape, std::string_view text) {
    return "{\"i\":" + std::to_string(shape) + ",\"t\":\"" + std::string(text) + "\"}";
  };
  const auto learn = [&](int shape) {
    const std::string bytes = event(shape, "seed");
    templates.learn(bytes, {within(bytes, "seed")}, shape);
  };
  for (int shape = 0; shape < 3; ++shape) learn(shape);
  for (int round = 0; round < 5; ++round) {
    for (const int shape : {2, 0, 1, 1}) {
      const std::string bytes = event(shape, "new");
      const int* const meaning = templates.match(bytes, holes);
      ASSERT_TRUE(meaning);
      EXPECT_EQ(*meaning, shape);
      EXPECT_EQ(holes[0], "new");
    }
  }
  learn(3);  // takes the place of one
  int known = 0;
  for (int shape = 0; shape < 4; ++shape)
    known += templates.match(event(shape, "x"), holes) != nullptr;
  EXPECT_EQ(known, 3);
  EXPECT_TRUE(templates.match(event(3, "x"), holes));
  templates.clear();
  EXPECT_FALSE(templates.match(event(3, "x"), holes));
}

TEST(DeltaTemplates, LearnAgainAfterALongTimeInVain) {
  DeltaTemplates<int> templates;
  DeltaHoles holes;
  const auto feed = [&](const std::string& bytes) {
    if (templates.match(bytes, holes)) return true;
    templates.learn(bytes, {within(bytes, "text")}, 0);
    return false;
  };
  for (int i = 0; i < 1000; ++i)
    EXPECT_FALSE(feed("{\"id\":" + std::to_string(i) + ",\"t\":\"text\"}"));
  int matched = 0;
  for (int i = 0; i < 1000; ++i) matched += feed("{\"id\":0,\"t\":\"text\"}");
  EXPECT_GT(matched, 900);
}

// The inside of a string is what a JSON library takes it for, whatever it is.
TEST(JsonString, AsAParserReadsIt) {
  std::mt19937 random(7);
  const std::vector<std::string> pieces = {"a",
                                           "hello world, 16 bytes",
                                           "\\n",
                                           "\\\"",
                                           "\\\\",
                                           "\\u00e9",
                                           "\\ud83d\\ude00",
                                           "\xC3\xA9",
                                           "\xE6\x97\xA5\xE6\x9C\xAC",
                                           "\xF0\x9F\x98\x80",
                                           "\\/",
                                           "\x7f",
                                           "\\b\\f\\r\\t",
                                           " "};
  const std::vector<std::string> wrong = {"\\q", "\x01", "\xff", "\\u12", "\xe6\x97", "\\", "\n"};
  for (int round = 0; round < 20000; ++round) {
    std::string inside;
    for (std::size_t n = random() % 8; n > 0; --n) inside += pieces[random() % pieces.size()];
    if (round % 3 == 0)
      inside.insert(random() % (inside.size() + 1), wrong[random() % wrong.size()]);
    const std::string quoted = "\"" + inside + "\"";
    const auto parsed = nlohmann::json::parse(quoted, nullptr, false);
    const std::size_t length = json_string_length(std::string_view(quoted).substr(1));
    const bool whole = length == inside.size();
    // Half of a pair of surrogates is text here, and none for the library.
    if (whole && parsed.is_discarded() && inside.find("\\ud") != std::string::npos) continue;
    ASSERT_EQ(whole, !parsed.is_discarded()) << quoted;
    if (!whole) continue;
    std::string text;
    append_unescaped(text, inside);
    ASSERT_EQ(text, parsed.get<std::string>()) << quoted;
  }
}

TEST(JsonString, SurrogatesWithoutAPartner) {
  const auto text = [](std::string_view inside) {
    std::string out;
    append_unescaped(out, inside);
    return out;
  };
  const std::string r = "\xEF\xBF\xBD";
  EXPECT_EQ(text(R"(\ud83d)"), r);
  EXPECT_EQ(text(R"(\ude00)"), r);
  EXPECT_EQ(text(R"(\ud83dx\ude00)"), r + "x" + r);
  EXPECT_EQ(text(R"(\ud83d\ud83d\ude00)"), r + "\U0001F600");
  EXPECT_EQ(text(R"(\ud83d\n)"), r + "\n");
  EXPECT_EQ(text(R"(\uD83D\uDE00)"), "\U0001F600");
}

TEST(JsonString, IsClosedInTime) {
  EXPECT_EQ(json_string_length("abc"), std::string_view::npos);
  EXPECT_EQ(json_string_length(""), std::string_view::npos);
  EXPECT_EQ(json_string_length("abc\\"), std::string_view::npos);
  EXPECT_EQ(json_string_length("abc\\\""), std::string_view::npos);
  EXPECT_EQ(json_string_length("abc\"def\""), 3u);
  for (std::size_t n = 0; n < 70; ++n)
    EXPECT_EQ(json_string_length(std::string(n, 'x') + "\"" + std::string(20, 'y')), n);
}

}  // namespace
}  // namespace infer::cloud
