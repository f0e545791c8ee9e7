// The same wires from a server that others wrote: npm's @copilotkit/aimock, started here. It is
// installed by `./x setup` where node is; without it these tests are skipped.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "infer/layers.h"
#include "infer/registry.h"
#include "src/core/base64.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

// One pixel, as PNG.
constexpr const char* kPixel =
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+"
    "M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

std::string program() {
  const char* path = std::getenv("INFER_AIMOCK");
  return path ? path : "";
}

class Aimock : public testing::TestWithParam<Spoken> {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(program()))
      GTEST_SKIP() << "aimock is not installed: ./x setup installs it where node and npm are";
    mock_.emplace(std::vector<std::string>{"node", program(), "-p", "0", "-f",
                                           INFER_SOURCE_DIR "/tests/faults/aimock/fixtures.json"});
    const std::string at = "http://";
    for (std::string line = mock_->read_line(); !line.empty(); line = mock_->read_line()) {
      const auto found = line.find(at);
      if (found != std::string::npos && line.find("listening") != std::string::npos) {
        base_ = line.substr(found) + "/v1";
        port_ = std::atoi(line.substr(line.rfind(':') + 1).c_str());
        return;
      }
    }
    GTEST_SKIP() << "aimock did not start: is node there, 20.15 or newer?";
  }

  bool is(const Spoken& wire) const { return GetParam().name == wire.name; }
  ApiConfig config() const {
    ApiConfig config;
    config.key = "sk-of-the-tests";
    config.base_url = base_;
    config.text_api = GetParam().text_api;
    config.proxy = "none";
    return config;
  }
  TextModel model(const std::string& name) const {
    auto opened = infer::text(GetParam().id(name), config());
    if (!opened) ADD_FAILURE() << opened.error();
    return *opened | Retry{.backoff = std::chrono::milliseconds(1)};
  }
  // All that the mock was asked, as it keeps it.
  std::string journal() const { return fetch(port_, "/v1/_requests"); }
  static Call by(Wire wire) {
    Call call;
    call.wire = wire;
    return call;
  }

 private:
  std::optional<Program> mock_;
  std::string base_;
  int port_ = 0;
};

constexpr Wire kBothWays[] = {Wire::kStream, Wire::kWhole};

TEST_P(Aimock, Text) {
  for (const Wire wire : kBothWays) {
    const auto answer = model("text").generate("Hi", by(wire));
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->text(),
              "Hello from the mock: \u041f\u0440\u0438\u0432\u0435\u0442 \u4f60\u597d \U0001f98a");
    EXPECT_EQ(answer->finish(), Finish::kStop);
    EXPECT_EQ(answer->usage.input, 11);
    EXPECT_EQ(answer->usage.output, 7);
    EXPECT_EQ(answer->model, "text");
    if (!is(kAnthropic)) {
      EXPECT_FALSE(
          answer->request_id.empty());  // Anthropic's header has another name than aimock's
    }
    EXPECT_EQ(answer->attempts, 1u);
  }
}

TEST_P(Aimock, ParallelToolsThereAndBack) {
  for (const Wire wire : kBothWays) {
    TextRequest request{.messages = {user("Weather and time?")}};
    for (const char* name : {"weather", "time"}) {
      Tool tool;
      tool.name = name;
      tool.schema = R"({"type":"object","properties":{}})";
      request.tools.push_back(tool);
    }
    const auto calls = model("tools").generate(request, by(wire));
    ASSERT_TRUE(calls) << calls.error();
    EXPECT_EQ(calls->finish(), Finish::kToolCalls);
    const std::vector<ToolCall> asked = calls->tool_calls();
    ASSERT_EQ(asked.size(), 2u);
    EXPECT_EQ(asked[0].id, "call_a");
    EXPECT_EQ(asked[0].name, "weather");
    EXPECT_EQ(asked[0].arguments, R"({"city":"Paris","days":3})");
    EXPECT_EQ(asked[1].id, "call_b");
    EXPECT_EQ(asked[1].name, "time");
    EXPECT_EQ(asked[1].arguments, "{}");

    request.messages.push_back(calls->message());
    Message results{.role = Role::kTool};
    for (const ToolCall& call : asked) {
      ToolResult result;
      result.call_id = call.id;
      result.name = call.name;
      result.content.push_back(Part{.value = Text{"as asked"}});
      results.parts.push_back(Part{.value = std::move(result)});
    }
    request.messages.push_back(std::move(results));
    const auto answer = model("tools").generate(request, by(wire));
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->text(), "Sunny, at noon");
  }
}

TEST_P(Aimock, Reasoning) {
  for (const Wire wire : kBothWays) {
    const auto answer = model("thinks").generate("What?", by(wire));
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->text(), "42");
    const Reasoning* thought = nullptr;
    for (const Part& part : answer->message().parts)
      if (auto* found = std::get_if<Reasoning>(&part.value)) thought = found;
    ASSERT_NE(thought, nullptr);
    EXPECT_EQ(thought->text, "Let me think about it");
    EXPECT_EQ(thought->signature, is(kAnthropic) ? "c2lnbmF0dXJl" : "");
  }
}

TEST_P(Aimock, LengthIsNotStop) {
  for (const Wire wire : kBothWays) {
    const auto answer = model("long").generate("Hi", by(wire));
    ASSERT_TRUE(answer) << answer.error();
    // Over Responses the mock says "incomplete", and nothing of the reason.
    EXPECT_EQ(answer->finish(), is(kOpenAiResponses) ? Finish::kOther : Finish::kLength);
  }
}

