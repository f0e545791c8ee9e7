// The embedder against bare llama.cpp, input by input, however they were batched.
#include "embedder.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "engines/llama/testing/random_bert.h"
#include "engines/llama/testing/random_model.h"
#include "infer/plugin.h"
#include "refusal.h"

namespace infer::llama {
namespace {

namespace fs = std::filesystem;
using Row = std::vector<float>;

struct Free {
  void operator()(llama_context* context) const { llama_free(context); }
};

// A model written for one test.
class TestModel {
 public:
  explicit TestModel(const testing::BertShape& shape) {
    testing::GgufWriter writer;
    testing::fill_random_bert(writer, shape);
    load(writer);
  }
  explicit TestModel(const testing::RandomShape& shape) {
    testing::GgufWriter writer;
    testing::fill_random_llama(writer, shape);
    load(writer);
  }
  explicit TestModel(const std::string& path) { load(path); }
  const Weights& weights() const { return *weights_; }
  llama_model* get() const { return weights_->model(); }
  const llama_vocab* vocab() const { return llama_model_get_vocab(get()); }
  TokenRows tokens(const std::vector<std::string>& texts) const {
    return embed_tokens(vocab(), texts, 1 << 20);
  }

 private:
  void load(const testing::GgufWriter& writer) {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    std::string name = (fs::temp_directory_path() / "infer-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary directory");
    writer.write(name + "/model.gguf");
    load(name + "/model.gguf");
    fs::remove_all(name);
  }
  void load(const std::string& path) {
    const std::string role = "model";
    const infer_file file = {sizeof file, -1, engine::to_str(role), engine::to_str(path)};
    const infer_file* files[] = {&file};
    infer_load how = {};
    how.size = sizeof how;
    how.files = files;
    how.n_files = 1;
    Config config;
    config.mmap = false;
    weights_ = std::make_unique<Weights>(how, config);
  }
  std::unique_ptr<Weights> weights_;
};

// What llama.cpp itself makes of one input: a context for it alone, its own pooling.
Row bare(const TestModel& model, const std::vector<llama_token>& tokens, Pooling pooling) {
  const auto size = static_cast<uint32_t>(tokens.size());
  llama_context_params params = llama_context_default_params();
  params.n_ctx = params.n_batch = params.n_ubatch = std::max<uint32_t>(size, 64);
  params.n_threads = params.n_threads_batch = 1;
  params.embeddings = true;
  params.pooling_type = pooling;
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.type_k = params.type_v = GGML_TYPE_F32;
  const std::unique_ptr<llama_context, Free> context(llama_init_from_model(model.get(), params));
  llama_batch batch = llama_batch_init(static_cast<int32_t>(size), 0, 1);
  for (int32_t i = 0; i < static_cast<int32_t>(size); ++i) {
    batch.token[i] = tokens[static_cast<std::size_t>(i)];
    batch.pos[i] = i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = 1;
  }
  batch.n_tokens = static_cast<int32_t>(size);
  EXPECT_EQ(llama_decode(context.get(), batch), 0);
  llama_batch_free(batch);
  const float* values = llama_get_embeddings_seq(context.get(), 0);
  const int width = pooling == LLAMA_POOLING_TYPE_RANK ? 1 : llama_model_n_embd_out(model.get());
  return Row(values, values + width);
}

double length(const Row& row) {
  return std::sqrt(std::inner_product(row.begin(), row.end(), row.begin(), 0.0));
}

// How far a row is from another, of its length.
double difference(const Row& a, const Row& b) {
  if (a.size() != b.size()) return 1e9;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += std::pow(static_cast<double>(a[i]) - b[i], 2);
  return std::sqrt(sum) / std::max(1e-9, length(b));
}

// Batched products round otherwise. With the default settings, which keep numbers of half
// precision, that is up to 1e-2; the tests set full precision to see more.
constexpr double kSame = 1e-4;
const testing::RandomShape kLlama = {.type = GGML_TYPE_F32};

// A job with its reader's end.
struct Running {
  std::shared_ptr<engine::EntryChannel> channel;
  std::unique_ptr<EmbedJob> job;

  std::vector<Row> rows;
  int code = 0;
  std::string message;
  uint32_t finish = 0, progress = 0, steps = 0;
  int64_t input = 0;

