// Embeddings: what is sent, and answers in all the forms that servers have.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>

#include "src/cloud/openai/embedding_reader.h"
#include "src/cloud/openai/reading_for_tests.h"
#include "src/core/base64.h"

namespace infer::cloud {
namespace {

using reading::Outcome;
using testing::ElementsAre;
using testing::HasSubstr;
using Kind = Event::Kind;

const ServerModel& embedder(bool own = true) {
  static const ServerModel* const at_openai = new ServerModel{.name = "text-embedding-3-small"};
  static const ServerModel* const elsewhere =
      new ServerModel{.name = "bge", .dialect = &kCompatibleDialect};
  return own ? *at_openai : *elsewhere;
}

Outcome read_vectors(std::string_view body, VectorOrder order = {}) {
  EmbeddingReader reader(embedder(), order);
  EventQueue queue;
  reading::Collector collector(1);
  auto error = reader.whole(body, queue);
  if (!error) reader.close(queue);
  collector.take(queue);
  return collector.end(!error, std::move(error));
}

std::string coded(const std::vector<float>& row) {
  std::string bytes;
  for (const float value : row) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift & 255u);
  }
  return "\"" + core::to_base64(bytes) + "\"";
}
std::string listed(const std::vector<float>& row) { return nlohmann::json(row).dump(); }
std::string entry(const std::string& vector, int index = -1) {
  return "{\"object\":\"embedding\"" +
         (index < 0 ? std::string() : ",\"index\":" + std::to_string(index)) +
         ",\"embedding\":" + vector + "}";
}
std::string body_of(const std::string& entries, const std::string& more = {}) {
  return "{\"object\":\"list\",\"data\":[" + entries + "],\"model\":\"m\"" + more + "}";
}

TEST(Embeddings, WhatIsSent) {
  const auto sent = [](const EmbeddingRequest& request, bool own = true) {
    auto out = write_openai_embedding(embedder(own), request);
    EXPECT_TRUE(out) << out.error();
    EXPECT_EQ(out->path, "/embeddings");
    EXPECT_FALSE(out->stream);
    EXPECT_FALSE(out->once);
    return out->body;
  };
  EXPECT_EQ(sent({.inputs = {"a"}}),
            R"({"model":"text-embedding-3-small","input":["a"],"encoding_format":"base64"})");
  EXPECT_EQ(sent({.inputs = {"a", ""}}, false),
            R"({"model":"bge","input":["a",""],"encoding_format":"float"})");
  EmbeddingRequest all{.inputs = {"a\n\"b\""}, .dimensions = 256, .normalize = true, .user = "u"};
  all.extra = {{"openai", R"({"encoding_format":"float","truncate":true})"}, {"x", "{\"y\":1}"}};
  EXPECT_EQ(sent(all),
            R"({"model":"text-embedding-3-small","input":["a\n\"b\""],"encoding_format":"float",)"
            R"("dimensions":256,"user":"u","truncate":true})");
}

TEST(Embeddings, WhatCannotBeAskedFor) {
  EmbeddingRequest raw{.inputs = {"a"}, .normalize = false};
  auto out = write_openai_embedding(embedder(), raw);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code(), Errc::kUnsupported);
  EXPECT_EQ(out.error().detail("field"), "normalize");
  EmbeddingRequest taken{.inputs = {"a"}};
  taken.extra = {{"openai", R"({"input":"b"})"}};
  out = write_openai_embedding(embedder(), taken);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code(), Errc::kInvalidRequest);
  EXPECT_EQ(out.error().detail("field"), "extra.openai.input");
  EmbeddingRequest typed{.inputs = {"a"}, .input_type = "query"};
  out = write_openai_embedding(embedder(), typed);
  ASSERT_TRUE(out);
  ASSERT_EQ(out->warnings.size(), 1u);
  EXPECT_EQ(out->warnings[0].extra, R"({"setting":"input_type"})");
}

TEST(Embeddings, BothFormsAreRead) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (std::size_t width = 1; width < 40; ++width) {
    std::vector<std::vector<float>> rows(1 + random() % 4, std::vector<float>(width));
    std::vector<float> flat;
    for (auto& row : rows)
      for (float& value : row) flat.push_back(value = normal(random));
    for (const bool base64 : {false, true}) {
      std::string entries;
      for (std::size_t i = 0; i < rows.size(); ++i)
        entries += (i == 0 ? "" : ",") +
                   entry(base64 ? coded(rows[i]) : listed(rows[i]), static_cast<int>(i));
      const Outcome got = read_vectors(body_of(entries), {.rows = rows.size()});
      ASSERT_FALSE(got.error) << *got.error;
      EXPECT_EQ(got.broken, "");
      EXPECT_EQ(got.response.vectors, flat);
      EXPECT_EQ(got.response.dimensions, width);
    }
  }
}

