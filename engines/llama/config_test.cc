#include "config.h"

#include <gtest/gtest.h>

#include "refusal.h"
#include "src/port/cpu.h"

namespace infer::llama {
namespace {

// The message of the refusal; the field must be told to machines too.
std::string refusal(const std::string& json) {
  try {
    parse_config(json);
  } catch (const Refusal& e) {
    const std::string message = e.what();
    const std::string field = message.substr(0, message.find(": "));
    EXPECT_EQ(e.details(), "{\"field\":" + engine::json_quote(field) + "}") << json;
    EXPECT_EQ(e.code(), INFER_E_INVALID_REQUEST) << json;
    return message;
  }
  return "accepted";
}

TEST(Config, Defaults) {
  for (const char* text : {"", "{}"}) {
    const Config config = parse_config(text);
    EXPECT_EQ(config.context, 0U);
    EXPECT_EQ(config.batch, 512U);
    EXPECT_EQ(config.micro_batch, 512U);
    EXPECT_EQ(config.threads, port::physical_cores());
    EXPECT_EQ(config.batch_threads, config.threads);
    EXPECT_EQ(config.parallel, 4U);
    EXPECT_EQ(config.gpu_layers, -1);
    EXPECT_FALSE(config.devices.has_value());
    EXPECT_TRUE(config.mmap);
    EXPECT_TRUE(config.prefix_cache);
  }
}

TEST(Config, WhatFollowsFromWhat) {
  EXPECT_EQ(parse_config("{\"threads\":7}").batch_threads, 7U);
  EXPECT_EQ(parse_config("{\"threads\":7,\"batch_threads\":3}").batch_threads, 3U);
  EXPECT_EQ(parse_config("{\"batch\":64}").micro_batch, 64U);
  EXPECT_EQ(parse_config("{\"batch\":4096}").micro_batch, 512U);
  EXPECT_EQ(parse_config("{\"batch\":4096,\"micro_batch\":1024}").micro_batch, 1024U);
}

TEST(Config, EverySetting) {
  const Config config = parse_config(R"({
    "context": 100, "batch": 256, "micro_batch": 128, "threads": 3, "batch_threads": 4,
    "parallel": 8, "gpu_layers": 12, "devices": ["CUDA0", "CUDA1"], "main_gpu": 1,
    "split_mode": "row", "tensor_split": [1, 3.5], "mmap": false, "mlock": true,
    "numa": "distribute", "flash_attention": "on", "cache_type_k": "q8_0",
    "cache_type_v": "iq4_nl", "adapters": [{"path": "/a"}, {"path": "/b", "scale": -0.5}],
    "rope_frequency_base": 1e6, "rope_frequency_scale": 0.5, "pooling": "last",
    "chat_template": "x", "prefix_cache": false})");
  EXPECT_EQ(config.context, 100U);
  EXPECT_EQ(config.batch, 256U);
  EXPECT_EQ(config.micro_batch, 128U);
  EXPECT_EQ(config.threads, 3U);
  EXPECT_EQ(config.batch_threads, 4U);
  EXPECT_EQ(config.parallel, 8U);
  EXPECT_EQ(config.gpu_layers, 12);
  EXPECT_EQ(config.devices.value(), (std::vector<std::string>{"CUDA0", "CUDA1"}));
  EXPECT_EQ(config.main_gpu, 1);
  EXPECT_EQ(config.split_mode, LLAMA_SPLIT_MODE_ROW);
  EXPECT_EQ(config.tensor_split, (std::vector<float>{1, 3.5}));
  EXPECT_FALSE(config.mmap);
  EXPECT_TRUE(config.mlock);
  EXPECT_EQ(config.numa, GGML_NUMA_STRATEGY_DISTRIBUTE);
  EXPECT_EQ(config.flash_attention, LLAMA_FLASH_ATTN_TYPE_ENABLED);
  EXPECT_EQ(config.cache_type_k, GGML_TYPE_Q8_0);
  EXPECT_EQ(config.cache_type_v, GGML_TYPE_IQ4_NL);
  ASSERT_EQ(config.adapters.size(), 2U);
  EXPECT_EQ(config.adapters[0].path, "/a");
  EXPECT_EQ(config.adapters[0].scale, 1);
  EXPECT_EQ(config.adapters[1].scale, -0.5);
  EXPECT_EQ(config.rope_frequency_base, 1e6F);
  EXPECT_EQ(config.rope_frequency_scale, 0.5F);
  EXPECT_EQ(config.pooling, LLAMA_POOLING_TYPE_LAST);
  EXPECT_EQ(config.chat_template, "x");
  EXPECT_FALSE(config.prefix_cache);
}

TEST(Config, EachBadFieldIsNamedWithWhatIsAllowed) {
  const std::pair<const char*, const char*> cases[] = {
      {R"({"context":15})", "context: must be a whole number from 16 to 16777216"},
      {R"({"batch":31})", "batch: must be a whole number from 32 to 16384"},
      {R"({"batch":"64"})", "batch: must be a whole number from 32 to 16384"},
      {R"({"micro_batch":0})", "micro_batch: must be a whole number from 32 to 16384"},
      {R"({"batch":64,"micro_batch":65})", "micro_batch: must be at most batch, 64"},
      {R"({"threads":0})", "threads: must be a whole number from 1 to 256"},
      {R"({"threads":1.5})", "threads: must be a whole number from 1 to 256"},
      {R"({"batch_threads":257})", "batch_threads: must be a whole number from 1 to 256"},
      {R"({"parallel":65})", "parallel: must be a whole number from 1 to 64"},
      {R"({"parallel":40,"batch":32})", "batch: must be at least as large as parallel"},
      {R"({"gpu_layers":-2})", "gpu_layers: must be a whole number from -1 to 10000"},
      {R"({"devices":"CUDA0"})", "devices: must be an array of at most 16 entries"},
      {R"({"devices":["CUDA0",1]})", "devices[1]: must be a string"},
      {R"({"main_gpu":-1})", "main_gpu: must be a whole number from 0 to 15"},
      {R"({"split_mode":"column"})", "split_mode: must be one of none, layer, row"},
      {R"({"split_mode":1})", "split_mode: must be one of none, layer, row"},
      {R"({"tensor_split":[1,-1]})", "tensor_split[1]: must be a number from 0 to 1000000"},
      {R"({"tensor_split":[0,0]})", "tensor_split: must hold a number above 0"},
      {R"({"devices":["a"],"tensor_split":[1,1]})",
       "tensor_split: must have at most as many numbers as there are devices"},
      {R"({"mmap":1})", "mmap: must be true or false"},
      {R"({"mlock":null})", "mlock: must be true or false"},
      {R"({"numa":"on"})", "numa: must be one of off, distribute, isolate, numactl"},
      {R"({"flash_attention":true})", "flash_attention: must be one of auto, on, off"},
      {R"({"cache_type_k":"q2_k"})",
       "cache_type_k: must be one of f32, f16, bf16, q8_0, q4_0, q4_1, iq4_nl, q5_0, q5_1"},
      {R"({"cache_type_v":"q8_0","flash_attention":"off"})",
       "cache_type_v: a quantised type needs flash_attention on or auto; without it f32, f16 and "
       "bf16 are allowed"},
      {R"({"adapters":{}})", "adapters: must be an array of at most 64 entries"},
      {R"({"adapters":["/a"]})", "adapters[0]: must be an object with path and scale"},
      {R"({"adapters":[{"scale":1}]})", "adapters[0].path: must be the path of a GGUF file"},
      {R"({"adapters":[{"path":"/a"},{"path":"/b","scale":1e9}]})",
       "adapters[1].scale: must be a number from -1000 to 1000"},
      {R"({"adapters":[{"path":"/a","name":""}]})",
       "adapters[0].name: is no setting of an adapter; it has path and scale"},
      {R"({"rope_frequency_base":-1})",
       "rope_frequency_base: must be a number from 0 to 1000000000000"},
      {R"({"pooling":"max"})", "pooling: must be one of unspecified, none, mean, cls, last, rank"},
      {R"({"chat_template":1})", "chat_template: must be a string"},
      {R"({"prefix_cache":"yes"})", "prefix_cache: must be true or false"},
  };
  for (const auto& [json, message] : cases) EXPECT_EQ(refusal(json), message) << json;
}

TEST(Config, AnUnknownKeyIsNamedWithTheKnownOnes) {
  const std::string message = refusal(R"({"thread":1})");
  EXPECT_EQ(message.find("thread: is no setting of this engine; it has context, batch,"), 0U);
  EXPECT_NE(message.find("prefix_cache"), std::string::npos);
}

TEST(Config, QuantisedValuesWithFlashAttentionAreFine) {
  EXPECT_EQ(refusal(R"({"cache_type_v":"q8_0","flash_attention":"on"})"), "accepted");
  EXPECT_EQ(refusal(R"({"cache_type_v":"q8_0"})"), "accepted");
  EXPECT_EQ(refusal(R"({"cache_type_k":"q8_0","flash_attention":"off"})"), "accepted");
}

}  // namespace
}  // namespace infer::llama
