#include <gtest/gtest.h>

#include <initializer_list>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "infer/structured.h"
#include "src/core/json.h"
#include "src/port/effort.h"

namespace infer {
namespace {

using core::Json;

// Random JSON text, with white space and escapes where they may be.
class RandomText {
 public:
  explicit RandomText(unsigned seed) : random_(seed) {}

  std::string value(int depth = 0) {
    switch (below(depth > 4 ? 4 : 7)) {
      case 0: return pick({"true", "false", "null"});
      case 1: return number();
      case 2:
      case 3: return string();
      case 4: return list('[', ']', [&] { return value(depth + 1); });
      default:
        return list('{', '}',
                    [&] { return string() + space() + ":" + space() + value(depth + 1); });
    }
  }
  std::string space() { return pick({"", "", "", " ", "\n", "\t ", "\r\n"}); }
  std::size_t below(std::size_t n) { return random_() % n; }

 private:
  std::string pick(std::initializer_list<const char*> from) {
    return from.begin()[below(from.size())];
  }
  std::string number() {
    return pick(
        {"0", "-0", "12", "-7", "1.5", "0.25", "1e9", "2E-3", "-1.0e+2", "9007199254740993"});
  }
  std::string string() {
    std::string out = "\"";
    for (std::size_t n = below(6); n > 0; --n)
      out +=
          pick({"a", "{", "]", ",", "\\\"", "\\\\", "\\/", "\\n", "\\u00e9", "\\u0000",
                "\\ud83d\\ude00", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf"});
    return out + '"';
  }
  template <class Element>
  std::string list(char open, char close, Element element) {
    std::string out(1, open);
    for (std::size_t n = below(4), i = 0; i < n; ++i)
      out += (i > 0 ? "," : "") + space() + element() + space();
    if (out.size() == 1) out += space();
    return out + close;
  }

  std::minstd_rand random_;
};

// Only what is last may be unfinished; members in the order of the text.
using Ordered = nlohmann::ordered_json;
bool ordered_begins(const Ordered& part, const Ordered& whole) {
  if (part.type() != whole.type()) return false;
  if (part.is_string()) {
    const auto& a = part.get_ref<const std::string&>();
    return whole.get_ref<const std::string&>().compare(0, a.size(), a) == 0;
  }
  if (!part.is_structured()) return part == whole;
  if (part.size() > whole.size()) return false;
  auto of_part = part.items().begin();
  auto of_whole = whole.items().begin();
  for (std::size_t i = 0; i < part.size(); ++i, ++of_part, ++of_whole) {
    if (part.is_object() && of_part.key() != of_whole.key()) return false;
    const bool last = i + 1 == part.size();
    if (last ? !ordered_begins(of_part.value(), of_whole.value())
             : of_part.value() != of_whole.value())
      return false;
  }
  return true;
}

bool has_twice(const std::string& text) {  // a name that comes again in its object
  std::vector<std::set<std::string>> open;
  bool twice = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event == Json::parse_event_t::key)
      twice = twice || !open.back().insert(parsed.get<std::string>()).second;
    return true;
  };
  const Json ignored = Json::parse(text, watch, false);
  return twice;
}

TEST(PartialJson, EveryPrefixIsTheBeginningOfTheWhole) {
  std::size_t looked_at = 0;
  for (unsigned seed = 0; seed < 3000; ++seed) {
    RandomText random(seed);
    const std::string text = random.space() + random.value() + random.space() + " ";
    if (has_twice(text)) continue;
    const Ordered whole = Ordered::parse(text);
    const std::size_t end = text.find_last_not_of(" \t\r\n") + 1;
    const bool alone = whole.is_number();
    PartialJson json;
    bool begun = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
      ASSERT_TRUE(json.add(text.substr(i, 1))) << text << " at " << i;
      const std::string so_far = json.text();
      ASSERT_TRUE(core::parse_json(so_far)) << so_far << " of " << text.substr(0, i + 1);
      const Ordered part = Ordered::parse(so_far);
      if (!begun && part.is_null() && !whole.is_null()) continue;
      begun = true;
      ASSERT_EQ(json.complete(), i + 1 >= end + (alone ? 1 : 0)) << text << " at " << i;
      if (alone) continue;
      ASSERT_TRUE(ordered_begins(part, whole)) << so_far << " of " << text;
      ++looked_at;
    }
    ASSERT_EQ(Ordered::parse(json.text()), whole);
    ASSERT_EQ(json.text(), text);
  }
  EXPECT_GT(looked_at, 20000u);
}

TEST(PartialJson, PiecesMayEndAnywhere) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    RandomText random(seed);
    const std::string text = random.value();
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      PartialJson in_two, in_one;
      EXPECT_TRUE(in_two.add(text.substr(0, cut)));
      EXPECT_TRUE(in_one.add(text.substr(0, cut)));
      for (std::size_t i = cut; i < text.size(); i += 2) in_one.add(text.substr(i, 2));
      in_two.add(text.substr(cut));
      ASSERT_EQ(in_one.text(), in_two.text());
      ASSERT_EQ(in_two.text(), text);
    }
  }
}

