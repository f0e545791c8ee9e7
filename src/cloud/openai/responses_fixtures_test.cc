// Responses that real servers sent, held against an independent reading of the same bytes, and sent
// back in the next request.
#include <gtest/gtest.h>

#include <random>

#include "src/cloud/openai/responses_for_tests.h"
#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using reading::Outcome;
using reading::ResponsesRecording;
using reading::SaidByResponse;

void expect_same(const SaidByResponse& have, const SaidByResponse& want) {
  EXPECT_EQ(have.id, want.id);
  EXPECT_EQ(have.model, want.model);
  EXPECT_EQ(have.status, want.status);
  EXPECT_EQ(have.text, want.text);
  EXPECT_EQ(have.reasoning, want.reasoning);
  EXPECT_EQ(have.kinds, want.kinds);
  EXPECT_EQ(have.calls, want.calls);
  EXPECT_EQ(have.others, want.others);
  EXPECT_EQ(have.input, want.input);
  EXPECT_EQ(have.output, want.output);
  EXPECT_EQ(have.cached, want.cached);
  EXPECT_EQ(have.thought, want.thought);
}

void expect_sound(const Outcome& outcome) {
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.broken, "");
  ASSERT_EQ(outcome.response.choices.size(), 1u);
  const bool calls = !outcome.response.tool_calls().empty();
  EXPECT_EQ(outcome.response.finish(), calls ? Finish::kToolCalls : Finish::kStop);
  EXPECT_EQ(outcome.response.issuer, "openai/responses");
}

// The items of a stream as bytes, in the order of the output.
std::vector<std::string> items_of(const ResponsesRecording& recording) {
  std::map<int, std::string> items;
  for (const std::string& line : recording.events) {
    const json event = json::parse(line);
    if (event["type"] == "response.output_item.done")
      items[event["output_index"].get<int>()] = reading::bytes_of_member(line, "item");
  }
  std::vector<std::string> list;
  for (const auto& [index, item] : items) list.push_back(item);
  return list;
}

TextRequest next_request(const Message& message) {
  return {.messages = {user("Go."), message, user("On.")}};
}

std::string body_of(Result<Outgoing> outgoing) {
  EXPECT_TRUE(outgoing) << outgoing.error();
  return outgoing ? outgoing->body : std::string();
}

// Every item goes back byte for byte, in its order, to its issuer; nothing of what only its issuer
// understands goes to anybody else.
void expect_lossless(const Message& message, const std::vector<std::string>& items) {
  const std::string body =
      body_of(write_openai_responses(reading::responses_model(), next_request(message), {}));
  const auto sent = raw_elements(*raw_member(body, "input"));
  ASSERT_EQ(sent.size(), items.size() + 2);
  for (std::size_t i = 0; i < items.size(); ++i) EXPECT_EQ(sent[i + 1], items[i]) << i;

  ServerModel other = reading::responses_model();
  other.issuer = "openai@https://api.x.ai";
  other.responses_issuer = "openai@https://api.x.ai/responses";
  auto to_other = write_openai_responses(other, next_request(message), {});
  ASSERT_TRUE(to_other) << to_other.error();
  auto to_chat = write_openai_chat(other, next_request(message), {});
  ASSERT_TRUE(to_chat) << to_chat.error();
  for (const std::string& item : items) {
    const json secret = json::parse(item);
    for (const char* name : {"id", "encrypted_content", "fingerprint"}) {
      const std::string value = secret.contains(name) && secret[name].is_string()
                                    ? secret[name].get<std::string>()
                                    : std::string();
      if (value.empty()) continue;
      EXPECT_EQ(to_other->body.find(value), std::string::npos) << name;
      EXPECT_EQ(to_chat->body.find(value), std::string::npos) << name;
    }
    const std::string type = secret["type"];
    const bool plain = type == "message" || type == "function_call" || type == "custom_tool_call";
    if (!plain) {
      EXPECT_EQ(to_other->body.find(item), std::string::npos);
      const auto dropped = [](const Warning& w) { return w.code == "dropped_part"; };
      EXPECT_TRUE(std::any_of(to_other->warnings.begin(), to_other->warnings.end(), dropped));
    }
  }
}

