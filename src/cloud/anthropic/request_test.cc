// Requests as Anthropic reads them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/anthropic/messages_reader.h"
#include "src/cloud/anthropic/settings.h"
#include "src/cloud/anthropic/testing.h"

namespace infer::cloud {
namespace {

using anthropic_test::Json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Part part(Media media) { return {.value = std::move(media)}; }
Part ours(Part part) {
  part.issuer = "anthropic";
  return part;
}

TextRequest asking(std::string text = "hi") { return {.messages = {infer::user(std::move(text))}}; }

struct Written {
  Json json{};
  std::string body{};
  std::vector<Warning> warnings{};
  std::string settings() const {  // that were warned of
    std::string names;
    for (const Warning& warning : warnings) {
      const Json extra = Json::parse(warning.extra);
      names += (names.empty() ? "" : " ") + extra.value("setting", extra.value("field", "?"));
    }
    return names;
  }
};

Written write(const TextRequest& request, const Call& call = {},
              const std::string& issuer = "anthropic") {
  auto outgoing = write_anthropic({.name = "claude-x", .issuer = issuer}, request, call);
  if (!outgoing) {
    ADD_FAILURE() << outgoing.error();
    return {};
  }
  EXPECT_EQ(outgoing->path, "/messages");
  EXPECT_TRUE(outgoing->reader);
  EXPECT_FALSE(outgoing->once);
  Written written{Json::parse(outgoing->body), outgoing->body, outgoing->warnings};
  EXPECT_EQ(written.json["model"], "claude-x");
  EXPECT_TRUE(written.json["max_tokens"].is_number_integer());
  EXPECT_TRUE(written.json["messages"].is_array());
  EXPECT_EQ(written.json.value("stream", false), outgoing->stream);
  return written;
}

Error refused(const TextRequest& request, const AnthropicModel& model = {.name = "claude-x"}) {
  auto outgoing = write_anthropic(model, request, {});
  if (!outgoing) return outgoing.error();
  ADD_FAILURE() << "it was written: " << outgoing->body;
  return Error(Errc::kEngine, "it was written");
}

std::string field_of(const TextRequest& request, Errc code) {
  const Error error = refused(request);
  EXPECT_EQ(error.code(), code) << error;
  EXPECT_EQ(error.provider(), "anthropic") << error;
  return std::string(error.detail("field"));
}

TEST(AnthropicRequest, the_smallest) {
  const Written written = write(asking());
  EXPECT_EQ(
      written.body,
      R"({"model":"claude-x","max_tokens":32000,)"
      R"("messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"stream":true})");
  EXPECT_TRUE(written.warnings.empty());
  EXPECT_FALSE(write(asking(), {.wire = infer::Wire::kWhole}).json.contains("stream"));
}

TEST(AnthropicRequest, leading_system_messages_are_blocks_of_system) {
  TextRequest request{
      .messages = {infer::system("Be brief."), infer::system("Be kind."), infer::user("hi")}};
  request.messages[1].role = Role::kDeveloper;
  request.messages[1].parts[0].cache = CacheHint::kLong;
  const Json json = write(request).json;
  EXPECT_EQ(json["system"], Json::parse(R"([{"type":"text","text":"Be brief."},
      {"type":"text","text":"Be kind.","cache_control":{"type":"ephemeral","ttl":"1h"}}])"));
  EXPECT_EQ(json["messages"].size(), 1u);
}

TEST(AnthropicRequest, a_later_system_message_stays_where_it_is) {
  const TextRequest request{
      .messages = {infer::user("a"), infer::system("From now on: French."), infer::user("b")}};
  const Json json = write(request).json;
  EXPECT_FALSE(json.contains("system"));
  EXPECT_EQ(json["messages"], Json::parse(R"([
      {"role":"user","content":[{"type":"text","text":"a"}]},
      {"role":"system","content":[{"type":"text","text":"From now on: French."}]},
      {"role":"user","content":[{"type":"text","text":"b"}]}])"));
}

TEST(AnthropicRequest, roles_alternate) {
  ToolCall call{.id = "t1", .name = "f", .arguments = "{\"b\": 1, \"a\": 2}"};
  TextRequest request{.messages = {infer::user("a"), infer::user("b"), infer::assistant("c"),
                                   infer::assistant(""), Message{.role = Role::kAssistant},
                                   infer::tool_result(call, "42"), infer::user("d")}};
  request.messages[4].parts.push_back({.value = call});
  const Json messages = write(request).json["messages"];
  std::vector<std::string> roles;
  std::vector<std::size_t> blocks;
  for (const Json& message : messages) {
    roles.push_back(message["role"]);
    blocks.push_back(message["content"].size());
  }
  EXPECT_THAT(roles, ElementsAre("user", "assistant", "user"));
  EXPECT_THAT(blocks, ElementsAre(2u, 2u, 2u));  // an empty text is no block
  EXPECT_EQ(messages[2]["content"][0], Json::parse(R"({"type":"tool_result","tool_use_id":"t1",
                            "content":[{"type":"text","text":"42"}]})"));
}

TEST(AnthropicRequest, arguments_and_schemas_go_out_as_they_are) {
  TextRequest request = asking();
  const std::string arguments = "{ \"z\" : 1.50, \"a\":\"\\u00e9\" }";
  request.messages.push_back(Message{.role = Role::kAssistant});
  request.messages.back().parts.push_back(
      {.value = ToolCall{.id = "t", .name = "f", .arguments = arguments}});
  const std::string schema = R"({"type":"object", "properties":{"z":{"type":"null"}},)"
                             R"("additionalProperties":false})";
  request.tools = {{.name = "f", .description = "F", .schema = schema, .strict = true},
                   {.name = "g"},
                   {.provider_json = R"({"type":"web_search_20250305", "name":"web_search"})"}};
  const Written written = write(request);
  EXPECT_THAT(written.body, HasSubstr("\"input\":" + arguments));
  EXPECT_THAT(written.body,
              HasSubstr(R"("tools":[{"name":"f","description":"F","input_schema":)" + schema +
                        R"(,"strict":true},)"
                        R"({"name":"g","input_schema":{"type":"object","properties":{}}},)"
                        R"({"type":"web_search_20250305", "name":"web_search"}])"));
}

TEST(AnthropicRequest, arguments_that_are_no_object_are_refused) {
  TextRequest request = asking();
  request.messages.push_back(Message{.role = Role::kAssistant});
  request.messages.back().parts.push_back({.value = ToolCall{.id = "t", .name = "f"}});
  EXPECT_EQ(write(request).json["messages"][1]["content"][0]["input"], Json::object());
  auto& call = *request.messages.back().parts[0].get<ToolCall>();
  for (const char* arguments : {"{\"cut\": ", "[1]", "7"}) {
    call.arguments = arguments;
    EXPECT_EQ(field_of(request, Errc::kInvalidRequest), "messages[1].parts[0].arguments");
  }
  call.custom = true;  // free text
  EXPECT_EQ(write(request).json["messages"][1]["content"][0]["input"], (Json{{"input", "7"}}));
  call.id.clear();
  EXPECT_EQ(field_of(request, Errc::kInvalidRequest), "messages[1].parts[0].id");
}

TEST(AnthropicRequest, pictures_and_documents) {
  TextRequest request = asking();
  request.messages[0].parts = {
      part({.mime = "image/JPG", .source = Blob(std::string("\x01\x02\x03"))}),
      part({.source = Blob(std::string("\x89PNG\r\n\x1a\n..."))}),
      part({.source = Url{"https://example.com/cat"}}),
      part({.mime = "application/pdf", .source = Url{"https://example.com/a.pdf"}}),
      part({.mime = "application/pdf", .source = Blob(std::string("%PDF-1.7")), .name = "a.pdf"}),
      part({.mime = "text/markdown; charset=utf-8", .source = Blob(std::string("# \"T\""))}),
      part({.mime = "image/png", .source = FileId{"file_1"}}),
      part({.mime = "application/pdf", .source = FileId{"file_2"}}),
      {.value = Text{"What is this?"}}};
  const Json content = write(request).json["messages"][0]["content"];
  EXPECT_EQ(content, Json::parse(R"([
      {"type":"image","source":{"type":"base64","media_type":"image/jpeg","data":"AQID"}},
      {"type":"image","source":{"type":"base64","media_type":"image/png",
        "data":"iVBORw0KGgouLi4="}},
      {"type":"image","source":{"type":"url","url":"https://example.com/cat"}},
      {"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"}},
      {"type":"document","title":"a.pdf",
       "source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjc="}},
      {"type":"document","source":{"type":"text","media_type":"text/plain","data":"# \"T\""}},
      {"type":"image","source":{"type":"file","file_id":"file_1"}},
      {"type":"document","source":{"type":"file","file_id":"file_2"}},
      {"type":"text","text":"What is this?"}])"));
}

