#include "config.h"

#include <gtest/gtest.h>

#include "engines/common/abi.h"
#include "engines/common/refusal.h"
#include "infer/plugin.h"
#include "src/port/cpu.h"

namespace infer::diffusion {
namespace {

// The message of the refusal; the field must be told to machines too.
std::string config_refusal(const std::string& json) {
  try {
    parse_config(json);
  } catch (const engine::Refusal& e) {
    const std::string message = e.what();
    const std::string field = message.substr(0, message.find(": "));
    EXPECT_EQ(e.details(), "{\"field\":" + engine::json_quote(field) + "}") << json;
    EXPECT_EQ(e.code(), INFER_E_INVALID_REQUEST) << json;
    return message;
  }
  return "accepted";
}

TEST(DiffusionConfig, Defaults) {
  for (const char* text : {"", "{}"}) {
    const Config config = parse_config(text);
    EXPECT_EQ(config.threads, port::physical_cores());
    EXPECT_TRUE(config.mmap);
    EXPECT_FALSE(config.flash_attention);
    EXPECT_FALSE(config.allow_pickle);
    EXPECT_FALSE(config.offload);
    EXPECT_FALSE(config.devices.has_value());
    EXPECT_FALSE(config.vae_encoder.has_value());
    EXPECT_FALSE(config.weight_type.has_value());
    EXPECT_FALSE(config.defaults.steps.has_value());
    EXPECT_TRUE(config.adapters.empty());
  }
}

TEST(DiffusionConfig, EverySetting) {
  const Config config = parse_config(R"({
    "parts": {"vae": "/a", "taesd": "/b", "clip_l": "/c", "clip_g": "/d", "t5xxl": "/e",
      "llm": "/f", "llm_vision": "/g", "clip_vision": "/h", "control_net": "/i",
      "photo_maker": "/j", "upscaler": "/k", "embeddings": {"easy": "/l"}},
    "defaults": {"width": 64, "height": 128, "steps": 8, "guidance": 1.5,
      "distilled_guidance": 3.5, "flow_shift": 2, "clip_skip": 2, "sample_method": "Euler-A",
      "scheduler": "karras", "negative_prompt": "mud"},
    "adapters": [{"path": "/m"}, {"path": "/n", "scale": -0.5}],
    "threads": 3, "devices": ["CPU"], "offload": true,
    "keep_on_cpu": ["text_encoder", "control_net"], "flash_attention": "on",
    "weight_type": "q8_0", "mmap": false, "vae_encoder": false, "rng": "cpu",
    "prediction": "v", "allow_pickle": true})");
  const Parts& parts = config.parts;
  EXPECT_EQ(parts.vae + parts.taesd + parts.clip_l + parts.clip_g + parts.t5xxl + parts.llm +
                parts.llm_vision + parts.clip_vision + parts.control_net + parts.photo_maker +
                parts.upscaler,
            "/a/b/c/d/e/f/g/h/i/j/k");
  EXPECT_EQ(parts.embeddings, (std::map<std::string, std::string>{{"easy", "/l"}}));
  EXPECT_EQ(config.defaults.width, 64U);
  EXPECT_EQ(config.defaults.height, 128U);
  EXPECT_EQ(config.defaults.steps, 8U);
  EXPECT_EQ(config.defaults.guidance, 1.5F);
  EXPECT_EQ(config.defaults.distilled_guidance, 3.5F);
  EXPECT_EQ(config.defaults.flow_shift, 2.0F);
  EXPECT_EQ(config.defaults.clip_skip, 2);
  EXPECT_EQ(config.defaults.sample_method, EULER_A_SAMPLE_METHOD);
  EXPECT_EQ(config.defaults.scheduler, KARRAS_SCHEDULER);
  EXPECT_EQ(config.defaults.negative_prompt, "mud");
  ASSERT_EQ(config.adapters.size(), 2U);
  EXPECT_EQ(config.adapters[0].scale, 1);
  EXPECT_EQ(config.adapters[1].path, "/n");
  EXPECT_EQ(config.adapters[1].scale, -0.5F);
  EXPECT_EQ(config.threads, 3U);
  EXPECT_EQ(config.devices.value(), std::vector<std::string>{"CPU"});
  EXPECT_TRUE(config.offload);
  EXPECT_TRUE(config.text_encoder_on_cpu);
  EXPECT_FALSE(config.vae_on_cpu);
  EXPECT_TRUE(config.control_net_on_cpu);
  EXPECT_TRUE(config.flash_attention);
  EXPECT_EQ(config.weight_type, SD_TYPE_Q8_0);
  EXPECT_FALSE(config.mmap);
  EXPECT_EQ(config.vae_encoder, false);
  EXPECT_EQ(config.rng, CPU_RNG);
  EXPECT_EQ(config.prediction, V_PRED);
  EXPECT_TRUE(config.allow_pickle);
}

TEST(DiffusionConfig, EachBadFieldIsNamedWithWhatIsAllowed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"threads":0})", "threads: must be a whole number from 1 to 256"},
      {R"({"threads":"2"})", "threads: must be a whole number from 1 to 256"},
      {R"({"devices":"CUDA0"})", "devices: must be an array of device names"},
      {R"({"flash_attention":true})", "flash_attention: must be one of auto, on, off"},
      {R"({"mmap":1})", "mmap: must be true or false"},
      {R"({"offload":null})", "offload: must be true or false"},
      {R"({"vae_encoder":"yes"})", "vae_encoder: must be true or false"},
      {R"({"allow_pickle":"true"})", "allow_pickle: must be true or false"},
      {R"({"keep_on_cpu":["vae","unet"]})",
       "keep_on_cpu: 'unet' is none of text_encoder, vae, control_net"},
      {R"({"keep_on_cpu":true})", "keep_on_cpu: must be an array"},
      {R"({"parts":[]})", "parts: must be an object"},
      {R"({"parts":{"vae":"a.safetensors"}})", "parts.vae: must be an absolute path"},
      {R"({"parts":{"vae":1}})", "parts.vae: must be a string"},
      {R"({"parts":{"embeddings":["/a"]}})", "parts.embeddings: must be an object: word -> file"},
      {R"({"parts":{"embeddings":{"a":"b"}}})", "parts.embeddings.a: must be an absolute path"},
      {R"({"defaults":{"width":0}})", "defaults.width: must be a whole number from 1 to 16384"},
      {R"({"defaults":{"steps":1001}})", "defaults.steps: must be a whole number from 1 to 1000"},
      {R"({"defaults":{"guidance":-1}})", "defaults.guidance: must be a number from 0 to 1000"},
      {R"({"defaults":{"clip_skip":13}})",
       "defaults.clip_skip: must be a whole number from 1 to 12"},
      {R"({"adapters":{}})", "adapters: must be an array of at most 64"},
      {R"({"adapters":[{"scale":1}]})", "adapters[0].path: must be the path of a file"},
      {R"({"adapters":[{"path":"/a"},{"path":"/b","scale":1e9}]})",
       "adapters[1].scale: must be a number from -1000 to 1000"},
      {R"({"adapters":[{"path":"/a","name":""}]})",
       "adapters[0].name: is no setting of this engine; it has path, scale"},
  };
  for (const auto& [json, message] : cases) EXPECT_EQ(config_refusal(json), message) << json;
}