class ResponsesStreams : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
    recordings_ = reading::responses_recordings(GetParam());
    ASSERT_FALSE(recordings_.empty());
  }
  std::vector<ResponsesRecording> recordings_;
};

TEST_P(ResponsesStreams, SayWhatTheirBytesSay) {
  for (const ResponsesRecording& recording : recordings_) {
    SCOPED_TRACE(recording.name);
    const json end = json::parse(recording.events.back());
    ASSERT_EQ(end["type"], "response.completed");
    json output = json::array();
    for (const std::string& item : items_of(recording)) output.push_back(json::parse(item));
    ASSERT_FALSE(output.empty());
    const std::string body = recording.body();
    const Outcome outcome = reading::read_responses({body});
    expect_sound(outcome);
    expect_same(reading::said_by(outcome.response), reading::said_by(end["response"], output));
    EXPECT_EQ(
        outcome.response.usage.raw,
        reading::bytes_of_member(
            recording.events.back().substr(recording.events.back().rfind("\"usage\":")), "usage"));
    // What the stream says is what the response says that ends it, but for what is encrypted anew
    // each time.
    if (end["response"]["output"].empty()) continue;
    SaidByResponse ended = reading::said_by(end["response"], end["response"]["output"]);
    SaidByResponse streamed = reading::said_by(outcome.response);
    ended.others.clear();
    streamed.others.clear();
    expect_same(streamed, ended);
  }
}

TEST_P(ResponsesStreams, AreTheSameOnBothPaths) {
  for (const ResponsesRecording& recording : recordings_) {
    const std::string body = recording.body();
    EXPECT_EQ(reading::read_responses({body}, ResponsesReader::Path::kPlain).events,
              reading::read_responses({body}, ResponsesReader::Path::kFull).events);
  }
}

TEST_P(ResponsesStreams, AreTheSameHoweverTheyAreSplit) {
  std::mt19937 random(20261126);
  for (const ResponsesRecording& recording : recordings_) {
    const std::string text = recording.body();
    const std::string_view body = text;
    const std::string events = reading::read_responses({body}).events;
    for (int i = 0; i < 20; ++i) {
      const std::size_t at = 1 + random() % (body.size() - 1);
      ASSERT_EQ(reading::read_responses({body.substr(0, at), body.substr(at)}).events, events)
          << at;
    }
    std::vector<std::string_view> pieces;
    for (std::size_t at = 0; at < body.size(); at += 7) pieces.push_back(body.substr(at, 7));
    EXPECT_EQ(reading::read_responses(pieces).events, events);
  }
}

TEST_P(ResponsesStreams, AreProvenByTheirLastEventAlone) {
  for (const ResponsesRecording& recording : recordings_) {
    const std::string text = reading::read_responses({recording.body()}).response.text();
    const std::size_t n = recording.events.size();
    // Of long streams every event near the ends, and each tenth between.
    for (std::size_t cut = 0; cut < n; cut += cut < 20 || cut + 20 > n ? 1 : 10) {
      const Outcome outcome = reading::read_responses({recording.body(cut)});
      ASSERT_FALSE(outcome.proven) << cut;
      ASSERT_TRUE(outcome.error) << cut;
      ASSERT_EQ(outcome.error->code(), Errc::kTruncated) << cut;
      const std::string partial = outcome.response.choices.empty() ? "" : outcome.response.text();
      ASSERT_EQ(text.compare(0, partial.size(), partial), 0) << cut;
    }
  }
}

TEST_P(ResponsesStreams, GoBackByteForByte) {
  for (const ResponsesRecording& recording : recordings_) {
    SCOPED_TRACE(recording.name);
    const Outcome outcome = reading::read_responses({recording.body()});
    expect_lossless(outcome.response.message(), items_of(recording));
  }
}