TEST(Embeddings, FactsOfTheAnswer) {
  const Outcome got = read_vectors(
      body_of(entry("[1,2]", 0),
              R"(,"id":"emb-1","created":7,"usage":{"prompt_tokens":12,"total_tokens":12})"));
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_THAT(got.kinds, ElementsAre(Kind::kStart, Kind::kVectors, Kind::kUsage, Kind::kFinish));
  EXPECT_EQ(got.response.model, "m");
  EXPECT_EQ(got.response.id, "emb-1");
  EXPECT_EQ(got.response.metadata, R"({"created":7})");
  EXPECT_EQ(got.response.usage.input, 12);
  EXPECT_EQ(got.response.usage.output, std::nullopt);
  EXPECT_EQ(got.response.usage.raw, R"({"prompt_tokens":12,"total_tokens":12})");
}

TEST(Embeddings, OtherServersShapes) {
  // The total alone; integers; rows without an index; nothing but the rows.
  const Outcome voyage = read_vectors(
      R"({"object":"list","data":[{"object":"embedding","embedding":[1,-2,0],"index":0}],)"
      R"("model":"voyage-3","usage":{"total_tokens":5}})");
  ASSERT_FALSE(voyage.error) << *voyage.error;
  EXPECT_EQ(voyage.response.usage.input, 5);
  EXPECT_EQ(voyage.response.vectors, (std::vector<float>{1, -2, 0}));
  const Outcome bare = read_vectors(
      R"({"data":[{"embedding":[0.5]},{"embedding":[0.25],"index":null}]})", {.rows = 2});
  ASSERT_FALSE(bare.error) << *bare.error;
  EXPECT_EQ(bare.response.model, "text-embedding-3-small");
  EXPECT_EQ(bare.response.vectors, (std::vector<float>{0.5, 0.25}));
  EXPECT_EQ(bare.response.usage.input, std::nullopt);
}

TEST(Embeddings, RowsComeInAnyOrder) {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    std::vector<int> order(1 + random() % 9);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int>(i);
    std::shuffle(order.begin(), order.end(), random);
    std::string entries;
    for (const int i : order)
      entries += (entries.empty() ? "" : ",") +
                 entry("[" + std::to_string(i) + "," + std::to_string(i * 10) + "]", i);
    const Outcome got = read_vectors(body_of(entries), {.rows = order.size()});
    ASSERT_FALSE(got.error) << *got.error;
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(got.response.vectors[2 * i], static_cast<float>(i));
      EXPECT_EQ(got.response.vectors[2 * i + 1], static_cast<float>(i) * 10);
    }
  }
}

TEST(Embeddings, RowsThatAreWrongAreNamed) {
  const auto expect = [](const std::string& body, std::size_t rows, std::string_view words) {
    const Outcome got = read_vectors(body, {.rows = rows});
    ASSERT_TRUE(got.error) << body;
    EXPECT_EQ(got.error->code(), Errc::kProtocol) << *got.error;
    EXPECT_THAT(got.error->message(), HasSubstr(std::string(words)));
    EXPECT_TRUE(got.kinds.empty());
  };
  const std::string one = entry("[1,2]", 0);
  expect(body_of(one), 2, "1 rows for 2 inputs");
  expect(body_of(one + "," + one), 1, "2 rows for 1 inputs");
  expect(body_of(one + "," + one), 2, "data[1] has the index 0, as data[0] has");
  expect(body_of(one + "," + entry("[1,2]", 2)), 2, "data[1] has an index that is not from 0 to 1");
  expect(body_of(R"({"index":"0","embedding":[1]})"), 1, "data[0] has an index");
  expect(body_of(one + "," + entry("[1]", 1)), 2, "data[1] has 1 numbers, those before it 2");
  expect(body_of(one + "," + entry("[]", 1)), 2, "data[1] is empty");
  expect(body_of(entry("\"\"", 0)), 1, "data[0] is empty");
  expect(body_of(entry("\"AAA\"", 0)), 1, "data[0] is not base64");
  expect(body_of(entry("\"AAAA\"", 0)), 1, "data[0] is not base64");  // three bytes
  expect(body_of(entry("{}", 0)), 1, "data[0] is neither");
  expect(body_of(entry("[1,null]", 0)), 1, "data[0] holds what is no number");
  expect(body_of(entry("[1,\"2\"]", 0)), 1, "data[0] holds what is no number");
  expect(body_of(entry("[1,1e39]", 0)), 1, "data[0] holds a number that is not finite");
  expect(body_of(entry(coded({1, NAN}), 0)), 1, "data[0] holds a number that is not finite");
  expect(body_of(entry(coded({INFINITY}), 0)), 1, "data[0] holds a number that is not finite");
  expect(body_of(entry("[NaN]", 0)), 1, "not valid JSON");
  expect(body_of("{}"), 1, "data[0] has no \"embedding\"");
  expect(body_of("7"), 1, "data[0] has no \"embedding\"");
  for (const char* bad : {"", "nonsense", "[]", "{}", R"({"data":null})", R"({"data":{}})"})
    expect(bad, 1, "");
}

