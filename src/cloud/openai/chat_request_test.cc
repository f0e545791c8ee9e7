#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "src/cloud/openai/openai.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using testing::HasSubstr;

TextRequest ask(std::string text = "hi") { return {.messages = {user(std::move(text))}}; }

Result<Outgoing> write(const TextRequest& request, const Dialect& dialect = kOwnDialect,
                       infer::Wire wire = infer::Wire::kAuto) {
  Call call;
  call.wire = wire;
  ServerModel model{.name = "gpt"};
  model.dialect = &dialect;
  return write_openai_chat(model, request, call);
}
json body(const TextRequest& request, const Dialect& dialect = kOwnDialect,
          infer::Wire wire = infer::Wire::kAuto) {
  const auto out = write(request, dialect, wire);
  EXPECT_TRUE(out) << out.error();
  return out ? json::parse(out->body) : json();
}
std::vector<std::string> warned(const TextRequest& request, const Dialect& dialect = kOwnDialect) {
  const auto out = write(request, dialect);
  std::vector<std::string> all;
  if (out)
    for (const Warning& warning : out->warnings) {
      const json facts = json::parse(warning.extra);
      all.push_back(warning.code + " " + facts.front().get<std::string>());
    }
  return all;
}
void refuses(const TextRequest& request, const std::string& field,
             const Dialect& dialect = kOwnDialect, Errc code = Errc::kUnsupported) {
  const auto out = write(request, dialect);
  ASSERT_FALSE(out) << field;
  EXPECT_EQ(out.error().code(), code);
  EXPECT_EQ(out.error().detail("field"), field);
  EXPECT_THAT(out.error().message(), HasSubstr(field));
}
Part issued(Part part, std::string extra = {}) {
  part.issuer = "openai";
  part.extra = std::move(extra);
  return part;
}

TEST(OpenAiRequest, TheLeast) {
  EXPECT_EQ(body(ask(), kOwnDialect, infer::Wire::kWhole),
            json::parse(R"({"model":"gpt","messages":[{"role":"user","content":"hi"}]})"));
  EXPECT_EQ(
      body(ask()),
      json::parse(R"({"model":"gpt","messages":[{"role":"user","content":"hi"}],"stream":true,)"
                  R"("stream_options":{"include_usage":true,"include_obfuscation":false}})"));
  EXPECT_EQ(body(ask(), kCompatibleDialect)["stream_options"],
            json::parse(R"({"include_usage":true})"));
  const auto out = write(ask());
  EXPECT_EQ(out->path, "/chat/completions");
  EXPECT_EQ(out->method, "POST");
  EXPECT_TRUE(out->stream);
  EXPECT_TRUE(out->reader);
  EXPECT_FALSE(write(ask(), kOwnDialect, infer::Wire::kWhole)->stream);
}

TEST(OpenAiRequest, Roles) {
  TextRequest r;
  r.messages = {system("s"),
                {.role = Role::kDeveloper, .parts = {{.value = Text{"d"}}}},
                user("u"),
                assistant("a")};
  r.messages[2].name = "ann";
  EXPECT_EQ(
      body(r)["messages"],
      json::parse(
          R"([{"role":"system","content":"s"},{"role":"developer","content":"d"},)"
          R"({"role":"user","content":"u","name":"ann"},{"role":"assistant","content":"a"}])"));
  EXPECT_EQ(body(r, kCompatibleDialect)["messages"][1]["role"], "system");
}

TEST(OpenAiRequest, TextThatNeedsEscapes) {
  std::string text = "\"\\/\n\t\x01 \xC3\xA9 \xF0\x9F\x98\x80";
  text += '\0';
  EXPECT_EQ(body(ask(text))["messages"][0]["content"], text);
}

TEST(OpenAiRequest, SeveralTextsAreParts) {
  TextRequest r = ask();
  r.messages[0].parts.push_back({.value = Text{"there"}});
  EXPECT_EQ(body(r)["messages"][0]["content"],
            json::parse(R"([{"type":"text","text":"hi"},{"type":"text","text":"there"}])"));
  r.messages[0].parts.clear();
  EXPECT_EQ(body(r)["messages"][0]["content"], "");
}

