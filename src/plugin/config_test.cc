#include "src/plugin/config.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "src/port/temp_dir.h"

namespace infer::plugin {
namespace {

std::string json_of(const Config& config) {
  auto json = config_json(config);
  return json ? *json : json.error().message();
}

// What is wrong with a config, and that the field is told to machines too.
std::string refusal(const LocalConfig& config, Errc code = Errc::kInvalidRequest) {
  auto json = config_json(config);
  if (json) return "nothing: " + *json;
  EXPECT_EQ(json.error().code(), code);
  const std::string message = json.error().message();
  EXPECT_EQ(json.error().detail("field"), message.substr(0, message.find(": ")));
  return message;
}

TEST(Config, OnlyWhatIsSetIsSaid) {
  EXPECT_EQ(json_of({}), "{}");
  EXPECT_EQ(json_of(LocalConfig{}), "{}");
  EXPECT_EQ(json_of(PluginConfig{}), "{}");
  EXPECT_EQ(json_of(LocalConfig{.context = 5, .threads = 2, .mmap = false}),
            R"({"context":5,"mmap":false,"threads":2})");
  EXPECT_EQ(json_of(LocalConfig{.devices = std::vector<std::string>{}}), R"({"devices":[]})");
}

TEST(Config, EveryFieldHasItsKey) {
  port::TempDir dir;
  const std::string adapter = dir.write("adapter.gguf", "x");
  const LocalConfig all{
      .context = 1,
      .batch = 2,
      .micro_batch = 3,
      .threads = 4,
      .batch_threads = 5,
      .parallel = 6,
      .gpu_layers = -1,
      .devices = std::vector<std::string>{"Vulkan0", "CUDA1"},
      .main_gpu = 1,
      .split_mode = SplitMode::kRow,
      .tensor_split = std::vector<double>{1, 2.5},
      .mmap = true,
      .mlock = true,
      .numa = Numa::kIsolate,
      .flash_attention = FlashAttention::kOff,
      .cache_type_k = CacheType::kQ8_0,
      .cache_type_v = CacheType::kQ5_1,
      .adapters = std::vector<LoraAdapter>{{.path = adapter, .scale = 0.5}},
      .rope_frequency_base = 10000,
      .rope_frequency_scale = 0.25,
      .pooling = Pooling::kRank,
      .chat_template = "{{ messages }}",
      .prefix_cache = false,
  };
  EXPECT_EQ(json_of(all),
            R"({"adapters":[{"path":")" + adapter +
                R"(","scale":0.5}],"batch":2,"batch_threads":5,"cache_type_k":"q8_0",)"
                R"("cache_type_v":"q5_1","chat_template":"{{ messages }}","context":1,)"
                R"("devices":["Vulkan0","CUDA1"],"flash_attention":"off","gpu_layers":-1,)"
                R"("main_gpu":1,"micro_batch":3,"mlock":true,"mmap":true,"numa":"isolate",)"
                R"("parallel":6,"pooling":"rank","prefix_cache":false,)"
                R"("rope_frequency_base":10000.0,"rope_frequency_scale":0.25,"split_mode":"row",)"
                R"("tensor_split":[1.0,2.5],"threads":4})");
}

