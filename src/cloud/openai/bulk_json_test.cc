#include "src/cloud/openai/bulk_json.h"

#include <gtest/gtest.h>

#include <random>

#include "src/cloud/openai/lenient_json.h"
#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

using core::Json;

// Whether both hold the same, strings looked at through the bulk.
bool same(const BulkJson& bulk, const Json& a, const Json& b) {
  if (a.type() != b.type() || a.size() != b.size()) return false;
  if (a.is_string()) return bulk.string(&a) == b.get_ref<const std::string&>();
  if (a.is_array()) {
    for (std::size_t i = 0; i < a.size(); ++i)
      if (!same(bulk, a[i], b[i])) return false;
    return true;
  }
  if (!a.is_object()) return a == b;
  for (const auto& [key, value] : b.items())
    if (!a.contains(key) || !same(bulk, a[key], value)) return false;
  return true;
}

std::string random_value(std::mt19937& random, int depth) {
  const auto run = [&](std::size_t size) {
    std::string out;
    while (out.size() < size) out += "ABCxyz019+/=-_"[random() % 14];
    return out;
  };
  switch (random() % (depth > 3 ? 6 : 8)) {
    case 0: return std::to_string(random());
    case 1: return "\"" + run(random() % 10) + "\"";
    case 2: return "\"" + run(1020 + random() % 10) + "\"";
    case 3: return "\"" + run(2000) + "\\\"" + run(2000) + "\\\\\"";
    case 4: return "\" " + run(1500) + "\\u0041\"";
    case 5: return random() % 2 ? "null" : "\"\\\\\\\"\"";
    case 6: {
      std::string out = "[";
      for (std::size_t i = random() % 4; i-- > 0;) out += random_value(random, depth + 1) + ",";
      return out + "true]";
    }
    default: {
      std::string out = "{";
      for (std::size_t i = random() % 4; i-- > 0;)
        out += "\"k" + std::to_string(i) + "\" : " + random_value(random, depth + 1) + ",";
      return out + "\"z\":\"\"}";
    }
  }
}

TEST(BulkJson, ReadsWhatAParserReads) {
  std::mt19937 random(4);
  for (int round = 0; round < 500; ++round) {
    const std::string text = "{\"a\":" + random_value(random, 0) + "}";
    const auto plain = core::parse_json(text);
    const auto bulk = BulkJson::parse(text);
    ASSERT_TRUE(plain);
    ASSERT_TRUE(bulk) << bulk.error();
    EXPECT_TRUE(same(*bulk, bulk->json(), *plain)) << text;
    EXPECT_EQ(bulk->text(), text);
  }
}

TEST(BulkJson, RefusesWhatAParserRefuses) {
  std::mt19937 random(6);
  for (int round = 0; round < 300; ++round) {
    std::string text = "{\"a\":" + random_value(random, 0) + "}";
    for (int cut = 0; cut < 10; ++cut) {
      const std::string part = text.substr(0, random() % text.size());
      EXPECT_FALSE(BulkJson::parse(part)) << part;
    }
    text.insert(random() % text.size(), 1, "\"\\{}x\1"[random() % 6]);
    std::string_view same_text = text;
    std::string repaired;
    EXPECT_EQ(BulkJson::parse(text).has_value(), parse_lenient(same_text, repaired).has_value())
        << text;
  }
}

TEST(BulkJson, RunsStayWhereTheyAre) {
  const std::string run(5000, 'A');
  const std::string text = "{\"b64_json\":\"" + run + "\",\"note\":\"\\u00001\"}";
  const auto bulk = BulkJson::parse(text);
  ASSERT_TRUE(bulk);
  const std::string_view found = bulk->string(core::find(bulk->json(), "b64_json"));
  EXPECT_EQ(found, run);
  EXPECT_TRUE(found.data() > text.data() && found.data() < text.data() + text.size());
  // What only looks as if something had been taken out.
  EXPECT_EQ(bulk->string(core::find(bulk->json(), "note")), std::string_view("\0001", 2));
  EXPECT_EQ(bulk->string(nullptr), "");
  EXPECT_EQ(bulk->string(&bulk->json()), "");
}

TEST(BulkJson, RepairsAsOthersDo) {
  const std::string run(5000, 'A');
  const std::string text = "{\"b64_json\":\"" + run + "\",\"note\":\"\\ud800 \xff\"}";
  const auto bulk = BulkJson::parse(text);
  ASSERT_TRUE(bulk) << bulk.error();
  EXPECT_EQ(bulk->string(core::find(bulk->json(), "b64_json")), run);
  EXPECT_EQ(bulk->string(core::find(bulk->json(), "note")), "\xef\xbf\xbd \xef\xbf\xbd");
  EXPECT_TRUE(core::parse_json(bulk->text()));
  EXPECT_EQ(raw_member(bulk->text(), "b64_json")->size(), run.size() + 2);
}

}  // namespace
}  // namespace infer::cloud
