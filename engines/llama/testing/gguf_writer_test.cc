// What the writer writes, llama.cpp loads, and the random model keeps what its header promises.
#include "engines/llama/testing/gguf_writer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <stdexcept>

#include "engines/llama/testing/random_model.h"
#include "llama.h"

namespace infer::llama::testing {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    std::string name = (std::filesystem::temp_directory_path() / "infer-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory_ = name;
  }
  ~Files() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& name) const { return (directory_ / name).string(); }
  std::string content(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    std::ostringstream all;
    all << in.rdbuf();
    return all.str();
  }

 private:
  std::filesystem::path directory_;
};

struct FreeModel {
  void operator()(llama_model* m) const { llama_model_free(m); }
  void operator()(llama_context* c) const { llama_free(c); }
};

struct Loaded {
  explicit Loaded(const std::string& path) {
    model.reset(llama_model_load_from_file(path.c_str(), llama_model_default_params()));
    if (model == nullptr) throw std::runtime_error("not loaded: " + path);
    llama_context_params params = llama_context_default_params();
    params.n_ctx = 512;
    params.n_threads = params.n_threads_batch = 1;
    context.reset(llama_init_from_model(model.get(), params));
  }
  // Greedy; the tokens after `prompt`.
  std::vector<llama_token> write(std::vector<llama_token> prompt, std::size_t count) {
    const int32_t size = llama_vocab_n_tokens(llama_model_get_vocab(model.get()));
    std::vector<llama_token> out;
    while (out.size() < count) {
      llama_batch batch = llama_batch_get_one(prompt.data(), static_cast<int32_t>(prompt.size()));
      EXPECT_EQ(llama_decode(context.get(), batch), 0);
      const float* logits = llama_get_logits_ith(context.get(), -1);
      out.push_back(static_cast<llama_token>(std::max_element(logits, logits + size) - logits));
      prompt = {out.back()};
    }
    return out;
  }

  std::unique_ptr<llama_model, FreeModel> model;
  std::unique_ptr<llama_context, FreeModel> context;
};

std::vector<llama_token> tokens_of(const llama_vocab* vocab, const std::string& text) {
  std::vector<llama_token> out(text.size() + 8);
  out.resize(static_cast<std::size_t>(
      llama_tokenize(vocab, text.data(), static_cast<int32_t>(text.size()), out.data(),
                     static_cast<int32_t>(out.size()), true, true)));
  return out;
}

std::string text_of(const llama_vocab* vocab, const std::vector<llama_token>& tokens) {
  std::string out;
  for (const llama_token token : tokens) {
    char piece[32];
    const int32_t size = llama_token_to_piece(vocab, token, piece, sizeof(piece), 0, false);
    out.append(piece, static_cast<std::size_t>(std::max(size, 0)));
  }
  return out;
}

std::vector<llama_token> bytes_of(const std::string& text) {
  std::vector<llama_token> out;
  for (const char c : text) out.push_back(static_cast<unsigned char>(c));
  return out;
}

TEST_F(Files, RandomModelsOfEveryTypeLoadAndWriteWords) {
  for (const ggml_type type : {GGML_TYPE_F32, GGML_TYPE_F16, GGML_TYPE_Q8_0}) {
    RandomShape shape;
    shape.type = type;
    write_random_llama(path("m.gguf"), shape);
    Loaded loaded(path("m.gguf"));
    const llama_vocab* vocab = llama_model_get_vocab(loaded.model.get());
    EXPECT_EQ(llama_vocab_n_tokens(vocab), static_cast<int32_t>(shape.vocabulary));
    const auto tokens = loaded.write(bytes_of("Hello"), 100);
    EXPECT_GE(*std::min_element(tokens.begin(), tokens.end()), kFirstWord) << ggml_type_name(type);
    const std::string text = text_of(vocab, tokens);
    EXPECT_EQ(text.size(), 5 * tokens.size());
    EXPECT_EQ(text.find_first_not_of(" abcdefghijklmnopqrstuvwxyz"), std::string::npos);
  }
}