// All fields of the models that paint: what the config says of each, by its key.
TEST(Config, EveryFieldOfPaintingHasItsKey) {
  port::TempDir dir;
  const auto file = [&](const char* name) { return dir.write(name, "x"); };
  const LocalConfig all{
      .parts = ImageParts{.vae = file("vae"),
                          .taesd = file("taesd"),
                          .clip_l = file("clip_l"),
                          .clip_g = file("clip_g"),
                          .t5xxl = file("t5xxl"),
                          .llm = file("llm"),
                          .llm_vision = file("llm_vision"),
                          .clip_vision = file("clip_vision"),
                          .control_net = file("control_net"),
                          .photo_maker = file("photo_maker"),
                          .upscaler = file("upscaler"),
                          .embeddings = {{"cat", file("cat")}, {"dog", file("dog")}}},
      .defaults = ImageDefaults{.width = 64,
                                .height = 32,
                                .steps = 8,
                                .guidance = 1,
                                .distilled_guidance = 3.5,
                                .flow_shift = 3,
                                .clip_skip = 2,
                                .sample_method = "euler",
                                .scheduler = "discrete",
                                .negative_prompt = "blurred"},
      .weight_type = "q8_0",
      .offload = true,
      .keep_on_cpu = std::vector<std::string>{"vae"},
      .vae_encoder = false,
      .rng = "cpu",
      .prediction = "v",
      .allow_pickle = true,
  };
  std::string parts;
  for (const char* name : {"clip_g", "clip_l", "clip_vision", "control_net"})
    parts += (parts.empty() ? "\"" : ",\"") + std::string(name) + "\":\"" + (dir / name) + '"';
  parts += R"(,"embeddings":{"cat":")" + (dir / "cat") + R"(","dog":")" + (dir / "dog") + "\"}";
  for (const char* name : {"llm", "llm_vision", "photo_maker", "t5xxl", "taesd", "upscaler", "vae"})
    parts += ",\"" + std::string(name) + "\":\"" + (dir / name) + '"';
  EXPECT_EQ(json_of(all),
            R"({"allow_pickle":true,"defaults":{"clip_skip":2,"distilled_guidance":3.5,)"
            R"("flow_shift":3.0,"guidance":1.0,"height":32,"negative_prompt":"blurred",)"
            R"("sample_method":"euler","scheduler":"discrete","steps":8,"width":64},)"
            R"("keep_on_cpu":["vae"],"offload":true,"parts":{)" +
                parts +
                R"(},"prediction":"v","rng":"cpu","vae_encoder":false,"weight_type":"q8_0"})");
  EXPECT_EQ(json_of(LocalConfig{.parts = ImageParts{}, .defaults = ImageDefaults{}}), "{}");
}

TEST(Config, PartsAreFilesAndDefaultsAreNumbers) {
  port::TempDir dir;
  EXPECT_EQ(refusal({.parts = ImageParts{.vae = "vae.gguf"}}),
            "parts.vae: must be an absolute path");
  EXPECT_EQ(refusal({.parts = ImageParts{.llm = dir / "none"}}, Errc::kNotFound),
            "parts.llm: no file " + (dir / "none"));
  EXPECT_EQ(refusal({.parts = ImageParts{.embeddings = {{"cat", "x"}}}}),
            "parts.embeddings.cat: must be an absolute path");
  EXPECT_EQ(refusal({.defaults = ImageDefaults{.guidance = NAN}}),
            "defaults.guidance: must be a finite number");
  EXPECT_EQ(refusal({.defaults = ImageDefaults{.negative_prompt = "\xFF"}}),
            "defaults.negative_prompt: must be UTF-8");
  EXPECT_EQ(refusal({.keep_on_cpu = std::vector<std::string>{"\xFF"}}),
            "keep_on_cpu[0]: must be UTF-8");
}

TEST(Config, WordsOfTheEnumerations) {
  EXPECT_EQ(json_of(LocalConfig{.split_mode = SplitMode::kNone}), R"({"split_mode":"none"})");
  EXPECT_EQ(json_of(LocalConfig{.numa = Numa::kNumactl}), R"({"numa":"numactl"})");
  EXPECT_EQ(json_of(LocalConfig{.flash_attention = FlashAttention::kOn}),
            R"({"flash_attention":"on"})");
  EXPECT_EQ(json_of(LocalConfig{.cache_type_k = CacheType::kIq4Nl}),
            R"({"cache_type_k":"iq4_nl"})");
  EXPECT_EQ(json_of(LocalConfig{.cache_type_v = CacheType::kF32}), R"({"cache_type_v":"f32"})");
  EXPECT_EQ(json_of(LocalConfig{.pooling = Pooling::kUnspecified}), R"({"pooling":"unspecified"})");
}

TEST(Config, WhatJsonCannotCarryIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(refusal({.split_mode = static_cast<SplitMode>(3)}),
            "split_mode: must be one of none, layer, row");
  EXPECT_EQ(refusal({.pooling = static_cast<Pooling>(-1)}),
            "pooling: must be one of unspecified, none, mean, cls, last, rank");
  EXPECT_EQ(refusal({.rope_frequency_base = nan}), "rope_frequency_base: must be a finite number");
  EXPECT_EQ(refusal({.tensor_split = std::vector<double>{1, INFINITY}}),
            "tensor_split[1]: must be a finite number");
  EXPECT_EQ(refusal({.chat_template = "\xFF"}), "chat_template: must be UTF-8");
  EXPECT_EQ(refusal({.devices = std::vector<std::string>{"CUDA0", "\xC0"}}),
            "devices[1]: must be UTF-8");
}

