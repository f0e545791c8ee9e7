// Answers that real servers sent, read in every way they can come, and held against an independent
// reading of the same bytes; and sent back, to the server that they are from and to another one.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <nlohmann/json.hpp>
#include <random>
#include <set>
#include <utility>

#include "src/cloud/openai/reading_for_tests.h"
#include "src/port/effort.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using reading::Outcome;
using reading::Recording;

// ---- what the bytes say, read with a JSON library and nothing of the code under test

struct SaidCall {
  std::string id{}, name{}, arguments{};
  json extra = json::object();  // members that chat completions do not have
  std::int64_t index = -1;
  bool operator==(const SaidCall& other) const {
    return id == other.id && name == other.name && arguments == other.arguments &&
           extra == other.extra;
  }
};

struct Said {
  std::string text{}, reasoning{}, refusal{}, finish{};
  std::vector<SaidCall> calls{};
  json annotations = json::array();
  json items = json::array();     // parts of the content that chat completions do not have
  json members = json::object();  // of the message, that chat completions do not have
};

bool means_nothing(const json& value) {
  return value.is_null() || value == json(false) || value == json("") ||
         (value.is_structured() && value.empty());
}

void hear_part(const json& part, Said& said) {
  const std::string type = part.is_object() ? part.value("type", "") : "";
  if (part.is_string()) {
    said.text += part.get<std::string>();
  } else if (type == "text" || (type.empty() && part.contains("text"))) {
    said.text += part["text"].get<std::string>();
  } else if (type == "refusal") {
    said.refusal += part["refusal"].get<std::string>();
  } else if (type == "thinking") {
    for (const json& piece : part["thinking"]) said.reasoning += piece["text"].get<std::string>();
  } else {
    said.items.push_back(part);
  }
}

void hear_call(const json& call, Said& said) {
  const json function = call.value("function", json::object());
  const auto text = [](const json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
  };
  const std::string id = text(call, "id"), name = text(function, "name");
  const std::int64_t index =
      call.contains("index") && call["index"].is_number() ? call["index"].get<std::int64_t>() : -1;
  auto to = std::find_if(said.calls.rbegin(), said.calls.rend(),
                         [&](const SaidCall& other) { return other.index == index; });
  const bool fresh = to == said.calls.rend() || (index < 0 && !name.empty()) ||
                     (!name.empty() && !id.empty() && !to->id.empty() && to->id != id);
  if (fresh) said.calls.push_back({.index = index});
  SaidCall& call_said = fresh ? said.calls.back() : *to;
  if (call_said.id.empty()) call_said.id = id;
  if (call_said.name.empty()) call_said.name = name;
  if (function.contains("arguments"))
    call_said.arguments += function["arguments"].is_string()
                               ? function["arguments"].get<std::string>()
                           : means_nothing(function["arguments"]) ? ""
                                                                  : function["arguments"].dump();
  for (const auto& [key, value] : call.items())
    if (key != "id" && key != "type" && key != "index" && key != "function" &&
        !means_nothing(value))
      call_said.extra[key] = value;
}

void hear_member(const std::string& key, const json& value, json& members) {
  if (!members.contains(key))
    members[key] = value;
  else if (value.is_string() && members[key].is_string())
    members[key] = members[key].get<std::string>() + value.get<std::string>();
  else if (value.is_array() && members[key].is_array())
    members[key].insert(members[key].end(), value.begin(), value.end());
  else
    members[key] = value;
}

void hear_message(const json& message, Said& said) {
  std::string reasoning;
  for (const auto& [key, value] : message.items()) {
    if (means_nothing(value) || key == "role" || key == "name") continue;
    if (value.is_string() &&
        (key == "reasoning_content" || key == "reasoning" || key == "reasoning_text")) {
      if (value != json(reasoning)) said.reasoning += value.get<std::string>();
      reasoning = value.get<std::string>();
    } else if (key == "content" && value.is_array()) {
      for (const json& part : value) hear_part(part, said);
    } else if (key == "content") {
      hear_part(value, said);
    } else if (key == "refusal") {
      said.refusal += value.get<std::string>();
    } else if (key == "annotations") {
      said.annotations.insert(said.annotations.end(), value.begin(), value.end());
    } else if (key == "tool_calls") {
      for (const json& call : value) hear_call(call, said);
    } else {
      hear_member(key, value, said.members);
    }
  }
}

