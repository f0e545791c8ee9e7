#include "apps/infer/load_options.h"

#include <gtest/gtest.h>

namespace infer::cli {
namespace {

const std::string kLocal = "llama:some";
const std::string kCloud = "openai:some";

TEST(ModelId, APathToAGgufFileIsOneOfLlamas) {
  EXPECT_EQ(model_id("some.gguf"), "llama:./some.gguf");
  EXPECT_EQ(model_id("/models/some.gguf"), "llama:/models/some.gguf");
  EXPECT_EQ(model_id("../a:b/some.gguf"), "llama:../a:b/some.gguf");
  for (const char* id : {"llama:some.gguf", "llama:tiny-chat", "tiny-chat", "openai:gpt-5", ""})
    EXPECT_EQ(model_id(id), id);
}

TEST(ModelId, OfAModelThatPaintsAPathIsOneOfDiffusions) {
  EXPECT_EQ(image_model_id("some.gguf"), "diffusion:./some.gguf");
  EXPECT_EQ(image_model_id("/models/sd15.safetensors"), "diffusion:/models/sd15.safetensors");
  EXPECT_EQ(image_model_id("old/model.ckpt"), "diffusion:old/model.ckpt");
  for (const char* id : {"diffusion:some.gguf", "diffusion:tiny-shapes", "openai:gpt-image-1", ""})
    EXPECT_EQ(image_model_id(id), id);
}

TEST(LoadOptions, FilesBesideAModelArePartsOfIt) {
  LoadOptions options;
  options.given = "--vae";
  EXPECT_FALSE(std::get<LocalConfig>(*config_of(options, kLocal)).parts);
  options.parts.vae = "/a/vae.safetensors";
  options.parts.clip_l = "clip.safetensors";
  options.embeddings = {"cat=/a/c=at.pt"};
  const auto config = config_of(options, kLocal);
  ASSERT_TRUE(config);
  const ImageParts& parts = *std::get<LocalConfig>(*config).parts;
  EXPECT_EQ(parts.vae, "/a/vae.safetensors");
  EXPECT_EQ(parts.clip_l.front(), '/') << "absolute";
  EXPECT_EQ(parts.t5xxl, "");
  EXPECT_EQ(parts.embeddings.at("cat"), "/a/c=at.pt");
  for (const char* wrong : {"cat", "=a.pt", "cat="}) {
    options.embeddings = {wrong};
    EXPECT_EQ(config_of(options, kLocal).error().detail("field"), "embedding") << wrong;
  }
}

TEST(LoadOptions, NothingAskedForIsNoConfiguration) {
  EXPECT_TRUE(std::holds_alternative<std::monostate>(*config_of({}, kLocal)));
}

TEST(LoadOptions, AdaptersHaveAPathAndAScale) {
  LoadOptions options;
  options.given = "--threads";
  options.adapters = {"/a/b.gguf", "/a/b.gguf=0.5", "/a=b/c.gguf", "rel.gguf=-1"};
  const auto config = config_of(options, kLocal);
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
  options.given = "--threads";
  EXPECT_FALSE(std::get<LocalConfig>(*config_of(options, kLocal)).devices);
  options.devices = "none";
  EXPECT_TRUE(std::get<LocalConfig>(*config_of(options, kLocal)).devices->empty());
  options.devices = "CUDA0,CUDA1";
  EXPECT_EQ(*std::get<LocalConfig>(*config_of(options, kLocal)).devices,
            (std::vector<std::string>{"CUDA0", "CUDA1"}));
}

TEST(LoadOptions, APluginsOwnConfigurationStandsAlone) {
  LoadOptions options;
  options.config = R"({"context":64})";
  EXPECT_EQ(std::get<PluginConfig>(*config_of(options, kLocal)).json, R"({"context":64})");
  options.given = "--threads";
  EXPECT_EQ(config_of(options, kLocal).error().detail("field"), "config");
}

TEST(LoadOptions, AMissingTemplateIsNamed) {
  LoadOptions options;
  options.given = "--threads";
  options.chat_template = "/no/such/file";
  const auto config = config_of(options, kLocal);
  ASSERT_FALSE(config);
  EXPECT_EQ(config.error().code(), Errc::kNotFound);
  EXPECT_NE(config.error().message().find("--chat-template: /no/such/file"), std::string::npos);
}

TEST(LoadOptions, EachKindOfModelHasItsOptions) {
  LoadOptions options;
  options.cloud.base_url = "http://localhost:1/v1";
  EXPECT_EQ(std::get<ApiConfig>(*config_of(options, kCloud)).base_url, "http://localhost:1/v1");
  const auto local = config_of(options, kLocal);
  ASSERT_FALSE(local);
  EXPECT_EQ(local.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(local.error().detail("field"), "base-url");

  options.cloud = {};
  EXPECT_TRUE(std::holds_alternative<ApiConfig>(*config_of(options, kCloud)));
  options.config = "{}";
  EXPECT_EQ(config_of(options, kCloud).error().detail("field"), "config");
  options.given = "--threads";
  EXPECT_EQ(config_of(options, kCloud).error().detail("field"), "threads");
}

TEST(LoadOptions, AKeyGoesToNoOtherProvider) {
  LoadOptions options;
  options.given = "--threads";
  options.cloud = {.base_url = "http://localhost:1/v1", .key_variable = "KEY", .proxy = "none"};
  const LoadOptions same = options_for("openai:b", "openai:a", options);
  EXPECT_EQ(same.cloud.key_variable, "KEY");
  EXPECT_EQ(same.cloud.base_url, "http://localhost:1/v1");
  EXPECT_EQ(same.given, nullptr);
  for (const char* first : {"openai:a", "llama:a"}) {
    const LoadOptions other = options_for("anthropic:b", first, options);
    EXPECT_FALSE(other.cloud.key_variable);
    EXPECT_FALSE(other.cloud.base_url);
    EXPECT_EQ(other.cloud.proxy, "none");
  }
  const LoadOptions local = options_for("llama:b", "openai:a", options);
  EXPECT_EQ(local.cloud.given(), nullptr);
  EXPECT_STREQ(local.given, "--threads");
}

}  // namespace
}  // namespace infer::cli
