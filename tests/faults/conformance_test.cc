// The suite that every backend passes, over every wire: a server that repeats its prompt answers.
#include <gtest/gtest.h>

#include <iostream>
#include <string>

#include "infer/conformance.h"
#include "infer/layers.h"
#include "infer/registry.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

class Wires : public testing::TestWithParam<Spoken> {
 protected:
  Result<TextModel> model() const {
    // Modal's proxy stands before the same model: two redirects on the way to each answer.
    const bool modal = GetParam().scheme == kModal.scheme;
    return infer::text(GetParam().id("echo-1"),
                       server_.config(modal ? "modal:2" : "echo", GetParam()));
  }
  static void expect_conforming(const Result<TextModel>& model) {
    ASSERT_TRUE(model) << model.error();
    BackendCheck options;
    options.echoes = true;
    std::string at;
    options.progress = [&](std::string_view what) { at = what; };
    const Report report = check_backend(model->backend(), options);
    EXPECT_TRUE(report.ok()) << report.to_text() << "last: " << at;
    for (const auto& [rule, why] : report.skipped)
      std::cout << "skipped " << rule << ": " << why << '\n';
    EXPECT_GT(report.passed.size(), 30u);
    EXPECT_TRUE(report.skipped.empty());
  }
  FaultServer server_;
};

TEST_P(Wires, KeepTheRules) { expect_conforming(model()); }

TEST_P(Wires, KeepTheRulesBehindARetry) { expect_conforming(model() | Retry{}); }

// OpenAI Images: the server paints one pixel. Its seed is not kept, and nothing says it is.
class Pictures : public testing::Test {
 protected:
  static void expect_conforming(const Result<ImageModel>& model) {
    ASSERT_TRUE(model) << model.error();
    BackendCheck options;
    options.paints = true;
    options.prompt = "a red circle on a white background";
    std::string at;
    options.progress = [&](std::string_view what) { at = what; };
    const Report report = check_backend(model->backend(), options);
    EXPECT_TRUE(report.ok()) << report.to_text() << "last: " << at;
    EXPECT_GT(report.passed.size(), 30u);
    ASSERT_EQ(report.skipped.size(), 1u) << report.to_text();
    EXPECT_EQ(report.skipped[0].first, "picture.seed");
  }
  FaultServer server_;
};

TEST_F(Pictures, KeepTheRules) {
  expect_conforming(infer::image("openai:gpt-image-1", server_.config("echo")));
}

TEST_F(Pictures, KeepTheRulesBehindARetry) {
  expect_conforming(infer::image("openai:gpt-image-1", server_.config("echo")) | Retry{});
}

INSTANTIATE_TEST_SUITE_P(All, Wires,
                         testing::Values(kOpenAiChat, kOpenAiResponses, kGroq, kModal, kAnthropic),
                         [](const auto& wire) { return wire.param.name; });

}  // namespace
}  // namespace infer::faults