// As if the server had left out the events that end items: what completes the response tells.
TEST_P(ResponsesStreams, TakeFromTheEndWhatHasNotCome) {
  for (const ResponsesRecording& recording : recordings_) {
    SCOPED_TRACE(recording.name);
    const json end = json::parse(recording.events.back());
    if (end["response"]["output"].empty()) continue;
    const auto without = [&](const std::string& type) {
      ResponsesRecording cut{recording.name, {}};
      for (const std::string& line : recording.events)
        if (json::parse(line)["type"].get<std::string>().rfind(type, 0) != 0)
          cut.events.push_back(line);
      return reading::read_responses({cut.body()});
    };
    for (const char* type : {"response.output_item.done", "response.output_item.",
                             "response.output_", "response.content_part"}) {
      SCOPED_TRACE(type);
      const Outcome outcome = without(type);
      expect_sound(outcome);
      SaidByResponse want = reading::said_by(end["response"], end["response"]["output"]);
      SaidByResponse have = reading::said_by(outcome.response);
      if (std::string(type) == "response.content_part") want.others = have.others;
      // What nobody has announced comes when its first text comes, or at the end.
      std::sort(want.kinds.begin(), want.kinds.end());
      std::sort(have.kinds.begin(), have.kinds.end());
      expect_same(have, want);
    }
  }
}

std::string recording_name(const testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(All, ResponsesStreams,
                         testing::ValuesIn(reading::responses_stream_names()), recording_name);

class WholeResponses : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
    body_ = reading::read_file(reading::fixtures() + GetParam());
    ASSERT_FALSE(body_.empty());
  }
  std::string body_;
};

TEST_P(WholeResponses, SayWhatTheirBytesSay) {
  const json response = json::parse(body_);
  const Outcome outcome = reading::read_whole_response(body_);
  expect_sound(outcome);
  expect_same(reading::said_by(outcome.response), reading::said_by(response, response["output"]));
}

TEST_P(WholeResponses, GoBackByteForByte) {
  std::vector<std::string> items;
  for (const std::string_view item : raw_elements(*raw_member(body_, "output")))
    items.emplace_back(item);
  expect_lossless(reading::read_whole_response(body_).response.message(), items);
}

// The same answer as a stream that holds nothing but its beginning and its end.
TEST_P(WholeResponses, AreTheSameAsTheirStream) {
  const std::string created = R"({"type":"response.created","response":{"id":)" +
                              std::string(*raw_member(body_, "id")) + R"(,"model":)" +
                              std::string(*raw_member(body_, "model")) + R"(,"output":[]}})";
  std::string one_line = body_;  // no string holds a line break
  std::replace(one_line.begin(), one_line.end(), '\n', ' ');
  const std::string stream =
      reading::event_of(created) +
      reading::event_of(R"({"type":"response.completed","response":)" + one_line + "}");
  const Outcome streamed = reading::read_responses({stream});
  const Outcome whole = reading::read_whole_response(one_line);
  expect_sound(streamed);
  expect_same(reading::said_by(streamed.response), reading::said_by(whole.response));
  EXPECT_EQ(streamed.kinds, whole.kinds);
}

INSTANTIATE_TEST_SUITE_P(All, WholeResponses, testing::ValuesIn(reading::responses_whole_names()),
                         recording_name);

TEST(ResponsesErrors, OfTheFixtures) {
  if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
  const std::string folder = "vercel-ai/openai/responses/";
  const auto recordings = reading::responses_recordings(folder + "openai-error.1.chunks.txt");
  ASSERT_EQ(recordings.size(), 1u);
  const Outcome streamed = reading::read_responses({recordings[0].body()});
  ASSERT_TRUE(streamed.error);
  EXPECT_EQ(streamed.error->code(), Errc::kQuotaExceeded);
  EXPECT_EQ(streamed.error->provider_code(), "insufficient_quota");
  EXPECT_EQ(streamed.response.model, "gpt-5-nano-2025-08-07");
  for (const char* name : {"openai-error.1.json", "reasoning-model-temperature-error.json"}) {
    const Outcome whole =
        reading::read_whole_response(reading::read_file(reading::fixtures() + folder + name));
    EXPECT_TRUE(whole.error) << name;
    EXPECT_FALSE(whole.proven);
  }
}

}  // namespace
}  // namespace infer::cloud