TEST(DiffusionConfig, AnUnknownNameIsAnsweredWithTheKnownOnes) {
  for (const auto& [json, begin, has] : {
           std::tuple{R"({"weight_type":"f17"})", "weight_type: ", "q8_0"},
           std::tuple{R"({"rng":"dice"})", "rng: ", "cpu"},
           std::tuple{R"({"prediction":"x"})", "prediction: ", "v"},
           std::tuple{R"({"defaults":{"sample_method":"eular"}})",
                      "defaults.sample_method: ", "euler_a"},
           std::tuple{R"({"defaults":{"scheduler":"x"}})", "defaults.scheduler: ", "karras"},
           std::tuple{R"({"parts":{"clip":"/a"}})", "parts.clip: ", "clip_l, clip_g"},
           std::tuple{R"({"defaults":{"seed":1}})", "defaults.seed: ", "width, height"},
           // Settings of engines that write.
           std::tuple{R"({"context":512})", "context: is no setting of this engine; it has",
                      "allow_pickle"},
           std::tuple{R"({"gpu_layers":1})", "gpu_layers: ", "devices"},
       }) {
    const std::string message = config_refusal(json);
    EXPECT_EQ(message.find(begin), 0U) << message;
    EXPECT_NE(message.find(has), std::string::npos) << message;
  }
}

TEST(DiffusionConfig, WhatIsNoObjectIsRefused) {
  for (const char* text : {"[", "[]", "7", "{\"threads\":1", "\xff"}) {
    try {
      parse_config(text);
      ADD_FAILURE() << text;
    } catch (const engine::Refusal& e) {
      EXPECT_EQ(e.code(), INFER_E_INVALID_REQUEST) << text;
    }
  }
}

}  // namespace
}  // namespace infer::diffusion
