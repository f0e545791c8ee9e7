#include "stop_match.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

namespace infer::engine {
namespace {

struct Cut {
  std::string text, stop;
  bool stopped = false;
};

// The naive oracle: after each byte, does the text end with a stop sequence?
Cut naive(const std::string& text, const std::vector<std::string>& stops) {
  for (std::size_t end = 1; end <= text.size(); ++end) {
    const std::string* found = nullptr;
    for (const std::string& s : stops) {
      const bool ends = end >= s.size() && text.compare(end - s.size(), s.size(), s) == 0;
      if (ends && (found == nullptr || s.size() > found->size())) found = &s;
    }
    if (found != nullptr) return Cut{text.substr(0, end - found->size()), *found, true};
  }
  return Cut{text, "", false};
}

// The same through the matcher, in random pieces; checks on the way that no byte of a stop sequence
// came out.
Cut streamed(const std::string& text, const std::vector<std::string>& stops, std::mt19937& random) {
  StopMatcher matcher(stops);
  Cut cut;
  for (std::size_t at = 0; at < text.size() && !cut.stopped;) {
    const std::size_t size = 1 + random() % 4;
    cut.stopped = matcher.feed(std::string_view(text).substr(at, size), cut.text);
    at += size;
  }
  if (cut.stopped) {
    cut.stop = matcher.found();
  } else {
    matcher.finish(cut.text);
  }
  return cut;
}

TEST(StopMatch, WithoutStopsEverythingPasses) {
  StopMatcher matcher;
  std::string out;
  EXPECT_FALSE(matcher.feed("abc", out));
  EXPECT_EQ(out, "abc");
}

TEST(StopMatch, HoldsBackWhatMayGoOn) {
  StopMatcher matcher({"STOP"});
  std::string out;
  EXPECT_FALSE(matcher.feed("aST", out));
  EXPECT_EQ(out, "a");
  EXPECT_FALSE(matcher.feed("ST", out));
  EXPECT_EQ(out, "aST");
  EXPECT_TRUE(matcher.feed("OPx", out));
  EXPECT_EQ(out, "aST");
  EXPECT_EQ(matcher.found(), "STOP");
}

TEST(StopMatch, RepeatedBeginnings) {
  StopMatcher matcher({"aab"});
  std::string out;
  EXPECT_TRUE(matcher.feed("aaaab", out));
  EXPECT_EQ(out, "aa");
}

TEST(StopMatch, EqualsTheNaiveOneOverRandomSplits) {
  std::mt19937 random(11);
  for (int round = 0; round < 20000; ++round) {
    const auto word = [&](unsigned most) {
      std::string s;
      for (unsigned n = 1 + random() % most; n > 0; --n) s += static_cast<char>('a' + random() % 2);
      return s;
    };
    std::vector<std::string> stops;
    for (unsigned n = 1 + random() % 3; n > 0; --n) stops.push_back(word(6));
    const std::string text = word(16);
    const Cut expected = naive(text, stops), got = streamed(text, stops, random);
    ASSERT_EQ(got.stopped, expected.stopped) << text;
    ASSERT_EQ(got.text, expected.text) << text;
    ASSERT_EQ(got.stop, expected.stop) << text;
  }
}

}  // namespace
}  // namespace infer::engine