TEST_P(Aimock, RefusalsAreTypedAndBusyServersAskedAgain) {
  for (const Wire wire : kBothWays) {
    const auto limited = model("limited").generate("Hi", by(wire));
    ASSERT_FALSE(limited);
    EXPECT_EQ(limited.error().code(), Errc::kRateLimited) << limited.error();
    EXPECT_EQ(limited.error().http_status(), 429);
    EXPECT_EQ(limited.error().retry_after().value_or(std::chrono::milliseconds(0)),
              std::chrono::hours(2));

    const auto down = model("down").generate("Hi", by(wire));
    ASSERT_FALSE(down);
    EXPECT_EQ(down.error().code(), Errc::kOverloaded) << down.error();
    EXPECT_EQ(down.error().http_status(), 529);
    EXPECT_EQ(down.error().detail("attempts"), "3");
  }
  const auto again = model("busy").generate("Hi");
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->text(), "Here again");
  EXPECT_EQ(again->attempts, 2u);
}

TEST_P(Aimock, CutStreamsAreNoSuccess) {
  for (const char* name : {"cut", "gone"}) {
    SCOPED_TRACE(name);
    const auto answer = model(name).generate("Hi", by(Wire::kStream));
    ASSERT_FALSE(answer);
    EXPECT_TRUE(answer.error().code() == Errc::kTruncated ||
                answer.error().code() == Errc::kNetwork)
        << answer.error();
    ASSERT_NE(answer.error().partial(), nullptr);
    EXPECT_EQ(answer.error().partial()->text().compare(0, 4, "This"), 0);
  }
  const auto dropped = model("dropped").generate("Hi", by(Wire::kStream));
  ASSERT_FALSE(dropped);
  EXPECT_EQ(dropped.error().code(), Errc::kNetwork) << dropped.error();
  EXPECT_EQ(dropped.error().detail("attempts"), "3");
}

TEST_P(Aimock, NoJsonIsAProtocolError) {
  for (const Wire wire : kBothWays) {
    const auto answer = model("broken").generate("Hi", by(wire));
    ASSERT_FALSE(answer);
    EXPECT_EQ(answer.error().code(), Errc::kProtocol) << answer.error();
  }
}

Media pixel() {
  Media media;
  media.mime = "image/png";
  media.source = Blob(*core::from_base64(kPixel));
  return media;
}

TEST_P(Aimock, SeesPictures) {
  for (const Wire wire : kBothWays) {
    const auto answer = describe(model("sees"), pixel(), "What is this?", by(wire));
    ASSERT_TRUE(answer) << answer.error();
    EXPECT_EQ(answer->text(), "One pixel");
  }
  // The mock keeps what it understood of the request: of Responses and Anthropic's messages only
  // the words.
  if (GetParam().text_api == TextApi::kChat && !is(kAnthropic)) {
    EXPECT_NE(journal().find(kPixel), std::string::npos) << journal();
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, Aimock,
                         testing::Values(kOpenAiChat, kOpenAiResponses, kGroq, kAnthropic),
                         [](const auto& wire) { return wire.param.name; });

// What is no text has one wire.
class AimockOpenAi : public Aimock {};

TEST_P(AimockOpenAi, DrawsPictures) {
  const auto model = infer::image("openai:draws", config());
  ASSERT_TRUE(model) << model.error();
  ImageRequest request{.prompt = "a fox"};
  request.n = 2;
  for (const bool edits : {false, true}) {
    SCOPED_TRACE(edits ? "edited" : "generated");
    if (edits) request.images.push_back(pixel());
    const auto answer = model->generate(request);
    ASSERT_TRUE(answer) << answer.error();
    std::vector<const Media*> pictures;
    for (const Part& part : answer->message().parts)
      if (auto* media = part.get<Media>()) pictures.push_back(media);
    ASSERT_EQ(pictures.size(), 2u);
    EXPECT_EQ(std::get<Blob>(pictures[0]->source), Blob(*core::from_base64(kPixel)));
    EXPECT_EQ(pictures[0]->mime, "image/png");
  }
}

TEST_P(AimockOpenAi, SaysWhyItDrawsNothing) {
  const auto model = infer::image("openai:refused", config());
  ASSERT_TRUE(model) << model.error();
  const auto answer = model->generate({.prompt = "a fox"});
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().code(), Errc::kRateLimited) << answer.error();
  EXPECT_EQ(answer.error().http_status(), 429);
  EXPECT_EQ(answer.error().retry_after().value_or(std::chrono::milliseconds(0)),
            std::chrono::hours(2));
}

TEST_P(AimockOpenAi, Embeds) {
  const auto model = infer::embedding("openai:embeds", config());
  ASSERT_TRUE(model) << model.error();
  // More than fit into one request.
  std::vector<std::string> inputs(2049, "fox");
  const auto rows = model->embed(inputs);
  ASSERT_TRUE(rows) << rows.error();
  ASSERT_EQ(rows->rows(), inputs.size());
  for (std::size_t i = 0; i < rows->rows(); ++i)
    EXPECT_EQ(std::vector<float>((*rows)[i].begin(), (*rows)[i].end()),
              (std::vector<float>{0.25F, -0.5F, 1.0F}));
}

INSTANTIATE_TEST_SUITE_P(Wires, AimockOpenAi, testing::Values(kOpenAiChat),
                         [](const auto& wire) { return wire.param.name; });

}  // namespace
}  // namespace infer::faults