TEST(OpenAiRequest, Media) {
  TextRequest r;
  r.messages = {
      user("look", {{.mime = "image/png", .source = Blob(std::string("\x89PNG")), .detail = "low"},
                    {.source = Url{"https://x/y.jpg"}},
                    {.source = Blob(std::string("\xFF\xD8\xFF\xE0"))},
                    {.mime = "audio/mpeg", .source = Blob(std::string("mp3"))},
                    {.source = Blob(std::string("%PDF-1.7"))},
                    {.mime = "application/pdf", .source = FileId{"file-1"}}})};
  EXPECT_EQ(body(r)["messages"][0]["content"], json::parse(R"([{"type":"text","text":"look"},
    {"type":"image_url","image_url":{"url":"data:image/png;base64,iVBORw==","detail":"low"}},
    {"type":"image_url","image_url":{"url":"https://x/y.jpg"}},
    {"type":"image_url","image_url":{"url":"data:image/jpeg;base64,/9j/4A=="}},
    {"type":"input_audio","input_audio":{"data":"bXAz","format":"mp3"}},
    {"type":"file","file":{"filename":"file.pdf",
      "file_data":"data:application/pdf;base64,JVBERi0xLjc="}},
    {"type":"file","file":{"file_id":"file-1"}}])"));
}

TEST(OpenAiRequest, MediaThatCannotBeSent) {
  const auto with = [](Media media) {
    return TextRequest{.messages = {user("x", {std::move(media)})}};
  };
  const std::string field = "messages[0].parts[1]";
  refuses(with({.source = Pixels{Blob(std::string(3, 'x')), 1, 1, 3, 3}}), field);
  refuses(with({.source = Blob(std::string("????"))}), field);
  refuses(with({.mime = "video/mp4", .source = Blob(std::string("v"))}), field);
  refuses(with({.mime = "application/pdf", .source = Url{"https://x/y.pdf"}}), field);
  refuses(with({.mime = "image/png", .source = FileId{"f"}}), field);
  TextRequest model_said{.messages = {assistant("x")}};
  model_said.messages[0].parts.push_back({.value = Media{.source = Url{"https://x"}}});
  refuses(model_said, field);
  TextRequest rules{.messages = {system("x")}};
  rules.messages[0].parts.push_back({.value = Media{.source = Url{"https://x"}}});
  refuses(rules, field);
  TextRequest result{.messages = {tool_result({.id = "a"}, "t")}};
  result.messages[0].parts[0].get<ToolResult>()->content.push_back(
      {.value = Media{.source = Url{"https://x"}}});
  refuses(result, "messages[0].parts[0]");
}

TEST(OpenAiRequest, ToolsAndTheirResults) {
  TextRequest r;
  Message said = assistant("Let me see.");
  said.parts.push_back(
      {.value = ToolCall{.id = "a", .name = "f", .arguments = "{\"b\": 1,\"a\":2 }"}});
  said.parts.push_back(
      {.value = ToolCall{.id = "b", .name = "sh", .arguments = "ls", .custom = true}});
  Message results = tool_result({.id = "a", .name = "f"}, "one");
  results.parts.push_back(
      {.value = ToolResult{.call_id = "b",
                           .content = {{.value = Text{"two"}}, {.value = Text{"three"}}}}});
  r.messages = {user("?"), said, results};
  const json messages = body(r)["messages"];
  ASSERT_EQ(messages.size(), 4u);
  EXPECT_EQ(messages[1], json::parse(R"({"role":"assistant","content":"Let me see.","tool_calls":[
    {"id":"a","type":"function","function":{"name":"f","arguments":"{\"b\": 1,\"a\":2 }"}},
    {"id":"b","type":"custom","custom":{"name":"sh","input":"ls"}}]})"));
  EXPECT_EQ(messages[2], json::parse(R"({"role":"tool","tool_call_id":"a","content":"one"})"));
  EXPECT_EQ(messages[3], json::parse(R"({"role":"tool","tool_call_id":"b","content":[
    {"type":"text","text":"two"},{"type":"text","text":"three"}]})"));
  // Calls alone have no content; results beside a user's text go before it.
  r.messages[1].parts.erase(r.messages[1].parts.begin());
  r.messages[2].role = Role::kUser;
  r.messages[2].parts.insert(r.messages[2].parts.begin(), Part{.value = Text{"go on"}});
  const json mixed = body(r)["messages"];
  EXPECT_TRUE(mixed[1]["content"].is_null());
  ASSERT_EQ(mixed.size(), 5u);
  EXPECT_EQ(mixed[3]["role"], "tool");
  EXPECT_EQ(mixed[4], json::parse(R"({"role":"user","content":"go on"})"));
}