TEST(AnthropicRequest, media_that_it_does_not_know) {
  const std::pair<Media, Errc> strange[] = {
      {{.mime = "audio/wav", .source = Blob(std::string("RIFF"))}, Errc::kUnsupported},
      {{.mime = "image/bmp", .source = Blob(std::string("BM"))}, Errc::kUnsupported},
      {{.source = Pixels{Blob(std::string("abc")), 1, 1, 3, 3}}, Errc::kUnsupported},
      {{.source = Blob(std::string("who knows"))}, Errc::kInvalidRequest},
      {{.source = FileId{"file_1"}}, Errc::kInvalidRequest},
      {{.mime = "text/plain", .source = Blob(std::string("\xFF"))}, Errc::kInvalidRequest},
      {{.mime = "text/plain", .source = Url{"https://example.com/a.txt"}}, Errc::kUnsupported},
      {{.source = Url{"data:image/png;base64,?"}}, Errc::kInvalidRequest},
  };
  for (const auto& [media, code] : strange) {
    TextRequest request = asking();
    request.messages[0].parts.push_back(part(media));
    EXPECT_EQ(field_of(request, code), "messages[0].parts[1]") << media.mime;
  }
}

TEST(AnthropicRequest, the_bytes_of_data_addresses_and_the_types_that_files_have) {
  TextRequest request = asking();
  request.messages[0].parts = {
      part({.source = Url{"data:image/png;base64,iVBORw0KGgo="}}),
      part({.source = Url{"data:application/pdf;base64,JVBERi0xLjc="}, .name = "a.pdf"}),
      part({.mime = "image/png", .source = Blob(std::string("GIF89a"))}),
      part({.mime = "application/pdf", .source = Url{"https://example.com/a"}, .name = "b.pdf"}),
      part({.mime = "application/pdf", .source = FileId{"file_1"}, .name = "c.pdf"})};
  EXPECT_EQ(write(request).json["messages"][0]["content"], Json::parse(R"([
      {"type":"image","source":{"type":"base64","media_type":"image/png","data":"iVBORw0KGgo="}},
      {"type":"document","title":"a.pdf",
       "source":{"type":"base64","media_type":"application/pdf","data":"JVBERi0xLjc="}},
      {"type":"image","source":{"type":"base64","media_type":"image/gif","data":"R0lGODlh"}},
      {"type":"document","title":"b.pdf","source":{"type":"url","url":"https://example.com/a"}},
      {"type":"document","title":"c.pdf","source":{"type":"file","file_id":"file_1"}}])"));
}