std::string text_of(std::string_view json) {
  PartialJson partial;
  EXPECT_TRUE(partial.add(json)) << json;
  return partial.text();
}

TEST(PartialJson, LeavesOutWhatMayBeCut) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "null"},
      {"  ", "null"},
      {"tru", "null"},
      {"{", "{}"},
      {"{\"a", "{}"},
      {"{\"a\"", "{}"},
      {"{\"a\":", "{}"},
      {"{\"a\": nul", "{}"},
      {"{\"a\":12", "{}"},
      {"{\"a\":12 ", "{\"a\":12}"},
      {"{\"a\":12,", "{\"a\":12}"},
      {"{\"a\":\"", "{\"a\":\"\"}"},
      {"{\"a\":\"x\\", "{\"a\":\"x\"}"},
      {"{\"a\":\"x\\u00", "{\"a\":\"x\"}"},
      {"{\"a\":\"x\\ud83d", "{\"a\":\"x\"}"},
      {"{\"a\":\"x\\ud83d\\ude0", "{\"a\":\"x\"}"},
      {"{\"a\":\"x\xe2\x82", "{\"a\":\"x\"}"},
      {"{\"a\":\"x\", \"b", "{\"a\":\"x\"}"},
      {"[1,[2,{\"a\":[", "[1,[2,{\"a\":[]}]]"},
      {"[1,", "[1]"},
      {"4", "4"},
      {"42", "42"},
      {"-", "null"},
      {"1.", "1"},
      {"1e", "1"},
  };
  for (const auto& [came, shown] : kCases) EXPECT_EQ(text_of(came), shown) << came;
}

TEST(PartialJson, WhatIsNoJsonIsFoundAtOnce) {
  const char* const kBad[] = {"x",          "{x",           "{1",
                              "[1 2",       "[,",           "{\"a\" 1",
                              "{\"a\":}",   "[1,]",         "{\"a\":1,}",
                              "01",         "1.x",          "-x",
                              "1ex",        "truE",         "\"\n",
                              "\"\\x",      "\"\\u00g",     "\"\\ude00",
                              "\"\\ud83dx", "\"\\ud83d\\n", "\"\\ud83d\\u0041",
                              "\"\xff",     "\"\xc0",       "\"\xed\xa0",
                              "\"\xf5",     "\"\xe2x",      "[}",
                              "{]",         "[1]]",         "{} {",
                              "1 2",        "\"a\" \"",     "\"\x01"};
  for (const char* bad : kBad) {
    PartialJson json;
    const std::string_view text = bad;
    EXPECT_TRUE(json.add(text.substr(0, text.size() - 1))) << bad;
    EXPECT_FALSE(json.add(text.substr(text.size() - 1))) << bad;
    EXPECT_FALSE(json.valid()) << bad;
    EXPECT_FALSE(json.complete()) << bad;
    const std::string before = json.text();
    EXPECT_TRUE(core::parse_json(before)) << bad;
    EXPECT_FALSE(json.add("]}\"")) << bad;
    EXPECT_EQ(json.text(), before) << bad;
  }
}

TEST(PartialJson, TakesWhatTheParserTakes) {
  // Random bytes of an alphabet in which JSON is likely.
  const std::string_view kAlphabet = "[]{}:,\"\\ue0184.-tn \xc3\xa9";
  std::minstd_rand random(11);
  std::size_t fine = 0;
  for (int i = 0; i < port::effort(200000); ++i) {
    std::string text;
    for (std::size_t n = 1 + random() % 5; n > 0; --n)
      text += kAlphabet[random() % kAlphabet.size()];
    PartialJson json;
    json.add(text);
    const bool whole = core::parse_json(text).has_value();
    fine += whole ? 1 : 0;
    json.add(" ");
    ASSERT_EQ(json.complete(), whole) << text;
    ASSERT_TRUE(core::parse_json(json.text())) << text;
  }
  EXPECT_GT(fine, port::effort(1000u));
}

TEST(PartialJson, DepthIsBounded) {
  PartialJson json;
  EXPECT_TRUE(json.add(std::string(core::kMaxJsonDepth, '[')));
  EXPECT_TRUE(core::parse_json(json.text()));
  EXPECT_FALSE(json.add("["));
}

}  // namespace
}  // namespace infer
