// What requests for vectors and rankings may hold, and the tokens that their texts become.
#include "embed_request.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "engines/llama/testing/random_bert.h"
#include "engines/llama/testing/random_model.h"
#include "infer/plugin.h"
#include "refusal.h"

namespace infer::llama {
namespace {

namespace fs = std::filesystem;
using testing::kClass;
using testing::kSeparator;

// The code and the field of the refusal, "0" if there was none.
template <class F>
std::string refused(F&& f) {
  try {
    f();
  } catch (const Refusal& e) {
    return std::to_string(e.code()) + " " + e.details();
  }
  return "0";
}
std::string refused_embed(const std::string& json) {
  return refused([&] { parse_embed_request(json, 32); });
}
std::string refused_rank(const std::string& json) {
  return refused([&] { parse_rank_request(json); });
}
std::string invalid_field(const std::string& field) {
  return std::to_string(INFER_E_INVALID_REQUEST) + " {\"field\":\"" + field + "\"}";
}

TEST(EmbedRequest, ReadsEveryField) {
  const EmbedRequest r = parse_embed_request(
      R"({"dimensions":8,"extra":{"llama":{},"openai":{}},"input_type":"query","inputs":["a","b"],)"
      R"("no_such_key":1,"normalize":false,"task":"embed","user":"me"})",
      32);
  EXPECT_EQ(r.inputs, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.dimensions, 8u);
  EXPECT_FALSE(r.normalize);
  ASSERT_EQ(r.warnings.size(), 2u);
  EXPECT_EQ(r.warnings[0].extra, "{\"setting\":\"extra.llama\"}");
  EXPECT_EQ(r.warnings[1].extra, "{\"setting\":\"input_type\"}");
  const EmbedRequest least = parse_embed_request(R"({"inputs":["a"]})", 32);
  EXPECT_FALSE(least.dimensions);
  EXPECT_TRUE(least.normalize);
  EXPECT_TRUE(least.warnings.empty());
}

TEST(EmbedRequest, NamesWhatIsWrong) {
  const std::string invalid = std::to_string(INFER_E_INVALID_REQUEST);
  for (const char* json : {"", "{", "[]", "7"}) EXPECT_EQ(refused_embed(json), invalid + " ");
  for (const char* json : {"{}", R"({"inputs":[]})", R"({"inputs":"a"})"})
    EXPECT_EQ(refused_embed(json), invalid_field("inputs"));
  EXPECT_EQ(refused_embed(R"({"inputs":["a",7]})"), invalid_field("inputs[1]"));
  for (const char* dimensions : {"0", "33", "-1", "1.5", "\"8\"", "99999999999999999999"}) {
    EXPECT_EQ(refused_embed(std::string(R"({"inputs":["a"],"dimensions":)") + dimensions + "}"),
              invalid_field("dimensions"));
  }
  EXPECT_EQ(refused_embed(R"({"inputs":["a"],"dimensions":32})"), "0");
  EXPECT_EQ(refused_embed(R"({"inputs":["a"],"normalize":1})"), invalid_field("normalize"));
  EXPECT_EQ(refused_embed(R"({"inputs":["a"],"input_type":1})"), invalid_field("input_type"));
  EXPECT_EQ(refused_embed(R"({"inputs":["a"],"extra":[]})"), invalid_field("extra"));
}

TEST(RankRequest, NamesWhatIsWrong) {
  const RankRequest r =
      parse_rank_request(R"({"documents":["a","b"],"query":"q","task":"rerank","top_n":1})");
  EXPECT_EQ(r.query, "q");
  EXPECT_EQ(r.documents, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(refused_rank(R"({"documents":["a"]})"), invalid_field("query"));
  EXPECT_EQ(refused_rank(R"({"documents":["a"],"query":1})"), invalid_field("query"));
  EXPECT_EQ(refused_rank(R"({"query":"q"})"), invalid_field("documents"));
  EXPECT_EQ(refused_rank(R"({"documents":[],"query":"q"})"), invalid_field("documents"));
  EXPECT_EQ(refused_rank(R"({"documents":[1],"query":"q"})"), invalid_field("documents[0]"));
  EXPECT_EQ(refused_rank(R"({"documents":["a"],"query":"q","top_n":0})"), invalid_field("top_n"));
}

struct FreeModel {
  void operator()(llama_model* model) const { llama_model_free(model); }
};
using ModelPtr = std::unique_ptr<llama_model, FreeModel>;

// Writes a model, loads its vocabulary, and removes the file.
ModelPtr vocabulary_of(const testing::GgufWriter& writer) {
  llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
  std::string name = (fs::temp_directory_path() / "infer-XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
  const std::string path = name + "/model.gguf";
  writer.write(path);
  llama_model_params params = llama_model_default_params();
  params.vocab_only = true;
  ModelPtr model(llama_model_load_from_file(path.c_str(), params));
  fs::remove_all(name);
  if (model == nullptr) throw std::runtime_error("the model was not loaded");
  return model;
}

class EmbedTokens : public ::testing::Test {
 protected:
  static testing::GgufWriter bert_writer() {
    testing::GgufWriter writer;
    testing::fill_random_bert(writer, {.head = true});
    return writer;
  }
  static testing::GgufWriter llama_writer() {
    testing::GgufWriter writer;
    testing::fill_random_llama(writer, {});
    return writer;
  }
  // The document's place among the rows of a ranking of one.
  static std::vector<llama_token> pair(const ModelPtr& model, const std::string& query,
                                       const std::string& document, uint32_t limit = 512) {
    const Vocabulary vocabulary(llama_model_get_vocab(model.get()));
    return rank_tokens(model.get(), vocabulary, {query, {document}, {}}, limit).at(0);
  }
};

TEST_F(EmbedTokens, SpecialTokensComeFromTheModelAlone) {
  const ModelPtr bert = vocabulary_of(bert_writer());
  const llama_vocab* vocab = llama_model_get_vocab(bert.get());
  const TokenRows rows = embed_tokens(vocab, {"ab", "x [SEP] [CLS] y"}, 512);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].size(), 4u);
  for (const auto& row : rows) {
    EXPECT_EQ(row.front(), kClass);
    EXPECT_EQ(row.back(), kSeparator);
    EXPECT_TRUE(std::all_of(row.begin() + 1, row.end() - 1, [](llama_token t) { return t > 4; }));
  }
  EXPECT_GT(rows[1].size(), 10u);  // the brackets and letters, one by one

  const ModelPtr llama = vocabulary_of(llama_writer());
  const auto plain = embed_tokens(llama_model_get_vocab(llama.get()), {"<|im_end|>"}, 512);
  EXPECT_EQ(plain[0].size(), 10u);
  EXPECT_TRUE(std::all_of(plain[0].begin(), plain[0].end(), [](llama_token t) { return t < 256; }));
}

TEST_F(EmbedTokens, TextsWithoutTokensAndTextsThatAreTooLongAreNamed) {
  const ModelPtr bert = vocabulary_of(bert_writer());
  const llama_vocab* vocab = llama_model_get_vocab(bert.get());
  const auto embed = [&](std::vector<std::string> inputs, uint32_t limit) {
    return refused([&] { embed_tokens(vocab, inputs, limit); });
  };
  EXPECT_EQ(embed({"a", ""}, 512), invalid_field("inputs[1]"));
  EXPECT_EQ(embed({"  \n "}, 512), invalid_field("inputs[0]"));
  EXPECT_EQ(embed({"a", "abcdef"}, 8), "0");
  const std::string overflow = std::to_string(INFER_E_CONTEXT_OVERFLOW);
  EXPECT_EQ(embed({"a", "abcdefg"}, 8), overflow + R"( {"field":"inputs[1]","need":9,"have":8})");
  EXPECT_EQ(refused([&] { pair(bert, "", "a"); }), invalid_field("query"));
  EXPECT_EQ(refused([&] { pair(bert, "a", " "); }), invalid_field("documents[0]"));
  EXPECT_EQ(refused([&] { pair(bert, "abc", "abcdef", 8); }),
            overflow + R"( {"field":"documents[0]","need":11,"have":8})");
}

TEST_F(EmbedTokens, APairIsPutTogetherByTheVocabulary) {
  testing::GgufWriter writer = bert_writer();
  const ModelPtr bert = vocabulary_of(writer);
  const llama_vocab* vocab = llama_model_get_vocab(bert.get());
  const llama_token a = embed_tokens(vocab, {"a"}, 512)[0][1];
  const llama_token b = embed_tokens(vocab, {"b"}, 512)[0][1];
  EXPECT_EQ(pair(bert, "a", "b"), (std::vector<llama_token>{kClass, a, kSeparator, b}));
  writer.set("tokenizer.ggml.add_eos_token", true);
  writer.set("tokenizer.ggml.add_sep_token", false);
  EXPECT_EQ(pair(vocabulary_of(writer), "a", "b"),
            (std::vector<llama_token>{kClass, a, kSeparator, b, kSeparator}));
  const auto tricky = pair(bert, "a", "[SEP] b");
  EXPECT_EQ(std::count(tricky.begin(), tricky.end(), kSeparator), 1);
}

TEST_F(EmbedTokens, ATemplateTakesTextsAndNothingElseFromThem) {
  testing::GgufWriter writer = llama_writer();
  writer.set("tokenizer.chat_template.rerank",
             "<|im_start|>Q:{query}\nD:{document}<|im_end|>{query}");
  const ModelPtr model = vocabulary_of(writer);
  const auto text_of = [&](const std::vector<llama_token>& tokens) {
    std::string text;
    for (const llama_token t : tokens) {
      text += t == testing::kBeginTurn ? "<" : t == testing::kEndTurn ? ">" : std::string();
      if (t < 256) text += static_cast<char>(t);
    }
    return text;
  };
  EXPECT_EQ(text_of(pair(model, "what", "that")), "<Q:what\nD:that>what");
  // Neither a control token's text nor a place holder in a text means anything.
  EXPECT_EQ(text_of(pair(model, "{document}", "<|im_end|>{query}")),
            "<Q:{document}\nD:<|im_end|>{query}>{document}");
}

}  // namespace
}  // namespace infer::llama
