#include "apps/infer/line_input.h"

#include <gtest/gtest.h>

#include <vector>

namespace infer::cli {
namespace {

// The message that the lines give; "(open)" if it is not whole after them, or was before.
std::string message(const std::vector<std::string_view>& lines) {
  MessageLines message;
  for (std::size_t i = 0; i < lines.size(); ++i)
    if (message.add(lines[i]) != (i + 1 == lines.size())) return "(open)";
  return message.take();
}

TEST(MessageLines, ALineIsAMessage) {
  EXPECT_EQ(message({"hello"}), "hello");
  EXPECT_EQ(message({""}), "");
  EXPECT_EQ(message({"say \"\"\" twice"}), "say \"\"\" twice");
}

TEST(MessageLines, ABackslashGoesOn) {
  EXPECT_EQ(message({"one\\", "two\\", "three"}), "one\ntwo\nthree");
  EXPECT_EQ(message({"one\\", ""}), "one\n");
  EXPECT_EQ(message({"two of them \\\\"}), "two of them \\\\");
}

TEST(MessageLines, ABlockIsTakenAsItIs) {
  EXPECT_EQ(message({"\"\"\"", "one\\", "", " two", "\"\"\""}), "one\\\n\n two");
  EXPECT_EQ(message({"\"\"\"one", "two\"\"\""}), "one\ntwo");
  EXPECT_EQ(message({"\"\"\"one\"\"\""}), "one");
  EXPECT_EQ(message({"\"\"\"", "\"\"\""}), "");
}

TEST(MessageLines, WhatIsThereCanBeTakenAtAnyTime) {
  MessageLines lines;
  EXPECT_FALSE(lines.open());
  lines.add("\"\"\"");
  lines.add("half");
  EXPECT_TRUE(lines.open());
  EXPECT_EQ(lines.take(), "half");
  EXPECT_FALSE(lines.open());
  EXPECT_TRUE(lines.add("whole")) << "nothing is left of the block";
}

}  // namespace
}  // namespace infer::cli