  // Reads what is there.
  void read() {
    while (engine::Entry* entry = channel->next()) {
      if (entry->code != 0) {
        code = entry->code;
        message = entry->data;
      } else if (entry->kind == INFER_EV_PROGRESS) {
        EXPECT_GT(entry->step, progress);
        progress = entry->step;
        steps = entry->steps;
      } else if (entry->kind == INFER_EV_VECTORS) {
        for (std::size_t at = 0; at < entry->vectors.size(); at += entry->dimensions) {
          const auto begin = entry->vectors.begin() + static_cast<std::ptrdiff_t>(at);
          rows.emplace_back(begin, begin + entry->dimensions);
        }
      } else if (entry->kind == INFER_EV_FINISH) {
        EXPECT_FALSE(rows.empty());
        finish = entry->finish;
        input = entry->usage.input;
      }
    }
  }
};

// Steps jobs as the scheduler does, on this thread.
class Bench {
 public:
  Bench(const TestModel& model, uint32_t context, uint32_t batch,
        Pooling pooling = LLAMA_POOLING_TYPE_UNSPECIFIED) {
    Config config;
    config.batch = batch;
    config.pooling = pooling;
    config.flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED;
    config.cache_type_k = config.cache_type_v = GGML_TYPE_F32;
    facts = embed_facts(model.get(), config);
    embedder = std::make_unique<Embedder>(model.weights(), config, facts, context);
  }

  Running& add(TokenRows inputs, bool normalize = false, uint32_t dimensions = 0) {
    auto running = std::make_unique<Running>();
    running->channel = std::make_shared<engine::EntryChannel>(bell_, nullptr, nullptr);
    const EmbedShape shape = {facts.ranks(), dimensions == 0 ? facts.dimensions : dimensions,
                              normalize};
    running->job = std::make_unique<EmbedJob>(running->channel, std::move(inputs), shape);
    embedder->admit(*running->job);
    all_.push_back(std::move(running));
    return *all_.back();
  }
  // One step of all that are not over; false if there are none. `read`: readers keep up.
  bool step(bool read = true) {
    std::vector<engine::Sequence*> ready;
    for (auto& running : all_) {
      if (running->job == nullptr) continue;
      EXPECT_TRUE(running->channel->has_room(engine::Scheduler::kHeadroom));
      ready.push_back(running->job.get());
    }
    if (ready.empty()) return false;
    embedder->step(ready);
    for (auto& running : all_) {
      if (running->job != nullptr && running->job->done) drop(*running);
      if (read) running->read();
    }
    return true;
  }
  void run(bool read = true) {
    while (step(read)) {
    }
    for (auto& running : all_) running->read();
  }
  void drop(Running& running) {
    embedder->retire(*running.job);
    running.job.reset();
  }

  EmbedFacts facts;
  std::unique_ptr<Embedder> embedder;