TEST(AnthropicRequest, a_detail_is_warned_of_once) {
  TextRequest request = asking();
  for (int i = 0; i < 3; ++i)
    request.messages[0].parts.push_back(
        part({.source = Url{"https://example.com/a"}, .detail = "low"}));
  const Written written = write(request);
  EXPECT_EQ(written.settings(), "media.detail");
  EXPECT_EQ(written.body.find("detail"), std::string::npos);
}

TEST(AnthropicRequest, too_large_pictures_are_refused_where_the_limits_are_known) {
  TextRequest request = asking();
  request.messages[0].parts.push_back(
      part({.mime = "image/png", .source = Blob(std::string(6u << 20, 'x'))}));
  const Error error = refused(request);
  EXPECT_EQ(error.code(), Errc::kTooLarge) << error;
  EXPECT_EQ(error.provider(), "anthropic");
  EXPECT_EQ(error.detail("limit"), "picture_bytes");
  EXPECT_EQ(error.detail("field"), "messages[0].parts[1]");
  EXPECT_FALSE(write_anthropic_count({.name = "claude-x"}, request));
  const AnthropicModel elsewhere{.name = "claude-x", .media = &kNoMediaLimits};
  EXPECT_TRUE(write_anthropic(elsewhere, request, {}));
  EXPECT_TRUE(write_anthropic_count(elsewhere, request));
  // Of whatever it is that makes the request large.
  request = asking(std::string((32u << 20) + 1, 'x'));
  EXPECT_EQ(refused(request).detail("limit"), "request_bytes");
}

