// Embeddings and rankings through the plugin's table, beside text on the same model.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <thread>

#include "engines/llama/testing/random_bert.h"
#include "engines/llama/testing/random_model.h"
#include "plugin_driver.h"

namespace infer::test {
namespace {

namespace fs = std::filesystem;
namespace make = llama::testing;

// The models of this file, written once.
class EmbedPlugin : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string name = (fs::temp_directory_path() / "infer-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    directory_ = new std::string(name);
    make::write_random_bert(path("bert"), {.context = 128});
    make::write_random_bert(path("ranker"), {.pooling = 4, .head = true});
    make::write_random_llama(path("llama"), {.context = 512});
  }
  static void TearDownTestSuite() {
    fs::remove_all(*directory_);
    delete directory_;
  }
  static std::string path(const std::string& name) { return *directory_ + "/" + name + ".gguf"; }

 private:
  static inline std::string* directory_ = nullptr;
};

std::string inputs(const std::vector<std::string>& texts, const std::string& more = {}) {
  std::string list;
  for (const std::string& text : texts)
    list += (list.empty() ? "" : ",") + engine::json_quote(text);
  return "{" + more + "\"inputs\":[" + list + "],\"task\":\"embed\"}";
}
std::string described(const Model& model) {
  infer_str json = {};
  infer_error error = {};
  error.size = sizeof error;
  EXPECT_EQ(plugin().describe(model.get(), &json, &error), INFER_OK);
  return std::string(engine::to_view(json));
}
Outcome embed(const Model& model, const std::vector<std::string>& texts,
              const std::string& more = {}) {
  return ask(model, inputs(texts, more), INFER_TASK_EMBED);
}
constexpr char kRank[] =
    R"({"documents":["one","two","three"],"query":"which","task":"rerank","top_n":1})";

TEST_F(EmbedPlugin, VectorsComeWholeAndInOrder) {
  for (const char* name : {"bert", "llama"}) {
    const Model model(path(name), R"({"batch":32,"context":128,"threads":1})");
    const std::vector<std::string> texts = {"first", "second text", std::string(100, 'z'), "last"};
    const Outcome all = embed(model, texts);
    ASSERT_EQ(all.result, INFER_END) << all.failure.message;
    EXPECT_EQ(all.events.front().kind, INFER_EV_START);
    EXPECT_EQ(all.events.back().kind, INFER_EV_FINISH);
    EXPECT_EQ(all.finish(), static_cast<uint32_t>(INFER_FIN_STOP));
    EXPECT_GT(all.usage().input, 100);
    const Seen* vectors = all.last(INFER_EV_VECTORS);
    ASSERT_NE(vectors, nullptr);
    EXPECT_EQ(vectors->rows, 4u);
    for (std::size_t row = 0; row < texts.size(); ++row) {
      const Outcome alone = embed(model, {texts[row]});
      const Seen* one = alone.last(INFER_EV_VECTORS);
      ASSERT_NE(one, nullptr) << alone.failure.message;
      double dot = 0, length = 0;
      for (uint32_t i = 0; i < vectors->dimensions; ++i) {
        const double value = vectors->vectors[row * vectors->dimensions + i];
        dot += value * static_cast<double>(one->vectors[i]);
        length += value * value;
      }
      EXPECT_NEAR(length, 1, 1e-5);
      EXPECT_NEAR(dot, 1, 1e-3) << name << " " << row;
    }
  }
}

TEST_F(EmbedPlugin, EachModelSaysWhatItDoes) {
  const Model bert(path("bert")), ranker(path("ranker")), writer(path("llama"));
  EXPECT_NE(described(bert).find(R"("tasks":["embed"])"), std::string::npos) << described(bert);
  EXPECT_NE(described(ranker).find(R"("tasks":["rerank"])"), std::string::npos);
  EXPECT_NE(described(writer).find(R"("tasks":["text","count","embed"])"), std::string::npos);
  for (const Model* model : {&bert, &ranker}) {
    const Outcome text = ask(*model, user_says("hello"));
    EXPECT_EQ(text.result, INFER_E_UNSUPPORTED);
    EXPECT_NE(text.failure.message.find("does not write"), std::string::npos)
        << text.failure.message;
  }
  EXPECT_EQ(ask(bert, kRank, INFER_TASK_RERANK).result, INFER_E_UNSUPPORTED);
  EXPECT_EQ(ask(writer, kRank, INFER_TASK_RERANK).result, INFER_E_UNSUPPORTED);
  EXPECT_EQ(embed(ranker, {"a"}).result, INFER_E_UNSUPPORTED);
  const Model vectors(path("ranker"), R"({"pooling":"cls","threads":1})");
  EXPECT_EQ(embed(vectors, {"a"}).result, INFER_END);
  Model wrong;
  EXPECT_EQ(wrong.load(path("bert"), R"({"pooling":"rank"})"), INFER_E_INVALID_REQUEST);
  EXPECT_EQ(wrong.failure().details, R"({"field":"pooling"})");
}

TEST_F(EmbedPlugin, ScoresComeForEveryDocument) {
  const Model model(path("ranker"));
  const Outcome all = ask(model, kRank, INFER_TASK_RERANK);
  ASSERT_EQ(all.result, INFER_END) << all.failure.message;
  const Seen* scores = all.last(INFER_EV_VECTORS);
  ASSERT_NE(scores, nullptr);
  EXPECT_EQ(scores->rows, 3u);
  EXPECT_EQ(scores->dimensions, 1u);
}

TEST_F(EmbedPlugin, WhatIsTooLongIsNamedBeforeAnythingRuns) {
  const Model model(path("bert"));
  const Outcome out = embed(model, {"fine", std::string(200, 'x')});
  EXPECT_EQ(out.result, INFER_E_CONTEXT_OVERFLOW);
  EXPECT_EQ(out.failure.details, R"({"field":"inputs[1]","need":202,"have":128})");
  EXPECT_TRUE(out.events.empty());
  EXPECT_EQ(embed(model, {""}).failure.details, R"({"field":"inputs[0]"})");
  EXPECT_EQ(embed(model, {"a"}, "\"dimensions\":33,").failure.details, R"({"field":"dimensions"})");
}

// One thread runs both; neither changes what the other gives.
TEST_F(EmbedPlugin, TextAndVectorsOnOneModel) {
  const Model model(path("llama"), R"({"batch":64,"threads":1})");
  const std::string request = user_says("a story", "\"max_tokens\":60");
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) texts.push_back("text number " + std::to_string(i));
  const std::string story = ask(model, request).text();
  const Outcome alone = embed(model, texts);
  ASSERT_FALSE(story.empty());
  Outcome stories[2], vectors[2];
  std::vector<std::thread> threads;
  for (int i = 0; i < 2; ++i) {
    threads.emplace_back([&, i] { stories[i] = ask(model, request); });
    threads.emplace_back([&, i] { vectors[i] = embed(model, texts); });
  }
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(stories[i].text(), story);
    ASSERT_EQ(vectors[i].result, INFER_END) << vectors[i].failure.message;
    const std::vector<float>& a = alone.last(INFER_EV_VECTORS)->vectors;
    const std::vector<float>& b = vectors[i].last(INFER_EV_VECTORS)->vectors;
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t k = 0; k < a.size(); ++k) EXPECT_NEAR(a[k], b[k], 0.02) << k;
  }
}

TEST_F(EmbedPlugin, CancelledAndClosedJobsLeaveTheModelFree) {
  const Model model(path("llama"), R"({"batch":32,"parallel":2,"threads":1})");
  const std::vector<std::string> many(300, std::string(200, 'm'));
  for (int i = 0; i < 10; ++i) {
    Source cancelled(model, inputs(many), INFER_TASK_EMBED);
    Source closed(model, inputs(many), INFER_TASK_EMBED);
    for (int events = 0; events < 2; ++events) cancelled.advance();
    cancelled.cancel();
    EXPECT_EQ(cancelled.drain().result, INFER_E_CANCELLED);
    closed.close();
  }
  EXPECT_EQ(embed(model, {"a"}).result, INFER_END);
  EXPECT_EQ(g_cpu_held.load(), 0);
}

}  // namespace
}  // namespace infer::test