struct Expected {
  std::string id{}, model{};
  std::vector<Said> choices{};
  std::int64_t input = -1, output = -1, reasoning = -1, cached = -1;
  json usage{};
  bool done = false;   // [DONE] came
  bool error = false;  // the server says so
  bool finished() const {
    return !choices.empty() && std::all_of(choices.begin(), choices.end(),
                                           [](const Said& said) { return !said.finish.empty(); });
  }
};

void hear_usage(const json& usage, Expected& expected) {
  if (!usage.is_object() || !usage.contains("prompt_tokens")) return;
  const auto figure = [&](const char* group, const char* key) -> std::int64_t {
    const json of = group ? usage.value(group, json()) : usage;
    return of.is_object() && of.contains(key) && of[key].is_number() ? of[key].get<std::int64_t>()
                                                                     : -1;
  };
  expected.usage = usage;
  expected.input = figure(nullptr, "prompt_tokens");
  expected.output = figure(nullptr, "completion_tokens");
  expected.reasoning = figure("completion_tokens_details", "reasoning_tokens");
  expected.cached = figure("prompt_tokens_details", "cached_tokens");
  if (expected.cached < 0) expected.cached = figure(nullptr, "prompt_cache_hit_tokens");
  // xAI counts the reasoning beside the answer.
  if (expected.reasoning > 0 &&
      expected.input + expected.output + expected.reasoning == figure(nullptr, "total_tokens"))
    expected.output += expected.reasoning;
}

void hear_answer(const json& answer, Expected& expected) {
  if (answer.contains("error") && !means_nothing(answer["error"])) expected.error = true;
  const auto first = [&](const char* key, std::string& to) {
    if (to.empty() && answer.contains(key) && answer[key].is_string())
      to = answer[key].get<std::string>();
  };
  first("id", expected.id);
  first("model", expected.model);
  if (answer.contains("x_groq") && answer["x_groq"].contains("usage"))
    hear_usage(answer["x_groq"]["usage"], expected);
  if (answer.contains("usage")) hear_usage(answer["usage"], expected);
  std::size_t position = 0;
  for (const json& choice : answer.value("choices", json::array())) {
    const std::size_t at = choice.value("index", position++);
    if (expected.choices.size() <= at) expected.choices.resize(at + 1);
    Said& said = expected.choices[at];
    const char* const name =
        choice.contains("delta") && !means_nothing(choice["delta"]) ? "delta" : "message";
    if (choice.contains(name) && choice[name].is_object()) hear_message(choice[name], said);
    if (choice.contains("usage")) hear_usage(choice["usage"], expected);
    if (choice.contains("finish_reason") && choice["finish_reason"].is_string() &&
        said.finish.empty())
      said.finish = choice["finish_reason"].get<std::string>();
  }
}

Expected expected_of(const Recording& recording) {
  Expected expected;
  if (!recording.stream) {
    hear_answer(json::parse(recording.body), expected);
    return expected;
  }
  std::istringstream lines(recording.body);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("data:", 0) != 0) continue;
    const json event = json::parse(line.substr(5), nullptr, false);
    if (line.find("[DONE]") < 8)
      expected.done = true;
    else if (event.is_object())
      hear_answer(event, expected);
  }
  return expected;
}

// ---- what was read

Said said_of(const Choice& choice) {
  Said said;
  said.finish = choice.finish_raw;
  for (const Part& part : choice.message.parts) {
    const json extra = part.extra.empty() ? json::object() : json::parse(part.extra);
    if (extra.contains("annotations"))
      said.annotations.insert(said.annotations.end(), extra["annotations"].begin(),
                              extra["annotations"].end());
    if (const auto* text = part.get<Text>()) said.text += text->text;
    if (const auto* refusal = part.get<Refusal>()) said.refusal += refusal->text;
    if (const auto* reasoning = part.get<Reasoning>()) said.reasoning += reasoning->text;
    if (const auto* call = part.get<ToolCall>()) {
      SaidCall made{.id = call->id, .name = call->name, .arguments = call->arguments};
      for (const auto& [key, value] : extra.items())
        if (key != "choice" && key != "answer") made.extra[key] = value;
      said.calls.push_back(std::move(made));
    }
    if (const auto* item = part.get<Opaque>()) {
      const json value = json::parse(item->json);
      if (value.is_object() && value.value("type", "") == item->type)
        said.items.push_back(value);
      else
        said.members[item->type] = value;
    }
  }
  return said;
}