TEST_F(Files, APromptHasATokenForEveryByte) {
  write_random_llama(path("m.gguf"), {});
  Loaded loaded(path("m.gguf"));
  const llama_vocab* vocab = llama_model_get_vocab(loaded.model.get());
  std::string all;
  for (int byte = 0; byte < 128; ++byte) all += static_cast<char>(byte);
  all += " aaaa aaab\xC3\xA9\xE2\xAD\x90";
  EXPECT_EQ(tokens_of(vocab, all), bytes_of(all));
  EXPECT_EQ(text_of(vocab, bytes_of(all)), all);
  EXPECT_EQ(tokens_of(vocab, "<|im_start|>"), std::vector<llama_token>{kBeginTurn});
  for (const llama_token token : ending_tokens()) EXPECT_TRUE(llama_vocab_is_eog(vocab, token));
}

TEST_F(Files, SameSeedSameFile) {
  RandomShape shape;
  write_random_llama(path("a"), shape);
  write_random_llama(path("b"), shape);
  shape.seed = 2;
  write_random_llama(path("c"), shape);
  EXPECT_EQ(content("a"), content("b"));
  EXPECT_NE(content("a"), content("c"));
}

TEST_F(Files, EveryKindOfValueComesBack) {
  GgufWriter writer;
  writer.set("text", "old");
  writer.set("text", "new");
  writer.set("flag", true);
  writer.set_u16("u16", 65535);
  writer.set_u32("u32", 4000000000u);
  writer.set_i32("i32", -5);
  writer.set_u64("u64", uint64_t{1} << 40);
  writer.set_f32("f32", 0.5f);
  writer.set("words", std::vector<std::string>{"a", "", "b c"});
  writer.set("numbers", std::vector<float>{1, 2, 3});
  writer.tensor("t", {2, 3}, GGML_TYPE_F32, {1, 2, 3, 4, 5, 6});
  writer.write(path("v"));
  gguf_context* file = gguf_init_from_file(path("v").c_str(), {true, nullptr});
  ASSERT_NE(file, nullptr);
  const auto id = [&](const char* key) { return gguf_find_key(file, key); };
  EXPECT_STREQ(gguf_get_val_str(file, id("text")), "new");
  EXPECT_TRUE(gguf_get_val_bool(file, id("flag")));
  EXPECT_EQ(gguf_get_val_u16(file, id("u16")), 65535);
  EXPECT_EQ(gguf_get_val_u32(file, id("u32")), 4000000000u);
  EXPECT_EQ(gguf_get_val_i32(file, id("i32")), -5);
  EXPECT_EQ(gguf_get_val_u64(file, id("u64")), uint64_t{1} << 40);
  EXPECT_EQ(gguf_get_val_f32(file, id("f32")), 0.5f);
  EXPECT_EQ(gguf_get_arr_n(file, id("words")), 3u);
  EXPECT_STREQ(gguf_get_arr_str(file, id("words"), 2), "b c");
  EXPECT_EQ(gguf_get_arr_n(file, id("numbers")), 3u);
  EXPECT_EQ(gguf_get_tensor_size(file, 0), 24u);
  gguf_free(file);
}

TEST_F(Files, NonsenseIsRefusedByName) {
  GgufWriter writer;
  const auto refused = [&](const std::vector<int64_t>& shape, ggml_type type, std::size_t count) {
    try {
      writer.tensor("blk.0", shape, type, std::vector<float>(count));
    } catch (const std::invalid_argument& e) {
      return std::string(e.what()).find("blk.0") != std::string::npos;
    }
    return false;
  };
  EXPECT_TRUE(refused({4, 4}, GGML_TYPE_F32, 15));
  EXPECT_TRUE(refused({}, GGML_TYPE_F32, 1));
  EXPECT_TRUE(refused({0}, GGML_TYPE_F32, 0));
  EXPECT_TRUE(refused({16, 2}, GGML_TYPE_Q8_0, 32));
  EXPECT_TRUE(refused({256}, GGML_TYPE_IQ2_XXS, 256));
  EXPECT_FALSE(refused({4}, GGML_TYPE_F32, 4));
  EXPECT_TRUE(refused({4}, GGML_TYPE_F32, 4)) << "twice the same name";
  EXPECT_THROW(writer.write(path("no/such/directory")), std::runtime_error);
  EXPECT_THROW(write_byte_vocabulary(writer, 259), std::invalid_argument);
  RandomShape odd;
  odd.heads = 3;
  EXPECT_THROW(fill_random_llama(writer, odd), std::invalid_argument);
}

}  // namespace
}  // namespace infer::llama::testing