TEST(OpenAiRequest, AFailedToolWarnsOnce) {
  TextRequest r;
  r.messages = {tool_result({.id = "a"}, "no", true), tool_result({.id = "b"}, "no", true)};
  EXPECT_EQ(warned(r), std::vector<std::string>{"unsupported_setting is_error"});
}

TEST(OpenAiRequest, ToolMessagesHoldResultsOnly) {
  TextRequest r{.messages = {tool_result({.id = "a"}, "x")}};
  r.messages[0].parts.push_back({.value = Text{"y"}});
  refuses(r, "messages[0].parts[1]");
}

// ---- what goes back, and to whom

TEST(OpenAiRequest, ReasoningGoesBackInItsField) {
  TextRequest r{.messages = {user("?"), assistant("a")}};
  auto& parts = r.messages[1].parts;
  parts.insert(parts.begin(), issued({.value = Reasoning{"think "}}, R"({"field":"reasoning"})"));
  parts.insert(parts.begin() + 1, issued({.value = Reasoning{"hard"}}, R"({"field":"reasoning"})"));
  const json there = body(r, kCompatibleDialect)["messages"][1];
  EXPECT_EQ(there, json::parse(R"({"role":"assistant","content":"a","reasoning":"think hard"})"));
  EXPECT_EQ(body(r)["messages"][1], json::parse(R"({"role":"assistant","content":"a"})"));
  EXPECT_TRUE(warned(r).empty());  // chat completions at OpenAI have no place for it
  parts[0].extra = R"({"field":"thinking"})";
  parts[1].extra.clear();
  EXPECT_EQ(body(r, kCompatibleDialect)["messages"][1],
            json::parse(R"({"role":"assistant","content":[{"type":"thinking","thinking":[
              {"type":"text","text":"think "}]},{"type":"text","text":"a"}],
              "reasoning_content":"hard"})"));
}

TEST(OpenAiRequest, WhatOthersMadeIsDroppedWithAWarning) {
  for (const Dialect* dialect : {&kOwnDialect, &kCompatibleDialect}) {
    TextRequest r{.messages = {user("?"), assistant("a")}};
    auto& parts = r.messages[1].parts;
    for (Part part :
         {Part{.value = Reasoning{"t", "sig"}}, Part{.value = Opaque{"thing", "{\"x\":1}"}},
          Part{.value = ToolCall{.id = "s", .name = "web", .provider_executed = true}}}) {
      part.issuer = "anthropic";
      part.extra = R"({"secret":"theirs"})";
      parts.push_back(part);
    }
    EXPECT_EQ(warned(r, *dialect), (std::vector<std::string>{"dropped_part messages[1].parts[1]",
                                                             "dropped_part messages[1].parts[2]",
                                                             "dropped_part messages[1].parts[3]"}));
    EXPECT_EQ(body(r, *dialect)["messages"][1],
              json::parse(R"({"role":"assistant","content":"a"})"));
  }
}

TEST(OpenAiRequest, ItemsGoBackVerbatim) {
  TextRequest r{.messages = {user("?"), assistant("a")}};
  auto& parts = r.messages[1].parts;
  parts.push_back(issued({.value = Opaque{"reference", R"({"type":"reference", "ids":[2,1]})"}}));
  parts.push_back(issued({.value = Opaque{"reasoning_details", R"([{"z":1, "a":2.50}])"}}));
  parts.push_back(issued({.value = Opaque{"audio", R"({"data":"AA","id":"au_1"})"}}));
  parts.push_back(
      issued({.value = ToolCall{.id = "i", .name = "f", .arguments = "{}"}},
             R"({"extra_content":{"google":{"thought_signature":"c2ln"}},"choice":{"x":1}})"));
  const auto out = write(r, kCompatibleDialect);
  ASSERT_TRUE(out);
  EXPECT_THAT(out->body, HasSubstr(R"({"type":"reference", "ids":[2,1]})"));
  EXPECT_THAT(out->body, HasSubstr(R"("reasoning_details":[{"z":1, "a":2.50}])"));
  EXPECT_THAT(out->body, HasSubstr(R"("audio":{"id":"au_1"})"));
  EXPECT_THAT(out->body, HasSubstr(R"("extra_content":{"google":{"thought_signature":"c2ln"}})"));
  EXPECT_THAT(out->body, testing::Not(HasSubstr("\"choice\"")));
  // The next message has none of them.
  r.messages.push_back(assistant("b"));
  EXPECT_EQ(body(r, kCompatibleDialect)["messages"][2],
            json::parse(R"({"role":"assistant","content":"b"})"));
}