 private:
  engine::Doorbell bell_;
  std::vector<std::unique_ptr<Running>> all_;
};

// Texts of 1 to 60 letters.
std::vector<std::string> texts(std::size_t count, std::size_t longest = 60) {
  testing::RandomValues random(count);
  std::vector<std::string> all;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text;
    for (std::size_t n = 1 + random.next() % longest; n > 0; --n)
      text += static_cast<char>('a' + random.next() % 26);
    all.push_back(text);
  }
  return all;
}

constexpr Pooling kPoolings[] = {LLAMA_POOLING_TYPE_MEAN, LLAMA_POOLING_TYPE_CLS,
                                 LLAMA_POOLING_TYPE_LAST};

void expect_equals_bare(const TestModel& model, const TokenRows& inputs, const Running& running,
                        Pooling pooling) {
  ASSERT_EQ(running.code, 0) << running.message;
  ASSERT_EQ(running.rows.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i)
    EXPECT_LT(difference(running.rows[i], bare(model, inputs[i], pooling)), kSame) << i;
  EXPECT_EQ(running.finish, static_cast<uint32_t>(INFER_FIN_STOP));
}

TEST(Embedder, ABatchOfBertIsItsInputsOneByOne) {
  const TestModel model(testing::BertShape{});
  for (const Pooling pooling : kPoolings) {
    Bench bench(model, 512, 128, pooling);
    const TokenRows inputs = model.tokens(texts(20));
    Running& running = bench.add(inputs);
    bench.run();
    expect_equals_bare(model, inputs, running, pooling);
    std::size_t tokens = 0;
    for (const auto& input : inputs) tokens += input.size();
    EXPECT_EQ(running.input, static_cast<int64_t>(tokens));
    // Full batches: none of them has room for the input that comes next.
    EXPECT_LE(bench.embedder->steps(), 2 * tokens / 128 + 1);
  }
}

TEST(Embedder, ABatchOfLlamaIsItsInputsOneByOne) {
  const TestModel model(kLlama);
  for (const Pooling pooling : kPoolings) {
    Bench bench(model, 512, 128, pooling);
    const TokenRows inputs = model.tokens(texts(20));
    Running& running = bench.add(inputs);
    bench.run();
    expect_equals_bare(model, inputs, running, pooling);
  }
}

TEST(Embedder, PoolingIsTheModelsUnlessItIsConfigured) {
  const TestModel bert(testing::BertShape{.pooling = 2}), llama(kLlama);
  const auto pooling = [](const TestModel& model, Pooling wanted) {
    Config config;
    config.pooling = wanted;
    return embed_facts(model.get(), config).pooling;
  };
  EXPECT_EQ(pooling(bert, LLAMA_POOLING_TYPE_UNSPECIFIED), LLAMA_POOLING_TYPE_CLS);
  EXPECT_EQ(pooling(bert, LLAMA_POOLING_TYPE_MEAN), LLAMA_POOLING_TYPE_MEAN);
  EXPECT_EQ(pooling(llama, LLAMA_POOLING_TYPE_UNSPECIFIED), LLAMA_POOLING_TYPE_MEAN);
  for (const Pooling wrong : {LLAMA_POOLING_TYPE_NONE, LLAMA_POOLING_TYPE_RANK}) {
    try {
      pooling(bert, wrong);
      ADD_FAILURE() << wrong;
    } catch (const Refusal& e) {
      EXPECT_EQ(e.code(), INFER_E_INVALID_REQUEST);
      EXPECT_EQ(e.details(), "{\"field\":\"pooling\"}");
    }
  }
  // They do differ.
  const TokenRows input = bert.tokens({"several letters"});
  std::vector<Row> rows;
  for (const Pooling p : kPoolings) rows.push_back(bare(bert, input[0], p));
  EXPECT_GT(difference(rows[0], rows[1]), 0.01);
  EXPECT_GT(difference(rows[1], rows[2]), 0.01);
}

// Where attention looks back only, an input may be as long as the context, and others go beside it.
TEST(Embedder, ALongInputGoesThroughInSeveralSteps) {
  const TestModel model(kLlama);
  for (const Pooling pooling : kPoolings) {
    Bench bench(model, 512, 64, pooling);
    const TokenRows inputs = model.tokens(
        {"short", std::string(300, 'x') + "y", "another", std::string(512, 'z'), "last"});
    Running& running = bench.add(inputs);
    bench.run();
    expect_equals_bare(model, inputs, running, pooling);
    EXPECT_LE(bench.embedder->steps(), (300u + 512u + 64u) / 64u + 3u);
  }
}

// Where it looks both ways, the input has to be computed at once.
TEST(Embedder, ALongInputOfBertGetsAStepToItself) {
  const TestModel model(testing::BertShape{});
  Bench bench(model, 512, 32);
  const TokenRows inputs = model.tokens({"short", std::string(400, 'x'), "another"});
  Running& running = bench.add(inputs);
  bench.run();
  expect_equals_bare(model, inputs, running, LLAMA_POOLING_TYPE_MEAN);
  EXPECT_EQ(bench.embedder->steps(), 3u);
}

TEST(Embedder, JobsShareTheirBatches) {
  const TestModel model(testing::BertShape{});
  Bench bench(model, 512, 256);
  std::vector<Running*> all;
  std::vector<TokenRows> inputs;
  for (const std::string& text : texts(8, 20)) {
    inputs.push_back(model.tokens({text}));
    all.push_back(&bench.add(inputs.back()));
  }
  bench.run();
  EXPECT_EQ(bench.embedder->steps(), 1u);
  for (std::size_t i = 0; i < all.size(); ++i)
    expect_equals_bare(model, inputs[i], *all[i], LLAMA_POOLING_TYPE_MEAN);
}

TEST(Embedder, AShortJobDoesNotWaitForALongOne) {
  for (const bool bert : {true, false}) {
    const TestModel model = bert ? TestModel(testing::BertShape{}) : TestModel(kLlama);
    Bench bench(model, 512, 64);
    Running& big = bench.add(model.tokens(texts(100)));
    bench.step();
    bench.step();
    Running& small = bench.add(model.tokens({"one"}));
    for (int i = 0; i < 3; ++i) bench.step();
    EXPECT_EQ(small.rows.size(), 1u);
    EXPECT_TRUE(big.rows.empty());
    EXPECT_GT(big.progress, 0u);
    EXPECT_EQ(big.steps, 100u);
    bench.run();
    EXPECT_EQ(big.rows.size(), 100u);
  }
}

TEST(Embedder, NobodyHasToReadForAJobToEnd) {
  const TestModel model(testing::BertShape{});
  Bench bench(model, 512, 32);
  Running& running = bench.add(model.tokens(texts(200, 25)));
  bench.run(false);
  EXPECT_GT(bench.embedder->steps(), 80u);
  EXPECT_EQ(running.rows.size(), 200u);
}

TEST(Embedder, RowsAreCutAndThenNormalised) {
  const TestModel model(testing::BertShape{});
  const TokenRows inputs = model.tokens({"some text"});
  Bench bench(model, 512, 64);
  Running& raw = bench.add(inputs);
  Running& unit = bench.add(inputs, true);
  Running& cut = bench.add(inputs, false, 7);
  Running& cut_unit = bench.add(inputs, true, 7);
  bench.run();
  EXPECT_GT(std::fabs(length(raw.rows[0]) - 1), 0.01);
  EXPECT_NEAR(length(unit.rows[0]), 1, 1e-6);
  EXPECT_EQ(unit.rows[0].size(), 32u);
  ASSERT_EQ(cut.rows[0].size(), 7u);
  ASSERT_EQ(cut_unit.rows[0].size(), 7u);
  EXPECT_NEAR(length(cut_unit.rows[0]), 1, 1e-6);
  for (std::size_t i = 0; i < 7; ++i) {
    EXPECT_NEAR(cut.rows[0][i], raw.rows[0][i], 1e-5);
    EXPECT_NEAR(cut_unit.rows[0][i], raw.rows[0][i] / length(cut.rows[0]), 1e-5);
  }
}

// A masked token counts 0 times its value, which for such a number is no number again.
TEST(Embedder, NumbersThatAreNotFiniteAreAnErrorOfTheirJobAlone) {
  for (const bool bert : {true, false}) {
    const TestModel model =
        bert ? TestModel(testing::BertShape{.poison = 'q'})
             : TestModel(testing::RandomShape{.type = GGML_TYPE_F32, .poison = 'q'});
    Bench bench(model, 512, 64);
    const TokenRows inputs = model.tokens({"fine", "also fine", std::string(200, 'x')});
    Running& ill = bench.add(model.tokens({"good", "quite bad", "good"}));
    Running& well = bench.add(inputs);
    bench.run();
    EXPECT_EQ(ill.code, INFER_E_ENGINE);
    EXPECT_NE(ill.message.find("inputs[1]"), std::string::npos) << ill.message;
    EXPECT_TRUE(ill.rows.empty());
    expect_equals_bare(model, inputs, well, LLAMA_POOLING_TYPE_MEAN);
    Running& long_ill = bench.add(model.tokens({std::string(150, 'q')}));
    Running& next = bench.add(inputs);
    bench.run();
    EXPECT_EQ(long_ill.code, INFER_E_ENGINE);
    expect_equals_bare(model, inputs, next, LLAMA_POOLING_TYPE_MEAN);
  }
}

TEST(Embedder, WhoIsDroppedLeavesNothingBehind) {
  const TestModel model(kLlama);
  Bench bench(model, 512, 64);
  const TokenRows inputs = model.tokens({std::string(200, 'b'), "short"});
  Running& dropped = bench.add(model.tokens({std::string(500, 'a'), "never"}));
  bench.step();
  Running& stays = bench.add(inputs);
  bench.step();
  dropped.channel->cancel();
  bench.drop(dropped);
  bench.run();
  EXPECT_TRUE(dropped.rows.empty());
  expect_equals_bare(model, inputs, stays, LLAMA_POOLING_TYPE_MEAN);
  // Where nobody wants the batch, the engine stops in its middle.
  Running& unwanted = bench.add(model.tokens({std::string(400, 'c')}));
  unwanted.channel->cancel();
  bench.step();
  EXPECT_TRUE(unwanted.rows.empty());
  bench.drop(unwanted);
  Running& after = bench.add(inputs);
  bench.run();
  expect_equals_bare(model, inputs, after, LLAMA_POOLING_TYPE_MEAN);
}

TEST(Embedder, AContextThatCannotBeMadeIsTheJobsError) {
  const TestModel model(kLlama);
  Config config;
  config.flash_attention = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  config.cache_type_v = GGML_TYPE_Q8_0;  // which needs flash attention
  const EmbedFacts facts = embed_facts(model.get(), config);
  Embedder embedder(model.weights(), config, facts, 512);
  engine::Doorbell bell;
  Running running;
  running.channel = std::make_shared<engine::EntryChannel>(bell, nullptr, nullptr);
  running.job = std::make_unique<EmbedJob>(running.channel, model.tokens({"a"}),
                                           EmbedShape{false, facts.dimensions, true});
  embedder.admit(*running.job);
  embedder.step({running.job.get()});
  running.read();
  EXPECT_TRUE(running.job->done);
  EXPECT_LT(running.code, 0);
  EXPECT_FALSE(running.message.empty());
  embedder.retire(*running.job);
}

// A real model: all-MiniLM-L6-v2 as GGUF, Q8_0, where INFER_TEST_MINILM names the file. The figures
// are those of the same file in another build of llama.cpp, and of the original in candle.
TEST(MiniLm, SimilarSentencesHaveSimilarVectors) {
  const char* path = std::getenv("INFER_TEST_MINILM");
  if (path == nullptr) GTEST_SKIP() << "INFER_TEST_MINILM names no file";
  const TestModel model{std::string(path)};
  Bench bench(model, 512, 512);
  EXPECT_EQ(bench.facts.dimensions, 384u);
  EXPECT_EQ(bench.facts.pooling, LLAMA_POOLING_TYPE_MEAN);
  Running& running =
      bench.add(model.tokens({"A cat sits on the mat.", "A kitten is lying on a rug.",
                              "The stock market fell sharply today."}),
                true);
  bench.run();
  ASSERT_EQ(running.rows.size(), 3u) << running.message;
  const auto cosine = [&](std::size_t a, std::size_t b) {
    const Row &x = running.rows[a], &y = running.rows[b];
    return std::inner_product(x.begin(), x.end(), y.begin(), 0.0);
  };
  RecordProperty("cosines", std::to_string(cosine(0, 1)) + " " + std::to_string(cosine(0, 2)) +
                                " " + std::to_string(cosine(1, 2)));
  EXPECT_NEAR(cosine(0, 1), 0.5672, 0.005);
  EXPECT_NEAR(cosine(0, 2), 0.0872, 0.005);
  EXPECT_NEAR(cosine(1, 2), 0.0868, 0.005);
}

TEST(Reranker, GivesTheModelsOwnScores) {
  const TestModel model(testing::BertShape{.pooling = 4, .head = true});
  Bench bench(model, 512, 64);
  ASSERT_TRUE(bench.facts.ranks());
  const Vocabulary vocabulary(model.vocab());
  const TokenRows pairs =
      rank_tokens(model.get(), vocabulary, {"which one", texts(30, 30), {}}, 512);
  Running& running = bench.add(pairs);
  bench.run();
  expect_equals_bare(model, pairs, running, LLAMA_POOLING_TYPE_RANK);
  std::vector<float> scores;
  for (const Row& row : running.rows) scores.push_back(row[0]);
  std::sort(scores.begin(), scores.end());
  EXPECT_GT(scores.back() - scores.front(), 0.01);
}

}  // namespace
}  // namespace infer::llama