TEST(AnthropicRequest, tool_results_hold_text_pictures_and_errors) {
  TextRequest request = asking();
  ToolResult result{.call_id = "t", .content = {}, .is_error = true};
  result.content = {{.value = Text{"no"}}, part({.source = Url{"https://example.com/a.png"}})};
  request.messages.push_back({.role = Role::kTool, .parts = {{.value = result}}});
  request.messages.back().parts[0].cache = CacheHint::kShort;
  request.messages.push_back(
      {.role = Role::kTool, .parts = {{.value = ToolResult{.call_id = "u", .content = {}}}}});
  const Json content = write(request).json["messages"][0]["content"];
  EXPECT_EQ(content[1], Json::parse(R"({"type":"tool_result","tool_use_id":"t","is_error":true,
      "cache_control":{"type":"ephemeral"},
      "content":[{"type":"text","text":"no"},
                 {"type":"image","source":{"type":"url","url":"https://example.com/a.png"}}]})"));
  EXPECT_EQ(content[2], Json::parse(R"({"type":"tool_result","tool_use_id":"u"})"));
}

TEST(AnthropicRequest, parts_in_the_wrong_place) {
  const std::pair<Role, Part> wrong[] = {
      {Role::kUser, {.value = ToolCall{.id = "t", .name = "f"}}},
      {Role::kUser, ours({.value = Reasoning{.text = "x", .signature = "s"}})},
      {Role::kAssistant, {.value = ToolResult{.call_id = "t", .content = {}}}},
      {Role::kSystem, part({.source = Url{"https://example.com/a.png"}})},
      {Role::kAssistant, ours({.value = Opaque{.type = "x", .json = "{\"cut"}})},
      {Role::kAssistant, ours({.value = Opaque{.type = "x", .json = "[]"}})},
  };
  for (const auto& [role, value] : wrong) {
    TextRequest request = asking();
    request.messages.push_back({.role = role, .parts = {value}});
    EXPECT_THAT(field_of(request, Errc::kInvalidRequest), HasSubstr("messages[1].parts[0]"));
  }
  EXPECT_EQ(field_of({.messages = {infer::system("alone")}}, Errc::kInvalidRequest), "messages");
  EXPECT_EQ(field_of({.messages = {infer::user("")}}, Errc::kInvalidRequest), "messages");
}

TEST(AnthropicRequest, what_belongs_to_others_is_left_out_and_said) {
  TextRequest request = asking();
  Message answer = infer::assistant("so");
  answer.parts.push_back(
      {.value = Reasoning{.text = "hm", .signature = "SECRET-1"}, .issuer = "openai"});
  answer.parts.push_back(
      {.value = Opaque{.type = "x", .json = R"({"type":"SECRET-2"})"}, .issuer = "openai"});
  answer.parts.push_back(
      {.value = ToolCall{.id = "w", .name = "SECRET-3", .provider_executed = true},
       .issuer = "openai"});
  answer.parts.push_back(ours({.value = Reasoning{.text = "SECRET-4"}}));
  answer.parts.push_back({.value = Text{"!"}, .issuer = "openai", .extra = R"({"a":"SECRET-5"})"});
  request.messages.push_back(answer);
  const Written written = write(request);
  EXPECT_EQ(written.body.find("SECRET"), std::string::npos) << written.body;
  EXPECT_EQ(written.json["messages"][1]["content"].size(), 2u);
  ASSERT_EQ(written.warnings.size(), 4u);
  EXPECT_EQ(written.warnings[0].code, "part_left_out");
  EXPECT_EQ(written.settings(),
            "messages[1].parts[1] messages[1].parts[2] messages[1].parts[3] messages[1].parts[4]");
}

