#include "apps/infer/cloud_options.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace infer::cli {
namespace {

TEST(CloudOptions, AModelsProviderIsItsScheme) {
  EXPECT_STREQ(provider_of("openai:gpt-5")->scheme, "openai");
  EXPECT_STREQ(provider_of("anthropic:")->scheme, "anthropic");
  EXPECT_STREQ(provider_of("groq:qwen3")->scheme, "groq");
  EXPECT_STREQ(provider_of("modal:a/b/c")->scheme, "modal");
  for (const char* id : {"llama:tiny-chat", "openai", "openai-like:x", "/openai:x", ":openai", ""})
    EXPECT_EQ(provider_of(id), nullptr) << id;
}

TEST(CloudOptions, GivenNamesAnOption) {
  EXPECT_EQ(CloudOptions{}.given(), nullptr);
  EXPECT_STREQ(CloudOptions{.base_url = "x"}.given(), "--base-url");
  EXPECT_STREQ(CloudOptions{.key_variable = "x"}.given(), "--api-key-env");
  EXPECT_STREQ(CloudOptions{.ca_file = "x"}.given(), "--ca-file");
  EXPECT_STREQ(CloudOptions{.proxy = "x"}.given(), "--proxy");
  EXPECT_STREQ(CloudOptions{.text_api = "chat"}.given(), "--text-api");
  EXPECT_STREQ(CloudOptions{.cold_start = 1}.given(), "--cold-start");
  EXPECT_STREQ(CloudOptions{.no_retry = true}.given(), "--no-retry");
}

TEST(CloudOptions, EachIsHandedOn) {
  ASSERT_EQ(setenv("INFER_CLI_TEST_KEY", "sk-canary", 1), 0);
  const auto config = api_config_of({.base_url = "http://localhost:1/v1",
                                     .key_variable = "INFER_CLI_TEST_KEY",
                                     .ca_file = "/a.pem",
                                     .proxy = "none",
                                     .text_api = "responses",
                                     .cold_start = 0.5});
  ASSERT_TRUE(config);
  EXPECT_EQ(config->base_url, "http://localhost:1/v1");
  EXPECT_EQ(config->key.reveal(), "sk-canary");
  EXPECT_EQ(config->ca_file, "/a.pem");
  EXPECT_EQ(config->proxy, "none");
  EXPECT_EQ(config->text_api, TextApi::kResponses);
  EXPECT_EQ(config->cold_start, std::chrono::milliseconds(500));
}

TEST(CloudOptions, AnApiThatIsNoneIsNamed) {
  EXPECT_EQ(api_config_of({.text_api = "chat"})->text_api, TextApi::kChat);
  EXPECT_EQ(api_config_of({.text_api = "auto"})->text_api, TextApi::kAuto);
  const auto config = api_config_of({.text_api = "both"});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(config.error().detail("field"), "text-api");
}

TEST(CloudOptions, AKeyInPlaceOfAVariablesNameIsNotTold) {
  const auto config = api_config_of({.key_variable = "sk-canary"});
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Errc::kUnauthorized);
  EXPECT_EQ(config.error().message().find("canary"), std::string::npos);
}

TEST(CloudOptions, AWaitIsTold) {
  const Error error = Error(Errc::kRateLimited, "slow down").with_provider("openai");
  EXPECT_EQ(retry_text(error, 1, std::chrono::milliseconds(1960), 3),
            "rate_limited: openai: slow down; trying again in 2.0 s (2 of 3)");
}

TEST(CloudOptions, AnAddressIsToldWithoutItsPassword) {
  EXPECT_EQ(without_credentials("https://api.openai.com/v1"), "https://api.openai.com/v1");
  EXPECT_EQ(without_credentials("http://me:pa@ss@host:1/v1?a@b"), "http://...@host:1/v1?a@b");
  EXPECT_EQ(without_credentials("me:secret@host"), "...@host");
  EXPECT_EQ(without_credentials("http://host/a@b"), "http://host/a@b");
  EXPECT_EQ(without_credentials(""), "");
}

}  // namespace
}  // namespace infer::cli
