// Streams that real servers sent, read in every way they can come, and held against an independent
// reading of the same bytes.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "src/cloud/openai/reading_for_tests.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using reading::Outcome;
using reading::Recording;

// What the bytes say, read with a JSON library and nothing of the code under test.
struct Expected {
  std::string text, reasoning, finish, model;
  std::vector<std::pair<std::string, std::string>> calls;  // name, arguments
  std::int64_t input = -1, output = -1;
};

void expect_content(const json& content, Expected& expected) {
  if (content.is_string()) expected.text += content.get<std::string>();
  if (!content.is_array()) return;
  for (const json& part : content) {
    if (part.value("type", "") == "text") expected.text += part["text"].get<std::string>();
    if (part.value("type", "") != "thinking") continue;
    for (const json& piece : part["thinking"])
      expected.reasoning += piece["text"].get<std::string>();
  }
}

void expect_calls(const json& calls, Expected& expected) {
  for (const json& call : calls) {
    const json function = call.value("function", json::object());
    if (function.contains("name") && function["name"].is_string())
      expected.calls.emplace_back(function["name"].get<std::string>(), "");
    if (!expected.calls.empty() && function.contains("arguments"))
      expected.calls.back().second += function["arguments"].get<std::string>();
  }
}

void expect_message(const json& message, Expected& expected) {
  if (message.contains("content")) expect_content(message["content"], expected);
  for (const char* name : {"reasoning_content", "reasoning", "reasoning_text"})
    if (message.contains(name) && message[name].is_string())
      expected.reasoning += message[name].get<std::string>();
  if (message.contains("tool_calls") && message["tool_calls"].is_array())
    expect_calls(message["tool_calls"], expected);
}

void expect_usage(const json& usage, Expected& expected) {
  if (!usage.is_object() || !usage.contains("prompt_tokens")) return;
  expected.input = usage["prompt_tokens"].get<std::int64_t>();
  expected.output = usage["completion_tokens"].get<std::int64_t>();
  const json details = usage.value("completion_tokens_details", json());
  const std::int64_t reasoning = details.is_object() ? details.value("reasoning_tokens", 0) : 0;
  if (expected.input + expected.output + reasoning == usage["total_tokens"].get<std::int64_t>())
    expected.output += reasoning;
}

void expect_answer(const json& answer, const char* said, Expected& expected) {
  if (expected.model.empty()) expected.model = answer.value("model", "");
  if (answer.contains("usage")) expect_usage(answer["usage"], expected);
  for (const json& choice : answer.value("choices", json::array())) {
    if (choice.contains(said)) expect_message(choice[said], expected);
    if (choice.contains("finish_reason") && choice["finish_reason"].is_string())
      expected.finish = choice["finish_reason"].get<std::string>();
  }
}

Expected expected_of(const std::string& stream) {
  Expected expected;
  std::istringstream lines(stream);
  for (std::string line; std::getline(lines, line);)
    if (line.rfind("data: {", 0) == 0)
      expect_answer(json::parse(line.substr(6)), "delta", expected);
  return expected;
}

std::string reasoning_of(const Choice& choice) {
  std::string text;
  for (const Part& part : choice.message.parts)
    if (const auto* reasoning = part.get<Reasoning>()) text += reasoning->text;
  return text;
}

void compare(const Outcome& outcome, const Expected& expected) {
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.broken, "");
  ASSERT_EQ(outcome.response.choices.size(), 1u);
  EXPECT_EQ(outcome.response.text(), expected.text);
  EXPECT_EQ(reasoning_of(outcome.choice()), expected.reasoning);
  EXPECT_EQ(outcome.choice().finish_raw, expected.finish);
  EXPECT_EQ(outcome.response.model, expected.model);
  EXPECT_EQ(outcome.response.usage.input.value_or(-1), expected.input);
  EXPECT_EQ(outcome.response.usage.output.value_or(-1), expected.output);
  std::vector<std::pair<std::string, std::string>> calls;
  for (const ToolCall& call : outcome.response.tool_calls()) {
    EXPECT_NE(call.id, "");
    calls.emplace_back(call.name, call.arguments);
  }
  EXPECT_EQ(calls, expected.calls);
  EXPECT_EQ(outcome.response.finish() == Finish::kToolCalls, !calls.empty());
}

class ChatFixtures : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
    recording_ = reading::recording(GetParam());
    ASSERT_FALSE(recording_.body.empty());
  }
  Recording recording_;
};

TEST_P(ChatFixtures, SaysWhatItsBytesSay) {
  const Expected expected = expected_of(recording_.body);
  EXPECT_FALSE(expected.text.empty() && expected.calls.empty());
  for (const Dialect* dialect : {&kCompatibleDialect, &kOwnDialect})
    compare(reading::read_stream(recording_.body, *dialect), expected);
}

TEST_P(ChatFixtures, EveryPathGivesTheSame) {
  const std::string& body = recording_.body;
  const Outcome full = reading::read_stream(body, kCompatibleDialect, 1, ChatReader::Path::kFull);
  EXPECT_EQ(reading::read_stream(body, kCompatibleDialect, 1, ChatReader::Path::kPlain).events,
            full.events);
  EXPECT_EQ(reading::read_stream(body, kCompatibleDialect, 1, ChatReader::Path::kTemplates).events,
            full.events);
}