TEST(OpenAiRequest, Refusals) {
  TextRequest r{
      .messages = {user("?"), {.role = Role::kAssistant, .parts = {{.value = Refusal{"no"}}}}}};
  EXPECT_EQ(body(r)["messages"][1],
            json::parse(R"({"role":"assistant","content":null,"refusal":"no"})"));
  r.messages[1].parts.insert(r.messages[1].parts.begin(), Part{.value = Text{"well"}});
  EXPECT_EQ(body(r)["messages"][1]["content"],
            json::parse(R"([{"type":"text","text":"well"},{"type":"refusal","refusal":"no"}])"));
  r.messages[0].parts.push_back({.value = Refusal{"x"}});
  refuses(r, "messages[0].parts[1]");
}

// ---- settings

TEST(OpenAiRequest, Tools) {
  TextRequest r = ask();
  r.tool_choice.mode = ToolChoice::Mode::kNone;
  r.parallel_tools = false;
  const json none = body(r);  // without tools OpenAI refuses what is said about them
  EXPECT_FALSE(none.contains("tool_choice") || none.contains("parallel_tool_calls") ||
               none.contains("tools"));
  r.tools = {
      {.name = "f",
       .description = "d",
       .schema = R"({"type":"object","properties":{"z":{},"a":{}}})",
       .strict = true},  // a wish that this schema cannot have
      {.name = "g"},
      {.provider_json = R"({"type":"custom","custom":{"name":"sh", "format":{"type":"text"}}})"}};
  const auto out = write(r);
  EXPECT_THAT(
      out->body,
      HasSubstr(R"("parameters":{"type":"object","properties":{"z":{},"a":{}}},"strict":false)"));
  ASSERT_EQ(out->warnings.size(), 1u);
  EXPECT_EQ(out->warnings[0].code, "adjusted_setting");
  EXPECT_THAT(out->body,
              HasSubstr(R"({"type":"custom","custom":{"name":"sh", "format":{"type":"text"}}})"));
  EXPECT_EQ(body(r)["tool_choice"], "none");
  EXPECT_EQ(body(r)["parallel_tool_calls"], false);
  EXPECT_EQ(body(r)["tools"][1]["function"]["parameters"]["type"], "object");
  r.tool_choice.mode = ToolChoice::Mode::kRequired;
  EXPECT_EQ(body(r)["tool_choice"], "required");
  r.tool_choice.mode = ToolChoice::Mode::kAuto;
  EXPECT_FALSE(body(r).contains("tool_choice"));
  r.tool_choice = {ToolChoice::Mode::kNamed, "f"};
  EXPECT_EQ(body(r)["tool_choice"], json::parse(R"({"type":"function","function":{"name":"f"}})"));
  r.tool_choice = {ToolChoice::Mode::kNamed, "sh"};
  EXPECT_EQ(body(r)["tool_choice"], json::parse(R"({"type":"custom","custom":{"name":"sh"}})"));
}