TEST(AnthropicRequest, cache_hints_are_breakpoints_and_there_are_four) {
  TextRequest request{.messages = {infer::system("s"), infer::user("a"), infer::assistant("b"),
                                   infer::user("c"), infer::user("d")}};
  for (std::size_t i = 0; i < 4; ++i) request.messages[i].parts[0].cache = CacheHint::kShort;
  const std::string body = write(request).body;
  std::size_t count = 0;
  for (std::size_t at = 0; (at = body.find("cache_control", at)) != std::string::npos; ++at)
    ++count;
  EXPECT_EQ(count, 4u);
  request.messages[4].parts[0].cache = CacheHint::kShort;
  EXPECT_EQ(field_of(request, Errc::kInvalidRequest), "messages");
}

TEST(AnthropicRequest, tool_choice) {
  TextRequest request = asking();
  request.tools = {{.name = "f"}};
  const auto choice = [&] { return write(request).json.value("tool_choice", Json()); };
  EXPECT_EQ(choice(), Json());
  request.parallel_tools = true;
  EXPECT_EQ(choice(), Json());
  request.parallel_tools = false;
  EXPECT_EQ(choice(), (Json{{"type", "auto"}, {"disable_parallel_tool_use", true}}));
  request.tool_choice = {ToolChoice::Mode::kNamed, "f"};
  EXPECT_EQ(choice(), (Json{{"type", "tool"}, {"name", "f"}, {"disable_parallel_tool_use", true}}));
  request.tool_choice = {ToolChoice::Mode::kNone};
  EXPECT_EQ(choice(), (Json{{"type", "none"}}));
  request.tool_choice = {ToolChoice::Mode::kRequired};
  request.parallel_tools = {};
  EXPECT_EQ(choice(), (Json{{"type", "any"}}));
}

TEST(AnthropicRequest, promises_that_cannot_be_kept_are_refused) {
  const std::pair<const char*, void (*)(TextRequest&)> promises[] = {
      {"n", [](TextRequest& r) { r.n = 2; }},
      {"logprobs", [](TextRequest& r) { r.logprobs = Logprobs{}; }},
      {"stop_token_ids", [](TextRequest& r) { r.stop_token_ids = {1}; }},
      {"truncation", [](TextRequest& r) { r.truncation = Truncation::kDropOldest; }},
      {"previous_response_id", [](TextRequest& r) { r.previous_response_id = "resp_1"; }},
      {"store", [](TextRequest& r) { r.store = true; }},
      {"output", [](TextRequest& r) { r.output.form = Output::Form::kJsonObject; }},
      {"output",
       [](TextRequest& r) {
         r.output = {.form = Output::Form::kGrammar, .grammar = "root ::= x"};
       }},
      {"output",
       [](TextRequest& r) { r.output = {.form = Output::Form::kJsonSchema, .schema = "true"}; }},
  };
  for (const auto& [field, set] : promises) {
    TextRequest request = asking();
    set(request);
    EXPECT_EQ(field_of(request, Errc::kUnsupported), field);
  }
  TextRequest request = asking();
  request.store = false;  // nothing is kept
  EXPECT_TRUE(write(request).warnings.empty());
}

TEST(AnthropicRequest, the_form_of_the_answer) {
  TextRequest request = asking();
  request.output = {.form = Output::Form::kJsonSchema,
                    .schema = R"({"type":"object","b":1, "a":2})",
                    .strict = false};
  request.reasoning.effort = ReasoningOptions::Effort::kHigh;
  EXPECT_THAT(write(request).body,
              HasSubstr(R"("output_config":{"format":{"type":"json_schema",)"
                        R"("schema":{"type":"object","b":1, "a":2}},"effort":"high"})"));
}

TEST(AnthropicRequest, sampling) {
  TextRequest request = asking();
  request.temperature = 0.3;
  request.top_p = 0.9;
  request.sampling.top_k = 40;
  request.stop = {"END", "\"\n"};
  request.max_tokens = 100;
  Written written = write(request);
  EXPECT_EQ(written.json["temperature"], 0.3);
  EXPECT_EQ(written.json["top_p"], 0.9);
  EXPECT_EQ(written.json["top_k"], 40);
  EXPECT_EQ(written.json["max_tokens"], 100);
  EXPECT_EQ(written.json["stop_sequences"], (Json{"END", "\"\n"}));
  EXPECT_TRUE(written.warnings.empty());

  request.temperature = 1.5;
  request.sampling.top_k = 0;  // all: which is the default
  request.sampling.min_p = 0.1;
  request.seed = 1;
  request.logit_bias = {{1, 2.0}};
  written = write(request);
  EXPECT_EQ(written.json["temperature"], 1.0);
  EXPECT_FALSE(written.json.contains("top_k"));
  EXPECT_EQ(written.settings(), "temperature seed sampling.min_p logit_bias");
}