// `ids`: also those that servers leave out, and that are made up here.
void compare_said(const Said& got, const Said& expected, bool ids = false) {
  EXPECT_EQ(got.text, expected.text);
  EXPECT_EQ(got.reasoning, expected.reasoning);
  EXPECT_EQ(got.refusal, expected.refusal);
  EXPECT_EQ(got.items, expected.items);
  EXPECT_EQ(got.members, expected.members);
  ASSERT_EQ(got.calls.size(), expected.calls.size());
  for (std::size_t i = 0; i < got.calls.size(); ++i) {
    SaidCall call = got.calls[i];
    EXPECT_NE(call.id, "");
    if (!ids && expected.calls[i].id.empty()) call.id.clear();
    EXPECT_EQ(call, expected.calls[i]) << call.id << ' ' << call.name << ' ' << call.arguments;
  }
}

void compare(const Outcome& outcome, const Expected& expected) {
  ASSERT_FALSE(outcome.error) << *outcome.error;
  EXPECT_EQ(outcome.broken, "");
  EXPECT_EQ(outcome.response.id, expected.id);
  EXPECT_EQ(outcome.response.model, expected.model);
  const Usage& usage = outcome.response.usage;
  EXPECT_EQ(usage.input.value_or(-1), expected.input);
  EXPECT_EQ(usage.output.value_or(-1), expected.output);
  EXPECT_EQ(usage.reasoning.value_or(-1), expected.reasoning);
  EXPECT_EQ(usage.cache_read.value_or(-1), expected.cached);
  EXPECT_EQ(usage.raw.empty() ? json() : json::parse(usage.raw), expected.usage);
  ASSERT_EQ(outcome.response.choices.size(), expected.choices.size());
  for (std::size_t i = 0; i < expected.choices.size(); ++i) {
    const Choice& choice = outcome.choice(i);
    const Said said = said_of(choice);
    compare_said(said, expected.choices[i]);
    EXPECT_EQ(said.finish, expected.choices[i].finish);
    EXPECT_EQ(said.annotations, expected.choices[i].annotations);
    if (said.finish != "stop" && said.finish != "tool_calls") continue;
    EXPECT_EQ(choice.finish == Finish::kToolCalls, !said.calls.empty());
  }
}

const ServerModel& server_of(const Dialect& dialect, const std::string& issuer) {
  static std::map<std::pair<const Dialect*, std::string>, ServerModel>* const all =
      new std::map<std::pair<const Dialect*, std::string>, ServerModel>;
  ServerModel& made = (*all)[{&dialect, issuer}];
  made = {.name = "m", .issuer = issuer, .dialect = &dialect};
  return made;
}

Outcome read_recording(const Recording& recording, const ServerModel& model, std::uint32_t n,
                       ChatReader::Path path = ChatReader::Path::kTemplates) {
  ChatReader reader(model, n, path);
  return recording.stream ? reading::read_pieces(reader, n, {recording.body})
                          : reading::read_whole(reader, n, recording.body);
}

constexpr const char* kHere = "openai@https://here";