TEST(OpenAiRequest, Forms) {
  TextRequest r = ask();
  r.output.form = Output::Form::kJsonObject;
  EXPECT_EQ(body(r)["response_format"], json::parse(R"({"type":"json_object"})"));
  r.output = {.form = Output::Form::kJsonSchema,
              .schema = R"({"type":"object", "properties":{"z":{"type":"string"},"a":{}}})",
              .strict = false};
  EXPECT_THAT(
      write(r)->body,
      HasSubstr(
          R"("response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":)"
          R"({"type":"object", "properties":{"z":{"type":"string"},"a":{}}},"strict":false}})"));
  r.output.strict = true;  // a schema that cannot be fitted
  refuses(r, "output.schema");
  EXPECT_TRUE(body(r, kCompatibleDialect)["response_format"]["json_schema"]["strict"]);
  r.output.schema = R"({"type":"object", "properties":{"z":{"type":"string"}}})";
  EXPECT_THAT(write(r)->body,
              HasSubstr(R"("schema":{"type":"object","properties":{"z":{"type":"string"}},)"
                        R"("additionalProperties":false,"required":["z"]},"strict":true}})"));
  r.output.schema = "true";
  refuses(r, "output.schema");
  r.output = {.form = Output::Form::kGrammar, .grammar = "root ::= \"a\""};
  refuses(r, "output.grammar");
  refuses(r, "output.grammar", kCompatibleDialect);
}

TEST(OpenAiRequest, Promises) {
  TextRequest r = ask();
  r.max_tokens = 7;
  r.stop = {"a", "b"};
  r.n = 3;
  r.logprobs = Logprobs{.top = 2};
  const json sent = body(r);
  EXPECT_EQ(sent["max_completion_tokens"], 7);
  EXPECT_FALSE(sent.contains("max_tokens"));
  EXPECT_EQ(body(r, kCompatibleDialect)["max_tokens"], 7);
  EXPECT_EQ(sent["stop"], json::parse(R"(["a","b"])"));
  EXPECT_EQ(sent["n"], 3);
  EXPECT_EQ(sent["logprobs"], true);
  EXPECT_EQ(sent["top_logprobs"], 2);
  r.logprobs->top = 21;
  refuses(r, "logprobs.top");
  r.logprobs.reset();
  r.stop = {"a", "b", "c", "d", "e"};
  refuses(r, "stop");
  EXPECT_EQ(body(r, kCompatibleDialect)["stop"].size(), 5u);
  r = ask();
  r.stop_token_ids = {1};
  refuses(r, "stop_token_ids");
  r = ask();
  r.truncation = Truncation::kDropOldest;
  refuses(r, "truncation", kCompatibleDialect);
}

TEST(OpenAiRequest, Sampling) {
  TextRequest r = ask();
  r.temperature = 0;
  r.top_p = 0.9;
  r.seed = 42;
  r.sampling.presence_penalty = -0.5;
  r.sampling.frequency_penalty = 2;
  r.logit_bias = {{5, -100}, {7, 1.5}};
  r.sampling.top_k = 40;
  r.sampling.repeat_penalty = 1.1;
  r.sampling.dry_multiplier = 0.8;
  const json own = body(r), other = body(r, kCompatibleDialect);
  EXPECT_EQ(own["temperature"], 0);
  EXPECT_EQ(own["top_p"], 0.9);
  EXPECT_EQ(own["seed"], 42);
  EXPECT_EQ(own["presence_penalty"], -0.5);
  EXPECT_EQ(own["frequency_penalty"], 2);
  EXPECT_EQ(own["logit_bias"], json::parse(R"({"5":-100,"7":2})"));
  EXPECT_FALSE(own.contains("top_k"));
  EXPECT_EQ(warned(r), (std::vector<std::string>{"adjusted_setting logit_bias",
                                                 "unsupported_setting sampling.top_k",
                                                 "unsupported_setting sampling.repeat_penalty",
                                                 "unsupported_setting sampling.dry_multiplier"}));
  EXPECT_EQ(other["logit_bias"]["7"], 1.5);
  EXPECT_EQ(other["top_k"], 40);
  EXPECT_EQ(other["repeat_penalty"], 1.1);
  EXPECT_EQ(other["repetition_penalty"], 1.1);
  EXPECT_TRUE(warned(r, kCompatibleDialect).empty());
  r = ask();
  r.seed = UINT64_MAX;
  EXPECT_FALSE(body(r).contains("seed"));
  EXPECT_EQ(warned(r), std::vector<std::string>{"adjusted_setting seed"});
}