TEST(Embeddings, DimensionsAreAPromise) {
  const std::string body = body_of(entry("[1,2,3]", 0));
  EXPECT_FALSE(read_vectors(body, {.dimensions = 3}).error);
  const Outcome got = read_vectors(body, {.dimensions = 2});
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kProtocol);
  EXPECT_EQ(got.error->detail("field"), "dimensions");
  EXPECT_THAT(got.error->message(), HasSubstr("data[0] has 3 numbers, dimensions asked for 2"));
}

TEST(Embeddings, LengthOneWhereItIsAskedFor) {
  const std::string body = body_of(entry("[3,4]", 0) + "," + entry("[1e30,-1e30]", 1));
  const Outcome plain = read_vectors(body, {.rows = 2});
  EXPECT_EQ(plain.response.vectors[0], 3);
  const Outcome got = read_vectors(body, {.rows = 2, .normalize = true});
  ASSERT_FALSE(got.error) << *got.error;
  EXPECT_FLOAT_EQ(got.response.vectors[0], 0.6f);
  EXPECT_FLOAT_EQ(got.response.vectors[1], 0.8f);
  EXPECT_FLOAT_EQ(got.response.vectors[2], std::sqrt(0.5f));
  EXPECT_FLOAT_EQ(got.response.vectors[3], -std::sqrt(0.5f));
  const Outcome zeros = read_vectors(body_of(entry("[0,0]", 0)), {.normalize = true});
  ASSERT_TRUE(zeros.error);
  EXPECT_THAT(zeros.error->message(), HasSubstr("data[0] is all zeros"));
}

TEST(Embeddings, ErrorsInsideOfAnAnswer) {
  const Outcome got =
      read_vectors(R"({"error":{"message":"slow down","code":"rate_limit_exceeded"}})");
  ASSERT_TRUE(got.error);
  EXPECT_EQ(got.error->code(), Errc::kRateLimited);
  EXPECT_FALSE(read_vectors(R"({"error":null,"data":[{"embedding":[1]}]})").error);
}

TEST(Embeddings, NoCutIsAnAnswer) {
  const std::string body = body_of(entry("[1,2]", 0) + "," + entry(coded({1, 2}), 1),
                                   R"(,"usage":{"prompt_tokens":1}})");
  const std::string whole = body.substr(0, body.size() - 1);
  ASSERT_FALSE(read_vectors(whole, {.rows = 2}).error);
  for (std::size_t at = 0; at < whole.size(); ++at)
    ASSERT_TRUE(read_vectors(whole.substr(0, at), {.rows = 2}).error) << at;
}

TEST(Embeddings, RecordedAnswers) {
  if (!reading::have_fixtures()) GTEST_SKIP() << "the fixtures are not beside this checkout";
  const std::string body =
      reading::read_file(reading::fixtures() + "vercel-ai/openai/embedding/openai-embedding.json");
  const auto json = nlohmann::json::parse(body);
  const Outcome got = read_vectors(body, {.rows = json["data"].size()});
  ASSERT_FALSE(got.error) << *got.error;
  std::vector<float> expected;
  for (const auto& row : json["data"])
    for (const auto& number : row["embedding"])
      expected.push_back(static_cast<float>(number.get<double>()));
  EXPECT_EQ(got.response.vectors, expected);
  EXPECT_EQ(got.response.usage.input, json["usage"]["prompt_tokens"].get<std::int64_t>());
  EXPECT_EQ(got.response.model, json["model"]);
}

}  // namespace
}  // namespace infer::cloud