// Shapes that servers are known to send and that no recording has: signatures above all.
Recording by_hand(const std::string& name, const std::vector<std::string>& deltas,
                  const std::string& end) {
  Recording made{.name = name, .stream = true};
  const auto event = [&](const std::string& delta, const std::string& rest) {
    made.body += reading::event_of(R"({"id":"c","model":"m","choices":[{"index":0,"delta":)" +
                                   delta + rest + "}]}");
  };
  for (const std::string& delta : deltas) event(delta, "");
  event("{}", R"(,"finish_reason":")" + end + "\"");
  made.body += reading::event_of("[DONE]");
  return made;
}
std::vector<Recording> recordings_by_hand() {
  return {
      by_hand("OpenRouter: details of reasoning, signed",
              {R"({"role":"assistant","content":"","reasoning":"Hm","reasoning_details":[{"type":)"
               R"("reasoning.text","text":"Hm","index":0}]})",
               R"({"content":"","reasoning_details":[{"type":"reasoning.encrypted","data":"c2ln",)"
               R"("id":"rs_1","index":1}]})",
               R"({"content":"So."})"},
              "stop"),
      by_hand(
          "Gemini: a signature beside a call",
          {R"({"tool_calls":[{"index":0,"id":"f1","type":"function","extra_content":{"google":)"
           R"({"thought_signature":"c2ln"}},"function":{"name":"f","arguments":"{\"a\": 1}"}}]})",
           R"({"tool_calls":[{"index":1,"id":"f2","type":"function","function":{"name":"g",)"
           R"("arguments":"{ }"}}]})"},
          "tool_calls"),
      by_hand("GitHub Copilot: reasoning that is sealed",
              {R"({"reasoning_text":"Hm","content":null})", R"({"reasoning_opaque":"c2ln"})",
               R"({"content":"So."})"},
              "stop"),
      by_hand("Mistral: references between texts",
              {R"({"content":[{"type":"text","text":"See "}]})",
               R"({"content":[{"type":"reference","reference_ids":[1, 2]}]})",
               R"({"content":[{"type":"text","text":"there."}]})"},
              "stop"),
      by_hand("calls that come at once, piece by piece",
              {R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":""}},)"
               R"({"index":1,"id":"b","function":{"name":"g","arguments":""}}]})",
               R"({"tool_calls":[{"index":1,"function":{"arguments":"{\"y\":"}}]})",
               R"({"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":1"}}]})",
               R"({"tool_calls":[{"index":1,"function":{"arguments":"2}"}}]})",
               R"({"tool_calls":[{"index":0,"function":{"arguments":"}"}}]})"},
              "tool_calls"),
      {.name = "two answers, one of them a refusal",
       .body = R"({"id":"c","model":"m","choices":[{"index":1,"message":{"role":"assistant",)"
               R"("content":null,"refusal":"No."},"finish_reason":"stop"},{"index":0,"message":{)"
               R"("role":"assistant","content":"Yes.","strange":{"b":1.50,"a":[ ]}},)"
               R"("finish_reason":"length"}],"usage":{"prompt_tokens":3,"completion_tokens":4}})"},
  };
}
std::vector<Recording> all_recordings() {
  std::vector<Recording> all = recordings_by_hand();
  all.insert(all.end(), reading::recordings().begin(), reading::recordings().end());
  return all;
}

TEST(ChatFixtures, AreFound) {
  if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
  for (const char* folder :
       {"/groq/", "/xai/", "/deepseek/", "/mistral/", "/alibaba/", "/moonshotai/", "/azure/",
        "/openai-compatible/", "/openai/chat/", "/github_copilot/", "/opencode_go/"})
    EXPECT_TRUE(std::any_of(
        reading::recordings().begin(), reading::recordings().end(),
        [&](const Recording& made) { return made.name.find(folder) != std::string::npos; }))
        << folder;
}

// Also of files that were not there when this was built.
TEST(ChatFixtures, EveryAnswerSaysWhatItsBytesSay) {
  using Path = ChatReader::Path;
  for (const Recording& recording : all_recordings()) {
    SCOPED_TRACE(recording.name);
    const Expected expected = expected_of(recording);
    const auto n = static_cast<std::uint32_t>(std::max<std::size_t>(expected.choices.size(), 1));
    for (const Dialect* dialect : {&kCompatibleDialect, &kOwnDialect, &kGroqDialect}) {
      const ServerModel& model = server_of(*dialect, kHere);
      const Outcome full = read_recording(recording, model, n, Path::kFull);
      EXPECT_EQ(read_recording(recording, model, n, Path::kPlain).events, full.events);
      const Outcome outcome = read_recording(recording, model, n);
      EXPECT_EQ(outcome.events, full.events);
      const bool proven =
          !recording.stream || expected.finished() || (expected.done && dialect->done_proves);
      if (expected.error || !proven)
        EXPECT_TRUE(outcome.error);
      else
        compare(outcome, expected);
    }
  }
}

// ---- and back

struct Back {
  Said said{};
  std::vector<std::string> warnings{};
};

// The choice as it stands in the next request, with results for its calls.
void send_back(const Choice& choice, const ServerModel& to, Back& back) {
  TextRequest request{.messages = {user("hi"), choice.message}};
  for (const Part& part : choice.message.parts)
    if (const auto* call = part.get<ToolCall>())
      request.messages.push_back(tool_result(*call, "done"));
  const auto out = write_openai_chat(to, request, {});
  ASSERT_TRUE(out) << out.error();
  const json body = json::parse(out->body);
  hear_message(body["messages"][1], back.said);
  for (const Warning& warning : out->warnings) back.warnings.push_back(warning.code);
  for (std::size_t i = 0; i < back.said.calls.size(); ++i)
    EXPECT_EQ(body["messages"][2 + i]["tool_call_id"], back.said.calls[i].id);
}

