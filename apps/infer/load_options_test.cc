#include "apps/infer/load_options.h"

#include <gtest/gtest.h>

namespace infer::cli {
namespace {

TEST(ModelId, APathToAGgufFileIsOneOfLlamas) {
  EXPECT_EQ(model_id("some.gguf"), "llama:./some.gguf");
  EXPECT_EQ(model_id("/models/some.gguf"), "llama:/models/some.gguf");
  EXPECT_EQ(model_id("../a:b/some.gguf"), "llama:../a:b/some.gguf");
  for (const char* id : {"llama:some.gguf", "llama:tiny-chat", "tiny-chat", "openai:gpt-5", ""})
    EXPECT_EQ(model_id(id), id);
}

TEST(LoadOptions, NothingAskedForIsNoConfiguration) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*config_of({})));
}

TEST(LoadOptions, AdaptersHaveAPathAndAScale) {
  LoadOptions options;
  options.any = true;
  options.adapters = {"/a/b.gguf", "/a/b.gguf=0.5", "/a=b/c.gguf", "rel.gguf=-1"};
  const auto config = config_of(options);
  ASSERT_TRUE(config);
  const auto& adapters = *std::get<LocalConfig>(*config).adapters;
  ASSERT_EQ(adapters.size(), 4u);
  EXPECT_EQ(adapters[0].path, "/a/b.gguf");
  EXPECT_EQ(adapters[0].scale, 1);
  EXPECT_EQ(adapters[1].path, "/a/b.gguf");
  EXPECT_EQ(adapters[1].scale, 0.5);
  EXPECT_EQ(adapters[2].path, "/a=b/c.gguf");
  EXPECT_EQ(adapters[3].path.front(), '/') << "absolute";
  EXPECT_EQ(adapters[3].scale, -1);
}

TEST(LoadOptions, DevicesAreAListOrNone) {
  LoadOptions options;
  options.any = true;
  EXPECT_FALSE(std::get<LocalConfig>(*config_of(options)).devices);
  options.devices = "none";
  EXPECT_TRUE(std::get<LocalConfig>(*config_of(options)).devices->empty());
  options.devices = "CUDA0,CUDA1";
  EXPECT_EQ(*std::get<LocalConfig>(*config_of(options)).devices,
            (std::vector<std::string>{"CUDA0", "CUDA1"}));
}

TEST(LoadOptions, APluginsOwnConfigurationStandsAlone) {
  LoadOptions options;
  options.config = R"({"context":64})";
  EXPECT_EQ(std::get<PluginConfig>(*config_of(options)).json, R"({"context":64})");
  options.any = true;
  EXPECT_EQ(config_of(options).error().detail("field"), "config");
}

TEST(LoadOptions, AMissingTemplateIsNamed) {
  LoadOptions options;
  options.any = true;
  options.chat_template = "/no/such/file";
  const auto config = config_of(options);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Errc::kNotFound);
  EXPECT_NE(config.error().message().find("--chat-template: /no/such/file"), std::string::npos);
}

}  // namespace
}  // namespace infer::cli
