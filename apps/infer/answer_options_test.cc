#include "apps/infer/answer_options.h"

#include <gtest/gtest.h>

namespace infer::cli {
namespace {

TEST(AnswerOptions, BiasesAreReadOrNamed) {
  AnswerOptions options;
  options.logit_bias = {"17=-100", "3=2.5"};
  const auto request = request_of(options);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->logit_bias, (std::map<std::int32_t, double>{{3, 2.5}, {17, -100}}));
  for (const char* bad : {"17", "=1", "17=", "a=1", "-1=2", "1=2x", "99999999999=1", "1 =2"}) {
    options.logit_bias = {bad};
    const auto refused = request_of(options);
    ASSERT_FALSE(refused) << bad;
    EXPECT_EQ(refused.error().code(), Errc::kInvalidRequest);
    EXPECT_NE(refused.error().message().find(bad), std::string::npos);
  }
}

TEST(AnswerOptions, EffortHasNames) {
  AnswerOptions options;
  options.effort = "high";
  EXPECT_EQ(request_of(options)->reasoning.effort, ReasoningOptions::Effort::kHigh);
  options.effort = "enormous";
  const auto refused = request_of(options);
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message().find("minimal"), std::string::npos) << "what is allowed";
}

TEST(AnswerOptions, AToolChoiceNeedsTools) {
  AnswerOptions options;
  options.tool_choice = "required";
  const auto refused = request_of(options);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail("field"), "tool-choice");
}

TEST(AnswerOptions, PlainFieldsAreSet) {
  AnswerOptions options;
  options.truncate = true;
  options.logprobs = 3;
  options.request.stop = {"x"};
  const auto request = request_of(options);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->truncation, Truncation::kDropOldest);
  EXPECT_EQ(request->logprobs->top, 3u);
  EXPECT_EQ(request->stop.size(), 1u);
  EXPECT_EQ(request->tool_choice.mode, ToolChoice::Mode::kAuto);
  EXPECT_FALSE(request_of({})->logprobs);
}

TEST(Times, AreMilliseconds) {
  const Call call = call_of({.total = 1.5, .idle = 0.001}, {});
  EXPECT_EQ(call.timeouts.total, std::chrono::milliseconds(1500));
  EXPECT_EQ(call.timeouts.idle, std::chrono::milliseconds(1));
  EXPECT_FALSE(call.timeouts.first);
}

}  // namespace
}  // namespace infer::cli
