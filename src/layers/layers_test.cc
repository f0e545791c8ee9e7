#include "infer/layers.h"

#include <gtest/gtest.h>

#include "src/core/scripted.h"

namespace infer {
namespace {

using test::event;
using test::Kind;
using test::PartKind;

// A backend that keeps what it is asked.
struct Asked {
  std::shared_ptr<const Request> request;
  int opened = 0;
};
TextModel asking(Asked& asked) {
  return TextModel(test::backend([&asked](std::shared_ptr<const Request> request, const Call&) {
    asked.request = std::move(request);
    ++asked.opened;
    return std::make_unique<test::FnSource>(test::play(test::text_reply({"x"})));
  }));
}
const TextRequest& text_of(const Asked& asked) { return std::get<TextRequest>(*asked.request); }

TEST(Tap, SeesEverythingInOrderFromTheInsideOut) {
  std::vector<std::string> log;
  const auto tap = [&log](const std::string& name) {
    const auto add = [&log, name](std::string_view what) {
      log.push_back(name + std::string(what));
    };
    return Tap{.on_event = [add](const Event& e) { add(to_string(e.kind)); },
               .on_request = [add](const Request&) { add("request"); },
               .on_error = [add](const Error& e) { add(to_string(e.code())); }};
  };
  const TextModel model =
      test::playing({event(Kind::kStart)}, Error(Errc::kNetwork, "x")) | tap("in ") | tap("out ");
  EXPECT_EQ(model.info().name, "test");
  EXPECT_EQ(model.generate("hi").error().code(), Errc::kNetwork);
  EXPECT_EQ(log, (std::vector<std::string>{"out request", "in request", "in start", "out start",
                                           "in network", "out network"}));
}

TEST(Tap, EmptyFunctionsAreFine) {
  const TextModel model = test::playing(test::text_reply({"a"})) | Tap{};
  EXPECT_EQ(model.generate("hi")->text(), "a");
}

TEST(Tap, KeepsTheSourceAndTheBackendApart) {
  // The reply outlives every handle.
  Reply reply = (test::playing(test::text_reply({"a", "b"})) | Tap{} | Tap{}).stream("hi");
  EXPECT_EQ(reply.finish()->text(), "ab");
}

TEST(Layers, PassAnErrorThrough) {
  Result<TextModel> none = Error(Errc::kNotFound, "no");
  int made = 0;
  const auto layer = [&](std::shared_ptr<const Backend> inner) {
    ++made;
    return inner;
  };
  auto wrapped = std::move(none) | layer | Tap{};
  ASSERT_FALSE(wrapped);
  EXPECT_EQ(wrapped.error().code(), Errc::kNotFound);
  EXPECT_EQ(made, 0);
  auto good = Result<TextModel>(mock({.deltas = {"a"}})) | layer | Tap{};
  ASSERT_TRUE(good);
  EXPECT_EQ(made, 1);
  const ImageModel image = ImageModel(mock({}).backend()) | layer;
  const EmbeddingModel embedding = EmbeddingModel(mock({}).backend()) | layer;
  const RerankModel rerank = RerankModel(mock({}).backend()) | layer;
  EXPECT_EQ(made, 4);
}

TEST(Defaults, FillsWhatIsUnset) {
  TextRequest d;
  d.messages = {system("Be brief.")};
  d.tools.push_back({.name = "t"});
  d.tool_choice.mode = ToolChoice::Mode::kNone;
  d.parallel_tools = false;
  d.output.form = Output::Form::kJsonObject;
  d.max_tokens = 10;
  d.stop = {"END"};
  d.stop_token_ids = {3};
  d.n = 2;
  d.logprobs = Logprobs{1};
  d.temperature = 0.5;
  d.top_p = 0.9;
  d.seed = 1;
  d.sampling.top_k = 4;
  d.sampling.dynatemp_exponent = 2;
  d.logit_bias = {{1, 2}};
  d.reasoning = {ReasoningOptions::Effort::kLow, 5, "auto"};
  d.truncation = Truncation::kDropOldest;
  d.cache_key = "c";
  d.service_tier = "flex";
  d.user = "u";
  d.metadata = {{"a", "1"}, {"b", "2"}};
  d.extra = {{"openai", "{}"}};
  Asked asked;
  const TextModel model = asking(asked) | Defaults{.request = d};
  TextRequest mine = test::ask("hi");
  mine.metadata = {{"a", "mine"}};
  ASSERT_TRUE(model.generate(mine));
  const TextRequest& got = text_of(asked);
  ASSERT_EQ(got.messages.size(), 2u);
  EXPECT_EQ(got.messages[0], d.messages[0]);
  EXPECT_EQ(got.messages[1], mine.messages[0]);
  EXPECT_EQ(got.tools.size(), 1u);
  EXPECT_EQ(got.tool_choice.mode, ToolChoice::Mode::kNone);
  EXPECT_EQ(got.parallel_tools, false);
  EXPECT_EQ(got.output.form, Output::Form::kJsonObject);
  EXPECT_EQ(got.max_tokens, 10);
  EXPECT_EQ(got.stop, d.stop);
  EXPECT_EQ(got.stop_token_ids, d.stop_token_ids);
  EXPECT_EQ(got.n, 2u);
  EXPECT_EQ(got.logprobs->top, 1u);
  EXPECT_EQ(got.temperature, 0.5);
  EXPECT_EQ(got.top_p, 0.9);
  EXPECT_EQ(got.seed, 1u);
  EXPECT_EQ(got.sampling.top_k, 4);
  EXPECT_EQ(got.sampling.dynatemp_exponent, 2);
  EXPECT_EQ(got.logit_bias, d.logit_bias);
  EXPECT_EQ(got.reasoning.effort, ReasoningOptions::Effort::kLow);
  EXPECT_EQ(got.reasoning.budget_tokens, 5);
  EXPECT_EQ(got.reasoning.summary, "auto");
  EXPECT_EQ(got.truncation, Truncation::kDropOldest);
  EXPECT_EQ(got.cache_key, "c");
  EXPECT_EQ(got.service_tier, "flex");
  EXPECT_EQ(got.user, "u");
  EXPECT_EQ(got.metadata, (std::map<std::string, std::string>{{"a", "mine"}, {"b", "2"}}));
  EXPECT_EQ(got.extra, d.extra);
  ASSERT_TRUE(asked.request);
  (void)model.count_tokens(mine);
  EXPECT_EQ(std::get<CountRequest>(*asked.request).request.messages.size(), 2u);
}

TEST(Defaults, WhatTheRequestSetsWins) {
  TextRequest d;
  d.messages = {system("Be brief.")};
  d.max_tokens = 10;
  d.temperature = 0.5;
  d.stop = {"END"};
  d.n = 2;
  Asked asked;
  // The outer layer is applied first, so it wins over the inner one.
  TextRequest inner;
  inner.max_tokens = 99;
  inner.top_p = 0.5;
  const TextModel model = asking(asked) | Defaults{.request = inner} | Defaults{.request = d};
  TextRequest mine = test::ask("hi");
  mine.messages.insert(mine.messages.begin(), system("Mine."));
  mine.temperature = 1;
  mine.stop = {"MINE"};
  mine.n = 3;
  ASSERT_TRUE(model.generate(mine));
  const TextRequest& got = text_of(asked);
  EXPECT_EQ(got.messages, mine.messages);
  EXPECT_EQ(got.temperature, 1);
  EXPECT_EQ(got.stop, mine.stop);
  EXPECT_EQ(got.n, 3u);
  EXPECT_EQ(got.max_tokens, 10);
  EXPECT_EQ(got.top_p, 0.5);
}

TEST(Defaults, BadDefaultsAreRefusedBeforeTheBackend) {
  TextRequest d;
  d.temperature = -1;
  Asked asked;
  const TextModel model = asking(asked) | Defaults{.request = d};
  EXPECT_EQ(model.generate("hi").error().detail("field"), "temperature");
  EXPECT_EQ(asked.opened, 0);
  // Other kinds of request pass untouched.
  const EmbeddingModel embedding(model.backend());
  (void)embedding.embed({"a"});
  EXPECT_EQ(asked.opened, 1);
}

}  // namespace
}  // namespace infer
