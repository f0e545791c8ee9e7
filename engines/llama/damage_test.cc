// Damaged model files: whatever is wrong in one, a load ends with an error that says so, or with a
// model that works; never with the end of the process.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include "plugin_driver.h"
#include "src/port/temp_dir.h"

namespace infer::test {
namespace {

const std::string kModel = std::string(INFER_SOURCE_DIR) + "/models/tiny-chat/tiny-chat.gguf";
constexpr uint32_t kMutations = 400;
// As small as possible: hundreds of them are loaded.
constexpr const char* kConfig =
    R"({"threads":1,"context":64,"batch":32,"parallel":1,"mmap":false})";

const std::string& model_bytes() {
  static const std::string bytes = [] {
    std::ifstream file(kModel, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }();
  return bytes;
}

// Where the tables end and the weights begin, more or less: the last tensor's name is there.
std::size_t tables_end() {
  const std::size_t at = model_bytes().rfind("output_norm.weight");
  return std::min(at == std::string::npos ? model_bytes().size() : at + 64, model_bytes().size());
}

class Outcomes {
 public:
  // Loads these bytes; what loads is asked for two tokens, and may refuse.
  void load(const std::string& bytes, const std::string& what) {
    SCOPED_TRACE(what);
    const std::string path = dir_.write("model.gguf", bytes);
    Model model;
    const int code = model.load(path, kConfig);
    ++count_[code];
    if (code != INFER_OK) {
      EXPECT_TRUE(code == INFER_E_MODEL_INVALID || code == INFER_E_UNSUPPORTED ||
                  code == INFER_E_INVALID_REQUEST || code == INFER_E_OUT_OF_MEMORY)
          << code << ": " << model.failure().message;
      EXPECT_FALSE(model.failure().message.empty());
      return;
    }
    const Outcome outcome = ask(model, user_says("Hello!", "\"max_tokens\":2"));
    ++(outcome.result == INFER_END ? answered_ : refused_);
    if (outcome.result != INFER_END) {
      EXPECT_FALSE(outcome.failure.message.empty());
    }
  }

  int loaded() const { return answered_ + refused_; }
  int invalid() { return count_[INFER_E_MODEL_INVALID]; }
  std::string text() const {
    std::string out =
        std::to_string(answered_) + " answered, " + std::to_string(refused_) + " refused to answer";
    for (const auto& [code, count] : count_)
      out += ", " + std::to_string(count) + " with " + std::to_string(code);
    return out;
  }

 private:
  port::TempDir dir_;
  std::map<int, int> count_;
  int answered_ = 0, refused_ = 0;
};

TEST(Damage, TheWholeFileWorks) {
  Outcomes outcomes;
  outcomes.load(model_bytes(), "whole");
  EXPECT_EQ(outcomes.loaded(), 1);
}

// llama.cpp asserts that no two tokens have the same text.
TEST(Damage, AFailedAssertionIsAnError) {
  const std::string bytes = model_bytes();
  // A token of the same length as another gets that one's text.
  const std::size_t tokens = bytes.find("tokenizer.ggml.tokens");
  ASSERT_NE(tokens, std::string::npos);
  std::map<uint64_t, std::size_t> seen;  // length of a text: where it stands
  std::size_t at = tokens + std::string("tokenizer.ggml.tokens").size() + 4 + 4;
  uint64_t count = 0;
  std::memcpy(&count, bytes.data() + at, sizeof count);
  at += sizeof count;
  std::string doubled;
  for (uint64_t i = 0; i < count && doubled.empty(); ++i) {
    uint64_t size = 0;
    std::memcpy(&size, bytes.data() + at, sizeof size);
    at += sizeof size;
    if (i > 300 && seen.count(size) != 0) {
      doubled = bytes;
      doubled.replace(at, size, bytes, seen[size], size);
    }
    seen[size] = at;
    at += size;
  }
  ASSERT_FALSE(doubled.empty());
  port::TempDir dir;
  Model model;
  EXPECT_EQ(model.load(dir.write("doubled.gguf", doubled), kConfig), INFER_E_MODEL_INVALID);
  EXPECT_NE(model.failure().message.find("doubled.gguf"), std::string::npos)
      << model.failure().message;
  EXPECT_NE(model.failure().message.find("GGML_ASSERT(id_to_token.size()"), std::string::npos)
      << model.failure().message;
  // The engine is as good as before.
  Outcomes outcomes;
  outcomes.load(model_bytes(), "whole");
  EXPECT_EQ(outcomes.loaded(), 1);
}

TEST(Damage, FilesThatEndEarly) {
  Outcomes outcomes;
  std::mt19937 random(1);
  for (int i = 0; i < 100; ++i) {
    const std::size_t size =
        std::uniform_int_distribution<std::size_t>(0, model_bytes().size() - 1)(random);
    outcomes.load(model_bytes().substr(0, size), "cut to " + std::to_string(size));
  }
  EXPECT_EQ(outcomes.loaded(), 0) << outcomes.text();
}

TEST(Damage, BytesOfTheTablesThatAreWrong) {
  Outcomes outcomes;
  for (uint32_t seed = 0; seed < kMutations; ++seed) {
    std::mt19937 random(seed);
    std::string bytes = model_bytes();
    const int flips = 1 << random() % 4;
    for (int i = 0; i < flips; ++i) {
      const std::size_t at = random() % tables_end();
      bytes[at] = static_cast<char>(random() % 2 == 0 ? random() : bytes[at] ^ (1 << random() % 8));
    }
    outcomes.load(bytes, "seed " + std::to_string(seed));
  }
  EXPECT_GT(outcomes.loaded(), 0) << outcomes.text();
  EXPECT_GT(outcomes.invalid(), 0) << outcomes.text();
}

}  // namespace
}  // namespace infer::test