// Where to cut: everywhere up to 16 KiB; beyond, near the ends of lines and at 2,000 places.
std::vector<std::size_t> cuts_of(const std::string& body) {
  std::vector<std::size_t> cuts;
  constexpr std::size_t kNear = 4;
  if (body.size() <= 16 * 1024) {
    for (std::size_t i = 1; i < body.size(); ++i) cuts.push_back(i);
    return cuts;
  }
  std::mt19937 random(20261126);
  for (int i = 0; i < 2000; ++i) cuts.push_back(1 + random() % (body.size() - 1));
  for (std::size_t at = body.find('\n'); at != std::string::npos; at = body.find('\n', at + 1))
    for (std::size_t i = at > kNear ? at - kNear : 1; i < std::min(at + kNear, body.size()); ++i)
      cuts.push_back(i);
  std::sort(cuts.begin(), cuts.end());
  cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
  return cuts;
}

TEST_P(ChatFixtures, TheSameHoweverItIsCut) {
  const std::string_view body = recording_.body;
  const Outcome whole = reading::read_stream(body);
  ASSERT_FALSE(whole.error) << *whole.error;
  for (const std::size_t cut : cuts_of(recording_.body)) {
    ChatReader reader(kCompatibleDialect, 1);
    const Outcome outcome =
        reading::read_pieces(reader, 1, {body.substr(0, cut), body.substr(cut)});
    ASSERT_FALSE(outcome.error) << "cut at " << cut << ": " << *outcome.error;
    ASSERT_EQ(outcome.events, whole.events) << "cut at " << cut;
  }
  std::vector<std::string_view> bytes;
  for (std::size_t i = 0; i < body.size(); ++i) bytes.push_back(body.substr(i, 1));
  ChatReader reader(kCompatibleDialect, 1);
  EXPECT_EQ(reading::read_pieces(reader, 1, bytes).events, whole.events);
}

// Where the proof is complete: after the event that brings the finish_reason.
std::size_t proof_of(const std::string& body) {
  for (std::size_t at = 0, end = body.find("\n\n"); end != std::string::npos;
       at = end + 2, end = body.find("\n\n", at)) {
    if (body.compare(at, 7, "data: {") != 0) continue;
    const json event = json::parse(body.substr(at + 6, end - at - 6));
    for (const json& choice : event.value("choices", json::array()))
      if (choice.contains("finish_reason") && choice["finish_reason"].is_string()) return end + 2;
  }
  return 0;
}

TEST_P(ChatFixtures, CutAnywhere) {
  const std::string_view body = recording_.body;
  const std::size_t proof = proof_of(recording_.body);
  ASSERT_GT(proof, 2u);
  const std::string text = reading::read_stream(body).response.text();
  for (const std::size_t cut : cuts_of(recording_.body)) {
    const Outcome outcome = reading::read_stream(body.substr(0, cut));
    ASSERT_EQ(outcome.proven, cut >= proof) << "cut at " << cut << " of " << proof;
    ASSERT_EQ(outcome.error.has_value(), cut < proof);
    if (outcome.error) {
      ASSERT_EQ(outcome.error->code(), Errc::kTruncated) << "cut at " << cut;
      ASSERT_EQ(text.compare(0, outcome.response.text().size(), outcome.response.text()), 0);
    } else {
      ASSERT_EQ(outcome.response.text(), text);
      ASSERT_EQ(outcome.broken, "");
    }
  }
}

std::string name_of(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, ChatFixtures, testing::ValuesIn(reading::recording_names()), name_of);

class WholeFixtures : public testing::TestWithParam<std::string> {};

TEST_P(WholeFixtures, SaysWhatItsBytesSay) {
  if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
  const std::string body = reading::read_file(reading::fixtures() + GetParam());
  ASSERT_FALSE(body.empty());
  Expected expected;
  expect_answer(json::parse(body), "message", expected);
  compare(reading::read_whole(body), expected);
  EXPECT_EQ(reading::read_whole(body, kCompatibleDialect, 1, ChatReader::Path::kFull).events,
            reading::read_whole(body).events);
}

INSTANTIATE_TEST_SUITE_P(All, WholeFixtures,
                         testing::Values("vercel-ai/openai-compatible/chat/xai-text.json",
                                         "vercel-ai/groq/groq-text.json",
                                         "vercel-ai/groq/groq-tool-call.json",
                                         "vercel-ai/deepseek/chat/deepseek-json.json",
                                         "vercel-ai/deepseek/chat/deepseek-reasoning.json",
                                         "vercel-ai/deepseek/chat/deepseek-text.json",
                                         "vercel-ai/deepseek/chat/deepseek-tool-call.json",
                                         "vercel-ai/mistral/mistral-reasoning.json",
                                         "vercel-ai/mistral/mistral-tool-call.json",
                                         "vercel-ai/xai/xai-tool-call.json",
                                         "vercel-ai/alibaba/alibaba-text.json",
                                         "vercel-ai/moonshotai/moonshotai-tool-call.json",
                                         "vercel-ai/azure/azure-deepseek-reasoning.1.json",
                                         "rust-genai/opencode_go/openai_chat/response_000.txt"),
                         name_of);

}  // namespace
}  // namespace infer::cloud
