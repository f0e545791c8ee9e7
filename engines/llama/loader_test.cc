// Loads of other shapes than one whole file: split models, LoRA adapters, settings of the context.
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "engines/llama/testing/gguf_writer.h"
#include "plugin_driver.h"
#include "src/port/temp_dir.h"

namespace infer::test {
namespace {

using llama::testing::GgufWriter;

const std::string kModel = std::string(INFER_SOURCE_DIR) + "/models/tiny-chat/tiny-chat.gguf";

std::string answer(const Model& model) {
  const Outcome outcome =
      ask(model, user_says("What is the capital of France?", "\"max_tokens\":24"));
  EXPECT_EQ(outcome.result, INFER_END) << outcome.failure.message;
  return outcome.text();
}

std::string config(const std::string& more) {
  return "{\"threads\":1,\"context\":256,\"parallel\":1" + (more.empty() ? "" : "," + more) + "}";
}

const std::string& plain_answer() {
  static const std::string text = answer(Model(kModel, config("")));
  return text;
}

// The shipped model's tables and weights.
struct WholeModel {
  WholeModel() {
    gguf_init_params params = {};
    ggml_context* data = nullptr;
    params.ctx = &data;
    tables.reset(gguf_init_from_file(kModel.c_str(), params));
    weights.reset(data);
  }
  int64_t size() const { return gguf_get_n_tensors(tables.get()); }
  ggml_tensor* tensor(int64_t i) const {
    return ggml_get_tensor(weights.get(), gguf_get_tensor_name(tables.get(), i));
  }
  std::unique_ptr<gguf_context, decltype(&gguf_free)> tables{nullptr, gguf_free};
  std::unique_ptr<ggml_context, decltype(&ggml_free)> weights{nullptr, ggml_free};
};

std::string piece(const std::string& prefix, int number, int count) {
  char ending[32];
  std::snprintf(ending, sizeof ending, "-%05d-of-%05d.gguf", number, count);
  return prefix + ending;
}

// Writes the model as `count` files; the tables go into the first.
void write_split(const std::string& prefix, int count) {
  const WholeModel whole;
  for (int number = 1; number <= count; ++number) {
    const std::unique_ptr<gguf_context, decltype(&gguf_free)> file(gguf_init_empty(), gguf_free);
    if (number == 1) gguf_set_kv(file.get(), whole.tables.get());
    gguf_set_val_u16(file.get(), "split.no", static_cast<uint16_t>(number - 1));
    gguf_set_val_u16(file.get(), "split.count", static_cast<uint16_t>(count));
    gguf_set_val_i32(file.get(), "split.tensors.count", static_cast<int32_t>(whole.size()));
    for (int64_t i = number - 1; i < whole.size(); i += count)
      gguf_add_tensor(file.get(), whole.tensor(i));
    ASSERT_TRUE(gguf_write_to_file(file.get(), piece(prefix, number, count).c_str(), false));
  }
}

TEST(SplitModel, AnswersAsTheWholeOne) {
  port::TempDir dir;
  write_split(dir / "model", 3);
  for (const char* how : {"\"mmap\":true", "\"mmap\":false"})
    EXPECT_EQ(answer(Model(piece(dir / "model", 1, 3), config(how))), plain_answer()) << how;
}

TEST(SplitModel, APieceThatIsMissingOrNamedInsteadOfTheFirstIsTold) {
  port::TempDir dir;
  write_split(dir / "model", 3);
  Model model;
  EXPECT_EQ(model.load(piece(dir / "model", 2, 3), config("")), INFER_E_INVALID_REQUEST);
  EXPECT_NE(model.failure().message.find("name the first, " + piece(dir / "model", 1, 3)),
            std::string::npos)
      << model.failure().message;
  std::remove(piece(dir / "model", 3, 3).c_str());
  EXPECT_EQ(model.load(piece(dir / "model", 1, 3), config("")), INFER_E_NOT_FOUND);
  EXPECT_NE(model.failure().message.find(piece(dir / "model", 3, 3)), std::string::npos)
      << model.failure().message;
}

TEST(SplitModel, AWrongPieceIsTold) {
  port::TempDir dir;
  write_split(dir / "model", 2);
  std::filesystem::copy_file(piece(dir / "model", 1, 2), piece(dir / "model", 2, 2),
                             std::filesystem::copy_options::overwrite_existing);
  Model model;
  EXPECT_EQ(model.load(piece(dir / "model", 1, 2), config("")), INFER_E_MODEL_INVALID);
  EXPECT_FALSE(model.failure().message.empty());
}

// -- Adapters

// A LoRA adapter of random numbers for one matrix of each layer.
void write_adapter(const std::string& path, const std::string& architecture, float size) {
  const WholeModel whole;
  GgufWriter out;
  out.set("general.type", "adapter");
  out.set("general.architecture", architecture);
  out.set("adapter.type", "lora");
  out.set_f32("adapter.lora.alpha", 2);
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, size);
  const auto numbers = [&](int64_t count) {
    std::vector<float> values(static_cast<std::size_t>(count));
    for (float& value : values) value = normal(random);
    return values;
  };
  constexpr int64_t kRank = 2;
  for (int64_t i = 0; i < whole.size(); ++i) {
    const ggml_tensor* tensor = whole.tensor(i);
    const std::string name = tensor->name;
    if (name.find("attn_q.weight") == std::string::npos) continue;
    out.tensor(name + ".lora_a", {tensor->ne[0], kRank}, GGML_TYPE_F32,
               numbers(tensor->ne[0] * kRank));
    out.tensor(name + ".lora_b", {kRank, tensor->ne[1]}, GGML_TYPE_F32,
               numbers(tensor->ne[1] * kRank));
  }
  out.write(path);
}

std::string architecture() {
  const WholeModel whole;
  return gguf_get_val_str(whole.tables.get(),
                          gguf_find_key(whole.tables.get(), "general.architecture"));
}

std::string adapters(const std::string& path, const std::string& scale) {
  return config("\"adapters\":[{\"path\":" + engine::json_quote(path) + ",\"scale\":" + scale +
                "}]");
}

TEST(Adapter, ChangesTheAnswerByItsScale) {
  port::TempDir dir;
  const std::string path = dir / "adapter.gguf";
  write_adapter(path, architecture(), 1);
  EXPECT_EQ(answer(Model(kModel, adapters(path, "0"))), plain_answer());
  const std::string changed = answer(Model(kModel, adapters(path, "1")));
  EXPECT_NE(changed, plain_answer());
  EXPECT_EQ(answer(Model(kModel, adapters(path, "1"))), changed);
  EXPECT_NE(answer(Model(kModel, adapters(path, "-1"))), plain_answer());
}

TEST(Adapter, ABrokenOrForeignOneIsNamed) {
  port::TempDir dir;
  const std::string foreign = dir / "foreign.gguf";
  write_adapter(foreign, "bert", 1);
  const std::string whole = dir / "whole.gguf";
  write_adapter(whole, architecture(), 1);
  std::ifstream file(whole, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  const std::string cut = dir.write("cut.gguf", bytes.substr(0, bytes.size() / 2));
  const std::string text = dir.write("text.gguf", "no adapter");
  for (const std::string& path : {foreign, cut, text, kModel}) {
    Model model;
    EXPECT_EQ(model.load(kModel, adapters(path, "1")), INFER_E_MODEL_INVALID) << path;
    EXPECT_NE(model.failure().message.find(path), std::string::npos) << model.failure().message;
  }
  Model model;
  EXPECT_EQ(model.load(kModel, adapters(dir / "none.gguf", "1")), INFER_E_NOT_FOUND);
  EXPECT_NE(model.failure().message.find("none.gguf"), std::string::npos);
}

// -- Settings of the context

TEST(Settings, OnesThatChangeNoTextAnswerTheSame) {
  for (const char* more : {"\"micro_batch\":32", "\"flash_attention\":\"off\"",
                           "\"cache_type_k\":\"f32\"", "\"gpu_layers\":0", "\"devices\":[]",
                           "\"prefix_cache\":false", "\"split_mode\":\"none\"", "\"mlock\":false"})
    EXPECT_EQ(answer(Model(kModel, config(more))), plain_answer()) << more;
}

// Few tokens: on a busy machine two threads wait for each other at every step.
TEST(Settings, TwoThreadsAnswerTheSameAndEndWithTheModel) {
  const auto answer_with = [](const std::string& threads) {
    const Model model(kModel, "{\"context\":256,\"parallel\":1," + threads + "}");
    return ask(model, user_says("Hello!", "\"max_tokens\":3")).text();
  };
  const std::string one = answer_with("\"threads\":1");
  EXPECT_FALSE(one.empty());
  EXPECT_EQ(answer_with("\"threads\":2"), one);
  EXPECT_EQ(answer_with("\"threads\":1,\"batch_threads\":2"), one);
}

TEST(Settings, QuantisedCachesWork) {
  for (const char* type : {"q8_0", "bf16", "q5_1", "iq4_nl"}) {
    const std::string quoted = std::string("\"") + type + "\"";
    const Model model(kModel, config("\"cache_type_k\":" + quoted + ",\"cache_type_v\":" + quoted));
    EXPECT_FALSE(answer(model).empty()) << type;
  }
}

TEST(Settings, WhatThisMachineCannotDoIsNamed) {
  const std::pair<const char*, const char*> cases[] = {
      {"\"devices\":[\"Nothing7\"]", "devices[0]: is no device of this engine: "},
      {"\"main_gpu\":9", "main_gpu: must be less than the number of devices: "},
      {"\"tensor_split\":[1,1,1,1,1,1,1]",
       "tensor_split: must have at most one number for each device: "},
  };
  for (const auto& [more, message] : cases) {
    Model model;
    EXPECT_EQ(model.load(kModel, config(more)), INFER_E_INVALID_REQUEST) << more;
    EXPECT_EQ(model.failure().message.find(message), 0U) << model.failure().message;
  }
}

TEST(Settings, AChatTemplateOfOnesOwn) {
  const Model model(kModel, config("\"chat_template\":\"{{ messages[0].content }}\""));
  const Outcome own = ask(model, user_says("one two", "\"max_tokens\":1"));
  const Outcome models = ask(Model(kModel, config("")), user_says("one two", "\"max_tokens\":1"));
  EXPECT_EQ(own.result, INFER_END) << own.failure.message;
  EXPECT_LT(own.usage().input, models.usage().input);
  Model broken;
  const int code = broken.load(kModel, config("\"chat_template\":\"{% if %}\""));
  EXPECT_TRUE(code == INFER_OK || code == INFER_E_INVALID_REQUEST);
}

}  // namespace
}  // namespace infer::test