TEST(OpenAiRequest, Reasoning) {
  using Effort = ReasoningOptions::Effort;
  TextRequest r = ask();
  const std::pair<Effort, const char*> efforts[] = {
      {Effort::kNone, "none"},     {Effort::kMinimal, "minimal"}, {Effort::kLow, "low"},
      {Effort::kMedium, "medium"}, {Effort::kHigh, "high"},       {Effort::kMax, "max"}};
  for (const auto& [effort, name] : efforts) {
    r.reasoning.effort = effort;
    EXPECT_EQ(body(r)["reasoning_effort"], name);
    EXPECT_TRUE(warned(r).empty());
  }
  EXPECT_EQ(body(r, kCompatibleDialect)["reasoning_effort"], "high");
  EXPECT_EQ(warned(r, kCompatibleDialect),
            std::vector<std::string>{"adjusted_setting reasoning.effort"});
  r.reasoning = {.budget_tokens = 100, .summary = "auto"};
  EXPECT_EQ(warned(r), (std::vector<std::string>{"unsupported_setting reasoning.budget_tokens",
                                                 "unsupported_setting reasoning.summary"}));
}

TEST(OpenAiRequest, Labels) {
  TextRequest r = ask();
  r.user = "u";
  r.cache_key = "k";
  r.service_tier = "flex";
  r.metadata = {{"a", "b"}};
  const json own = body(r), other = body(r, kCompatibleDialect);
  EXPECT_EQ(own["safety_identifier"], "u");
  EXPECT_EQ(own["prompt_cache_key"], "k");
  EXPECT_EQ(own["service_tier"], "flex");
  EXPECT_EQ(own["metadata"], json::parse(R"({"a":"b"})"));
  EXPECT_EQ(other["user"], "u");
  EXPECT_FALSE(other.contains("metadata") || other.contains("prompt_cache_key"));
}

TEST(OpenAiRequest, Extra) {
  TextRequest r = ask();
  r.temperature = 1;
  r.extra = {{"openai", R"({"verbosity":"low","temperature":0.5, "thing":{"z":1, "a":[ ]}})"},
             {"anthropic", R"({"top_k":5})"}};
  const auto out = write(r);
  ASSERT_TRUE(out);
  const json sent = json::parse(out->body);
  EXPECT_EQ(sent["verbosity"], "low");
  EXPECT_EQ(sent["temperature"], 0.5);
  EXPECT_FALSE(sent.contains("top_k"));
  EXPECT_THAT(out->body, HasSubstr(R"("thing":{"z":1, "a":[ ]})"));
  EXPECT_EQ(out->body.find("temperature"), out->body.rfind("temperature"));
  r.extra["openai"] = R"({"stream":false})";
  refuses(r, "extra.openai.stream", kOwnDialect, Errc::kInvalidRequest);
  r.extra["openai"] = R"({"n":2})";
  refuses(r, "extra.openai.n", kOwnDialect, Errc::kInvalidRequest);
}

TEST(OpenAiRequest, OtherKindsOfRequests) {
  const auto wire = openai_wire({.name = "m"});
  for (const Request& request :
       {Request(CountRequest{ask()}), Request(RerankRequest{.query = "x", .documents = {"y"}})})
    EXPECT_EQ(wire->write(request, {}).error().code(), Errc::kUnsupported);
}

// ---- complaints

TEST(OpenAiComplaint, InManyShapes) {
  const auto read = [](std::string_view text) { return openai_complaint(text); };
  const Complaint own = read(R"({"error":{"message":"m","type":"t","param":"p","code":"c"}})");
  EXPECT_EQ(own.message, "m");
  EXPECT_EQ(own.type, "t");
  EXPECT_EQ(own.param, "p");
  EXPECT_EQ(own.code, "c");
  EXPECT_EQ(read(R"({"error":{"message":"m","code":400,"param":null}})").code, "400");
  EXPECT_EQ(read(R"({"error":"words"})").message, "words");
  EXPECT_EQ(read(R"({"object":"error","message":"m","code":400})").message, "m");
  EXPECT_EQ(read(R"({"detail":"Not Found"})").message, "Not Found");
  EXPECT_EQ(read(R"([{"error":{"message":"m"}}])").message, "m");
  for (const char* none :
       {"", "<html>", "[]", "7", "null", "{}", R"({"error":null})", R"({"error":[1]})"})
    EXPECT_EQ(read(none).message, "") << none;
}

}  // namespace
}  // namespace infer::cloud
