#include "src/cloud/raw_json.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace infer::cloud {
namespace {

TEST(RawJson, MembersWithTheirBytes) {
  const std::string text =
      " {\"a\" : 1.50 , \"b\\u0063\":{ \"x\":[1, 2]}, \"s\":\"},\\\"]\" ,\"n\":null,\"a\":[ ]} ";
  const auto members = raw_members(text);
  ASSERT_EQ(members.size(), 5u);
  EXPECT_EQ(members[0].key, "a");
  EXPECT_EQ(members[0].value, "1.50");
  EXPECT_EQ(members[1].key, "bc");
  EXPECT_EQ(members[1].value, "{ \"x\":[1, 2]}");
  EXPECT_EQ(members[2].value, "\"},\\\"]\"");
  EXPECT_EQ(raw_member(text, "a"), "[ ]");  // the last one
  EXPECT_EQ(raw_member(text, "n"), "null");
  EXPECT_FALSE(raw_member(text, "z"));
}

TEST(RawJson, Elements) {
  const auto elements = raw_elements("[ 1,\"a,b\" , {\"x\":[3]},[],true ]");
  EXPECT_EQ(elements, (std::vector<std::string_view>{"1", "\"a,b\"", "{\"x\":[3]}", "[]", "true"}));
  EXPECT_TRUE(raw_elements("[]").empty());
  EXPECT_TRUE(raw_elements("{}").empty());
  EXPECT_TRUE(raw_members("[]").empty());
  EXPECT_TRUE(raw_members("{}").empty());
}

TEST(RawJson, NonsenseEndsSomewhere) {
  const std::string text = R"({"a":[1,{"b":"c\"d"}],"e":null})";
  for (std::size_t i = 0; i <= text.size(); ++i) {
    for (const char c : {'"', '\\', '{', ']', ',', ':', ' '}) {
      std::string bad = text.substr(0, i) + c + text.substr(i);
      for (const RawMember& member : raw_members(bad)) raw_elements(member.value);
      bad.resize(i);
      for (const RawMember& member : raw_members(bad)) raw_elements(member.value);
    }
  }
  SUCCEED();  // sanitizers look at what was read
}

TEST(RawJson, StringsAsAParserReadsThem) {
  std::string all;
  for (int c = 0; c < 128; ++c) all += static_cast<char>(c);
  all += "\xC3\xA9\xF0\x9F\x98\x80";
  std::string quoted;
  append_json_string(quoted, all);
  EXPECT_EQ(nlohmann::json::parse(quoted).get<std::string>(), all);
}

}  // namespace
}  // namespace infer::cloud