TEST(AnthropicRequest, thinking) {
  using Effort = ReasoningOptions::Effort;
  TextRequest request = asking();
  request.reasoning.budget_tokens = 2000;
  request.temperature = 0.5;
  request.sampling.top_k = 5;
  request.top_p = 0.5;
  Written written = write(request);
  EXPECT_EQ(written.json["thinking"], (Json{{"type", "enabled"}, {"budget_tokens", 2000}}));
  EXPECT_EQ(written.settings(), "temperature sampling.top_k top_p");
  for (const char* name : {"temperature", "top_k", "top_p"})
    EXPECT_FALSE(written.json.contains(name));

  request = asking();
  request.reasoning.budget_tokens = 30000;  // there is room for the answer as well
  EXPECT_EQ(write(request).json["max_tokens"], 38192);

  request.reasoning.budget_tokens = 10;
  EXPECT_EQ(write(request).json["thinking"]["budget_tokens"], 1024);
  EXPECT_EQ(write(request).settings(), "reasoning.budget_tokens");
  request.max_tokens = 3000;
  request.reasoning.budget_tokens = 3000;
  EXPECT_EQ(write(request).json["thinking"]["budget_tokens"], 2999);
  request.max_tokens = 500;
  EXPECT_FALSE(write(request).json.contains("thinking"));
  EXPECT_EQ(write(request).settings(), "reasoning.budget_tokens");

  request = asking();
  request.tools = {{.name = "f"}};
  request.tool_choice = {ToolChoice::Mode::kRequired};
  request.reasoning.budget_tokens = 2000;
  EXPECT_FALSE(write(request).json.contains("thinking"));
  EXPECT_EQ(write(request).json["tool_choice"]["type"], "any");
  EXPECT_EQ(write(request).settings(), "reasoning.budget_tokens");

  request = asking();
  request.reasoning.effort = Effort::kNone;
  EXPECT_EQ(write(request).json["thinking"], (Json{{"type", "disabled"}}));
  request.reasoning.budget_tokens = 2000;
  EXPECT_EQ(write(request).settings(), "reasoning.budget_tokens");
  request.reasoning = {.budget_tokens = 0};
  EXPECT_EQ(write(request).json["thinking"], (Json{{"type", "disabled"}}));

  const std::pair<Effort, const char*> efforts[] = {{Effort::kMinimal, "low"},
                                                    {Effort::kLow, "low"},
                                                    {Effort::kMedium, "medium"},
                                                    {Effort::kHigh, "high"},
                                                    {Effort::kMax, "max"}};
  for (const auto& [effort, name] : efforts) {
    request.reasoning = {.effort = effort};
    EXPECT_EQ(write(request).json["output_config"], (Json{{"effort", name}}));
    EXPECT_EQ(write(request).settings(), effort == Effort::kMinimal ? "reasoning.effort" : "");
  }
}

TEST(AnthropicRequest, labels_and_extra) {
  TextRequest request = asking();
  request.user = "u1";
  request.metadata = {{"user_id", "other"}, {"trace", "t"}};
  request.service_tier = "flex";  // of another provider
  Written written = write(request);
  EXPECT_EQ(written.json["metadata"], (Json{{"user_id", "u1"}}));
  EXPECT_FALSE(written.json.contains("service_tier"));
  EXPECT_TRUE(written.warnings.empty());
  request.user.clear();
  request.service_tier = "standard_only";
  request.extra = {
      {"anthropic", R"({"container":"c1","max_tokens":7, "thinking":{"type":"adaptive"}})"},
      {"openai", R"({"secret":1})"}};
  written = write(request);
  EXPECT_EQ(written.json["metadata"], (Json{{"user_id", "other"}}));
  EXPECT_EQ(written.json["service_tier"], "standard_only");
  EXPECT_EQ(written.json["container"], "c1");
  EXPECT_EQ(written.json["max_tokens"], 7);
  EXPECT_EQ(written.json["thinking"], (Json{{"type", "adaptive"}}));
  EXPECT_FALSE(written.json.contains("secret"));
}

