// Cassettes of every wire, recorded from a server and played back without one: the same answers, no
// request to anybody, no key in the file.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>
#include <iterator>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "infer/registry.h"
#include "src/core/base64.h"
#include "src/core/event_json.h"
#include "src/port/temp_dir.h"
#include "tests/faults/server.h"

namespace infer::faults {
namespace {

// What is asked of a server, and the answer in words; an error in words, too.
struct Case {
  std::string name{};
  std::string fault{};
  Spoken wire{};
  std::function<std::string(const ApiConfig&)> ask{};
  friend std::ostream& operator<<(std::ostream& out, const Case& asked) {
    return out << asked.name;
  }
};

// Every event that a program sees, as JSON; how long it took is another time's.
std::string words_of(Reply reply) {
  std::string all;
  while (const Event* event = reply.next()) {
    core::Json json = core::event_json(*event);
    if (json.contains("usage"))
      for (const char* key : {"connect_ns", "first_ns", "decode_ns"}) json["usage"].erase(key);
    all += json.dump() + '\n';
  }
  if (const Error* error = reply.error()) all += core::error_json(*error).dump();
  return all;
}

std::string ask_text(const Spoken& wire, const ApiConfig& config, Wire how, TextRequest request) {
  const auto model = infer::text(wire.id("echo-1"), config);
  if (!model) return model.error().message();
  Call call;
  call.wire = how;
  return words_of(model->stream(std::move(request), std::move(call)));
}

std::string draw(const ApiConfig& config, ImageRequest request) {
  const auto model = infer::image("openai:draws", config);
  return model ? words_of(model->stream(std::move(request))) : model.error().message();
}

std::string embed(const ApiConfig& config, std::size_t count) {
  const auto model = infer::embedding("openai:embeds", config);
  if (!model) return model.error().message();
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < count; ++i) inputs.push_back(std::string(1 + i % 7, 'x'));
  const auto rows = model->embed(inputs);
  if (!rows) return rows.error().message();
  std::string all = std::to_string(rows->dimensions) + ":";
  for (const float value : rows->values) all += ' ' + std::to_string(value);
  return all;
}

Media pixel() {
  Media media;
  media.mime = "image/png";
  media.source = Blob(*core::from_base64(
      "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJg"
      "gg=="));
  return media;
}

TextRequest words() { return {.messages = {user("one fox, \u4f60\u597d and a \U0001f98a")}}; }
TextRequest tools() {
  TextRequest request = words();
  request.tools.push_back({.name = "get_weather"});
  request.tool_choice.mode = ToolChoice::Mode::kRequired;
  return request;
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const Spoken& wire : {kOpenAiChat, kOpenAiResponses, kGroq, kModal, kAnthropic}) {
    const auto add = [&](const std::string& name, Wire how, TextRequest (*request)()) {
      all.push_back(
          {wire.name + "_" + name, wire.scheme == kModal.scheme ? "modal:2" : "echo", wire,
           [=](const ApiConfig& config) { return ask_text(wire, config, how, request()); }});
    };
    add("text_streamed", Wire::kStream, words);
    add("text_whole", Wire::kWhole, words);
    add("tools_streamed", Wire::kStream, tools);
    add("tools_whole", Wire::kWhole, tools);
    all.push_back({wire.name + "_refused", "status:400", wire, [=](const ApiConfig& config) {
                     return ask_text(wire, config, Wire::kStream, words());
                   }});
  }
  const auto add = [&](const std::string& name, std::function<std::string(const ApiConfig&)> ask) {
    all.push_back({name, "echo", kOpenAiChat, std::move(ask)});
  };
  add("picture_whole", [](const ApiConfig& config) { return draw(config, {.prompt = "a fox"}); });
  add("picture_streamed", [](const ApiConfig& config) {
    ImageRequest request{.prompt = "a fox"};
    request.previews = 2;
    return draw(config, std::move(request));
  });
  // The boundary of a form is another one each time: the request is the same all the same.
  add("picture_edited", [](const ApiConfig& config) {
    ImageRequest request{.prompt = "a fox"};
    request.images = {pixel(), pixel()};
    request.mask = pixel();
    return draw(config, std::move(request));
  });
  add("embeddings", [](const ApiConfig& config) { return embed(config, 3); });
  add("embeddings_of_two_requests", [](const ApiConfig& config) { return embed(config, 2049); });
  return all;
}

class Cassettes : public testing::TestWithParam<Case> {
 protected:
  ApiConfig config(Cassette::Mode mode) const {
    ApiConfig config = server_.config(GetParam().fault, GetParam().wire);
    // What keys of all providers look like, so that none is there by chance.
    config.key = "sk-canary-3Zq8vT1-of-the-tests";
    config.cassette = Cassette{directory_ / "cassette", mode};
    return config;
  }
  std::string bytes() const {
    std::ifstream file(directory_ / "cassette", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  FaultServer server_;
  port::TempDir directory_;
};

TEST_P(Cassettes, PlayBackWhatWasSaid) {
  const std::string live = GetParam().ask(config(Cassette::Mode::kRecord));
  const Stats stats = server_.stats();
  EXPECT_GE(stats.count(), 1);
  const std::string kept = bytes();
  EXPECT_GT(kept.size(), 200u);
  for (const char* secret : {"canary", "wk-of-the-tests", "ws-of-the-tests"})
    EXPECT_EQ(kept.find(secret), std::string::npos) << kept;

  server_.reset();
  for (int again = 0; again < 2; ++again)
    EXPECT_EQ(GetParam().ask(config(Cassette::Mode::kReplay)), live);
  EXPECT_EQ(server_.stats().connections, 0);
  EXPECT_EQ(bytes(), kept);
  // It is an answer, and not the same complaint twice.
  if (GetParam().fault != "status:400") {
    EXPECT_EQ(live.find("\"code\""), std::string::npos) << live;
  }
}

INSTANTIATE_TEST_SUITE_P(Wires, Cassettes, testing::ValuesIn(cases()),
                         [](const auto& asked) { return asked.param.name; });

}  // namespace
}  // namespace infer::faults