TEST(Config, AdaptersAreFiles) {
  port::TempDir dir;
  const std::string file = dir.write("sub/adapter.gguf", "x");
  const auto with = [](const std::string& path, double scale = 1) {
    LocalConfig config;
    config.adapters = std::vector<LoraAdapter>{{.path = path, .scale = scale}};
    return config;
  };
  EXPECT_EQ(json_of(with(dir / "sub/../sub/adapter.gguf")), json_of(with(file)));
  EXPECT_EQ(refusal(with("adapter.gguf")), "adapters[0].path: must be an absolute path");
  EXPECT_EQ(refusal(with("")), "adapters[0].path: must be an absolute path");
  EXPECT_EQ(refusal(with(file, NAN)), "adapters[0].scale: must be a finite number");
  EXPECT_EQ(refusal(with(dir / "none"), Errc::kNotFound),
            "adapters[0].path: no file " + (dir / "none"));
}

TEST(Config, OfAPlugin) {
  EXPECT_EQ(json_of(PluginConfig{R"({ "b": 1, "a": [] })"}), R"({"a":[],"b":1})");
  for (const char* text : {"[1]", "{", "null", "{}}"})
    EXPECT_EQ(json_of(PluginConfig{text}), "PluginConfig::json must be a JSON object") << text;
}

std::string merged(std::string_view caller, std::string_view card) {
  return MergedConfig::of(caller, card, "/m/x.card.json").text();
}

TEST(Config, ACardLiesBeneathTheCaller) {
  EXPECT_EQ(merged("{}", "{}"), "{}");
  EXPECT_EQ(merged(R"({"threads":1})", "{}"), R"({"threads":1})");
  EXPECT_EQ(merged("{}", R"({"threads":1})"), R"({"threads":1})");
  EXPECT_EQ(merged(R"({"threads":1})", R"({"mmap":false,"threads":2})"),
            R"({"mmap":false,"threads":1})");
  EXPECT_EQ(merged(R"({"defaults":{"steps":4},"parts":{"vae":"/a"}})",
                   R"({"defaults":{"steps":8,"width":64},"parts":{"taesd":"/t","vae":"/b"}})"),
            R"({"defaults":{"steps":4,"width":64},"parts":{"taesd":"/t","vae":"/a"}})");
  // Lists, and what is deeper, are the caller's as a whole.
  EXPECT_EQ(merged(R"({"devices":[],"parts":{"embeddings":{"cat":"/c"}}})",
                   R"({"devices":["A"],"parts":{"embeddings":{"dog":"/d"}}})"),
            R"({"devices":[],"parts":{"embeddings":{"cat":"/c"}}})");
  // A caller's nonsense stays, for the plugin to refuse.
  EXPECT_EQ(merged(R"({"parts":7})", R"({"parts":{"vae":"/b"}})"), R"({"parts":7})");
}

TEST(Config, ErrorsOfTheCardNameIt) {
  const MergedConfig config = MergedConfig::of(
      R"({"defaults":{"steps":4}})", R"({"defaults":{"steps":8,"width":0},"part":{"vae":"/b"}})",
      "/m/x.card.json");
  const auto explained = [&](const std::string& field) {
    return config.explained(Error(Errc::kInvalidRequest, field + ": is wrong")
                                .with_provider("diffusion")
                                .with_detail("field", field));
  };
  for (const char* field : {"defaults.width", "part", "part.vae", "part[0]"}) {
    const Error error = explained(field);
    EXPECT_EQ(error.message(), std::string(field) + ": is wrong (so says /m/x.card.json)");
    EXPECT_EQ(error.detail("field"), field);
    EXPECT_EQ(error.detail("card"), "/m/x.card.json");
    EXPECT_EQ(error.provider(), "diffusion");
  }
  for (const char* field : {"defaults.steps", "parts", "defaults", ""})
    EXPECT_EQ(explained(field).message(), std::string(field) + ": is wrong");
}

}  // namespace
}  // namespace infer::plugin