TEST(AnthropicCount, says_the_prompt_and_nothing_else) {
  TextRequest request{.messages = {infer::system("s"), infer::user("a")}};
  request.temperature = 0.5;
  request.max_tokens = 5;
  request.n = 3;
  request.tools = {{.name = "f"}};
  request.reasoning.budget_tokens = 2000;
  request.extra = {{"anthropic", R"({"container":"c","mcp_servers":[]})"}};
  request.max_tokens.reset();
  auto outgoing = write_anthropic_count({.name = "claude-x"}, request);
  ASSERT_TRUE(outgoing) << outgoing.error();
  EXPECT_EQ(outgoing->path, "/messages/count_tokens");
  std::set<std::string> names;
  const Json json = Json::parse(outgoing->body);
  for (const auto& [name, value] : json.items()) names.insert(name);
  EXPECT_EQ(names, (std::set<std::string>{"mcp_servers", "messages", "model", "system", "thinking",
                                          "tools"}));
  request.previous_response_id = "resp_1";
  outgoing = write_anthropic_count({.name = "claude-x"}, request);
  ASSERT_FALSE(outgoing);
  EXPECT_EQ(outgoing.error().code(), Errc::kUnsupported);
  EXPECT_EQ(outgoing.error().detail("field"), "previous_response_id");
}

// ---- nothing is lost: an answer goes back as it came

void expect_goes_back(const std::string& name, const Message& answer, const Json& content) {
  TextRequest request = asking();
  request.messages.push_back(answer);
  request.messages.push_back(infer::user("go on"));
  const Written written = write(request);
  const Json expected = anthropic_test::content_to_send(content);
  const Json& messages = written.json["messages"];
  ASSERT_EQ(messages.size(), expected.empty() ? 1u : 3u) << name;
  if (!expected.empty()) {
    EXPECT_EQ(messages[1]["content"], expected) << name;
  }
  EXPECT_TRUE(written.warnings.empty()) << name;

  for (const Part& part : answer.parts)  // byte for byte
    if (const auto* opaque = part.get<Opaque>()) {
      EXPECT_NE(written.body.find(opaque->json), std::string::npos) << name;
    }

  // To anybody else goes what was said, and no more: other providers, other servers of this one.
  for (const char* issuer : {"openai", "anthropic@https://claude.example.com"}) {
    for (Part& part : request.messages[1].parts) part.issuer = issuer;
    const std::string body = write(request).body;
    for (const Part& part : answer.parts) {
      std::vector<std::string> words = {"\"citations\"", "\"caller\"", "\"encrypted_index\""};
      if (const auto* reasoning = part.get<Reasoning>()) words.push_back(reasoning->signature);
      if (const auto* opaque = part.get<Opaque>()) words.push_back('"' + opaque->type + '"');
      for (const std::string& word : words) EXPECT_EQ(body.find(word), std::string::npos) << name;
    }
  }
  // And that server has it back as this one has.
  EXPECT_EQ(write(request, {}, "anthropic@https://claude.example.com").body, written.body) << name;
}

TEST(AnthropicLossless, streams_go_back_as_they_came) {
  const auto streams = anthropic_test::stream_fixtures();
  if (streams.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const auto& stream : streams)
    expect_goes_back(stream.name, anthropic_test::read_stream(stream.bytes).response.message(),
                     anthropic_test::content_of(stream.payloads));
}

TEST(AnthropicLossless, whole_answers_go_back_as_they_came) {
  const auto answers = anthropic_test::whole_fixtures();
  if (answers.empty()) GTEST_SKIP() << "no fixtures beside the source tree";
  for (const auto& [name, body] : answers)
    expect_goes_back(name, anthropic_test::read_whole(body).response.message(),
                     Json::parse(body)["content"]);
}

}  // namespace
}  // namespace infer::cloud