TEST(ChatFixtures, EverythingGoesBackToItsIssuerAndToNobodyElse) {
  for (const Recording& recording : all_recordings()) {
    SCOPED_TRACE(recording.name);
    const Expected expected = expected_of(recording);
    const auto n = static_cast<std::uint32_t>(std::max<std::size_t>(expected.choices.size(), 1));
    for (const Dialect* dialect : {&kCompatibleDialect, &kGroqDialect}) {
      const ServerModel& here = server_of(*dialect, kHere);
      const Outcome outcome = read_recording(recording, here, n);
      if (outcome.error) continue;  // held against its bytes above
      for (const Choice& choice : outcome.response.choices) {
        for (const Part& part : choice.message.parts) EXPECT_EQ(part.issuer, kHere);
        const Said came = said_of(choice);
        Back same;
        send_back(choice, here, same);
        compare_said(same.said, came, true);
        EXPECT_EQ(same.warnings, std::vector<std::string>());

        Said others = came;
        others.reasoning.clear();
        others.items = json::array();
        others.members = json::object();
        for (SaidCall& call : others.calls) call.extra = json::object();
        for (const ServerModel* there :
             {&server_of(*dialect, "openai@https://there"), &server_of(kOwnDialect, "openai")}) {
          Back other;
          send_back(choice, *there, other);
          compare_said(other.said, others, true);
          const std::size_t left = came.items.size() + came.members.size();
          const bool thought = !came.reasoning.empty();
          EXPECT_GE(other.warnings.size(), left + (thought ? 1 : 0));
        }
      }
    }
  }
}

// ---- the streams, cut at every place

// Not a case for each: which files they are is known when all files were read, and every process of
// this program would have to.
void with_each_stream(const std::function<void(const std::string& body)>& check) {
  if (!reading::have_fixtures()) GTEST_SKIP() << "no fixtures beside this tree";
  const auto names = reading::recording_names();
  ASSERT_FALSE(names.empty());
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    check(reading::recording(name).body);
    if (testing::Test::HasFatalFailure()) return;
  }
}

// Where to cut: everywhere up to 16 KiB; beyond, near the ends of lines and at 2,000 places. Of
// these each kStride-th.
std::vector<std::size_t> cuts_of(const std::string& body) {
  std::set<std::size_t> places;
  constexpr std::size_t kNear = 4;
  if (body.size() <= 16 * 1024) {
    for (std::size_t i = 1; i < body.size(); ++i) places.insert(i);
  } else {
    std::mt19937 random(20261126);
    for (int i = 0; i < 2000; ++i) places.insert(1 + random() % (body.size() - 1));
    for (std::size_t at = body.find('\n'); at != std::string::npos; at = body.find('\n', at + 1))
      for (std::size_t i = at > kNear ? at - kNear : 1; i < std::min(at + kNear, body.size()); ++i)
        places.insert(i);
  }
  std::vector<std::size_t> cuts;
  std::size_t n = 0;
  for (const std::size_t place : places)
    if (n++ % port::kStride == 0) cuts.push_back(place);
  return cuts;
}

void expect_the_same_however_cut(const std::string& bytes) {
  const std::string_view body = bytes;
  const Outcome whole = reading::read_stream(body);
  ASSERT_FALSE(whole.error) << *whole.error;
  for (const std::size_t cut : cuts_of(bytes)) {
    ChatReader reader(reading::server(), 1);
    const Outcome outcome =
        reading::read_pieces(reader, 1, {body.substr(0, cut), body.substr(cut)});
    ASSERT_FALSE(outcome.error) << "cut at " << cut << ": " << *outcome.error;
    ASSERT_EQ(outcome.events, whole.events) << "cut at " << cut;
  }
  std::vector<std::string_view> pieces;
  for (std::size_t i = 0; i < body.size(); ++i) pieces.push_back(body.substr(i, 1));
  ChatReader reader(reading::server(), 1);
  EXPECT_EQ(reading::read_pieces(reader, 1, pieces).events, whole.events);
}

TEST(ChatStreams, TheSameHoweverItIsCut) { with_each_stream(expect_the_same_however_cut); }

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

void expect_proven_by_its_end(const std::string& bytes) {
  const std::string_view body = bytes;
  const std::size_t proof = proof_of(bytes);
  ASSERT_GT(proof, 2u);
  const std::string text = reading::read_stream(body).response.text();
  for (const std::size_t cut : cuts_of(bytes)) {
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

TEST(ChatStreams, CutAnywhere) { with_each_stream(expect_proven_by_its_end); }

}  // namespace
}  // namespace infer::cloud
