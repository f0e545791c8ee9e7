// What is sent to Responses, and when.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "src/cloud/openai/responses_for_tests.h"
#include "src/cloud/raw_json.h"

namespace infer::cloud {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* kIssuer = "openai/responses";

TextRequest said(std::string text = "hi") { return {.messages = {user(std::move(text))}}; }

Result<Outgoing> sent(const TextRequest& request, const Dialect& dialect = kOwnDialect,
                      infer::Wire wire = infer::Wire::kAuto) {
  Call call;
  call.wire = wire;
  static ServerModel model;
  model = ServerModel{.name = "gpt", .dialect = &dialect};
  return write_openai_responses(model, request, call);
}
json body_of(const TextRequest& request, const Dialect& dialect = kOwnDialect,
             infer::Wire wire = infer::Wire::kAuto) {
  const auto out = sent(request, dialect, wire);
  EXPECT_TRUE(out) << out.error();
  return out ? json::parse(out->body) : json();
}
json input_of(const TextRequest& request) { return body_of(request)["input"]; }
std::vector<std::string> warnings_of(const TextRequest& request) {
  const auto out = sent(request);
  EXPECT_TRUE(out) << out.error();
  std::vector<std::string> all;
  if (out)
    for (const Warning& warning : out->warnings)
      all.push_back(warning.code + " " + json::parse(warning.extra).front().get<std::string>());
  return all;
}
void is_refused(const TextRequest& request, const std::string& field,
                Errc code = Errc::kUnsupported) {
  const auto out = sent(request);
  ASSERT_FALSE(out) << field;
  EXPECT_EQ(out.error().code(), code);
  EXPECT_EQ(out.error().detail("field"), field);
  EXPECT_THAT(out.error().message(), HasSubstr(field));
}

template <class Value>
Part part_of(Value value, std::string id = {}, std::string extra = {},
             std::string issuer = kIssuer) {
  Part part{.value = std::move(value)};
  part.id = std::move(id);
  part.extra = std::move(extra);
  part.issuer = std::move(issuer);
  return part;
}
Part result_of(std::string call_id, std::vector<Part> content = {}, std::string name = {}) {
  ToolResult result;
  result.call_id = std::move(call_id);
  result.name = std::move(name);
  result.content = std::move(content);
  return Part{.value = std::move(result)};
}
Message model_said(std::vector<Part> parts) {
  return {.role = Role::kAssistant, .parts = std::move(parts)};
}

TEST(ResponsesRequest, TheLeast) {
  EXPECT_EQ(body_of(said(), kOwnDialect, infer::Wire::kWhole),
            json::parse(R"({"model":"gpt","input":[{"role":"user","content":"hi"}]})"));
  EXPECT_EQ(body_of(said()),
            json::parse(R"({"model":"gpt","input":[{"role":"user","content":"hi"}],)"
                        R"("stream":true,"stream_options":{"include_obfuscation":false}})"));
  EXPECT_EQ(sent(said())->path, "/responses");
  EXPECT_TRUE(sent(said())->stream);
}

TEST(ResponsesRequest, Settings) {
  TextRequest request = said();
  request.max_tokens = 100;
  request.temperature = 0.5;
  request.top_p = 0.9;
  request.reasoning.effort = ReasoningOptions::Effort::kMax;
  request.reasoning.summary = "auto";
  request.previous_response_id = "resp_9";
  request.store = false;
  request.cache_key = "k";
  request.cache_retention = "24h";
  request.cache_explicit = true;
  request.user = "u";
  request.metadata = {{"a", "b"}};
  request.service_tier = "flex";
  request.logprobs = Logprobs{.top = 3};
  request.truncation = Truncation::kDropOldest;
  request.messages[0].parts[0].cache = CacheHint::kShort;
  EXPECT_EQ(body_of(request, kOwnDialect, infer::Wire::kWhole), json::parse(R"({
    "model":"gpt",
    "input":[{"role":"user","content":[{"type":"input_text","text":"hi",
              "prompt_cache_breakpoint":{"mode":"explicit"}}]}],
    "previous_response_id":"resp_9","store":false,"max_output_tokens":100,"top_logprobs":3,
    "temperature":0.5,"top_p":0.9,"reasoning":{"effort":"max","summary":"auto"},
    "include":["reasoning.encrypted_content","message.output_text.logprobs"],
    "truncation":"auto","service_tier":"flex","safety_identifier":"u",
    "prompt_cache_retention":"24h","prompt_cache_options":{"mode":"explicit"},
    "prompt_cache_key":"k","metadata":{"a":"b"}})"));
  EXPECT_THAT(warnings_of(request), ElementsAre("adjusted_setting truncation"));
  // Without cache_explicit hints say nothing: older models refuse the mark.
  request.cache_explicit = false;
  EXPECT_EQ(input_of(request)[0]["content"], "hi");
}

// Models that do not think refuse to be asked for encrypted thoughts.
TEST(ResponsesRequest, AsksForEncryptedReasoningWhereItIsOfUse) {
  EXPECT_FALSE(body_of(said()).contains("include"));
  TextRequest request = said();
  request.reasoning.effort = ReasoningOptions::Effort::kNone;
  EXPECT_FALSE(body_of(request).contains("include"));
  request.reasoning.effort = ReasoningOptions::Effort::kLow;
  EXPECT_THAT(body_of(request)["include"], ElementsAre("reasoning.encrypted_content"));
  request = said();
  request.messages.push_back(model_said({part_of(
      Reasoning{.signature = "gA"}, "rs_1",
      R"({"item":{"id":"rs_1","type":"reasoning","summary":[],"encrypted_content":"gA"}})")}));
  EXPECT_THAT(body_of(request)["include"], ElementsAre("reasoning.encrypted_content"));
  // What the caller wants besides takes nothing away.
  request.extra["openai"] =
      R"({"include":["reasoning.encrypted_content","web_search_call.action.sources"]})";
  EXPECT_THAT(body_of(request)["include"],
              ElementsAre("reasoning.encrypted_content", "web_search_call.action.sources"));
}

TEST(ResponsesRequest, WhatItCannotPromise) {
  TextRequest request = said();
  request.n = 2;
  is_refused(request, "n");
  request = said();
  request.stop = {"x"};
  is_refused(request, "stop");
  request = said();
  request.stop_token_ids = {1};
  is_refused(request, "stop_token_ids");
  request = said();
  request.output = {.form = Output::Form::kGrammar, .grammar = "root ::= \"a\""};
  is_refused(request, "output.grammar");
  request = said();
  request.logprobs = Logprobs{.top = 21};
  is_refused(request, "logprobs.top");
  request = said();
  request.extra = {{"openai", R"({"stream":false})"}};
  is_refused(request, "extra.openai.stream", Errc::kInvalidRequest);
}

TEST(ResponsesRequest, QualityIsAWarning) {
  TextRequest request = said();
  request.seed = 1;
  request.logit_bias = {{1, 2}};
  request.sampling.top_k = 3;
  request.sampling.presence_penalty = 1;
  request.sampling.frequency_penalty = 1;
  request.reasoning.budget_tokens = 5;
  const json body = body_of(request, kOwnDialect, infer::Wire::kWhole);
  EXPECT_EQ(body.size(), 2u) << body;
  EXPECT_THAT(
      warnings_of(request),
      testing::UnorderedElementsAre("unsupported_setting seed", "unsupported_setting logit_bias",
                                    "unsupported_setting sampling.top_k",
                                    "unsupported_setting sampling.presence_penalty",
                                    "unsupported_setting sampling.frequency_penalty",
                                    "unsupported_setting reasoning.budget_tokens"));
}

TEST(ResponsesRequest, Tools) {
  TextRequest request = said();
  const std::string own = R"({"type":"web_search",  "filters":{"allowed_domains":["a.org"]}})";
  request.tools = {{.name = "f", .description = "d", .schema = R"({"type":"object"})"},
                   {.name = "g"},
                   {.provider_json = own},
                   {.provider_json = R"({"type":"custom","name":"c"})"},
                   {.provider_json = R"({"type":"mcp","server_label":"docs","server_url":"x"})"}};
  request.parallel_tools = false;
  const json body = body_of(request);
  ASSERT_EQ(body["tools"].size(), 5u);
  EXPECT_EQ(body["tools"][0], json::parse(R"({"type":"function","name":"f","description":"d",
      "parameters":{"type":"object"},"strict":false})"));
  EXPECT_EQ(body["tools"][1]["parameters"], json::parse(R"({"type":"object","properties":{}})"));
  EXPECT_THAT(sent(request)->body, HasSubstr(own));
  EXPECT_EQ(body["parallel_tool_calls"], false);
  const std::pair<const char*, const char*> choices[] = {
      {"f", R"({"type":"function","name":"f"})"},
      {"web_search", R"({"type":"web_search"})"},
      {"c", R"({"type":"custom","name":"c"})"},
      {"docs", R"({"type":"mcp","server_label":"docs"})"}};
  for (const auto& [name, choice] : choices) {
    request.tool_choice = {.mode = ToolChoice::Mode::kNamed, .name = name};
    EXPECT_EQ(body_of(request)["tool_choice"], json::parse(choice));
  }
  request.tool_choice = {.mode = ToolChoice::Mode::kRequired};
  EXPECT_EQ(body_of(request)["tool_choice"], "required");
  request.tool_choice = {.mode = ToolChoice::Mode::kNone};
  EXPECT_EQ(body_of(request)["tool_choice"], "none");
}

TEST(ResponsesRequest, FormOfTheAnswer) {
  TextRequest request = said();
  request.output = {.form = Output::Form::kJsonObject};
  EXPECT_EQ(body_of(request)["text"], json::parse(R"({"format":{"type":"json_object"}})"));
  request.output = {.form = Output::Form::kJsonSchema,
                    .name = "city",
                    .schema =
                        R"({"type":"object","properties":{"b":{"type":"string"}},"required":["b"],)"
                        R"("additionalProperties":false})"};
  EXPECT_EQ(body_of(request)["text"]["format"],
            json::parse(R"({"type":"json_schema","name":"city","strict":true,"schema":)" +
                        request.output.schema + "}"));
  request.output.strict = false;
  EXPECT_EQ(body_of(request)["text"]["format"]["strict"], false);
}

TEST(ResponsesRequest, ExtraMembersStandBesideTheOthers) {
  TextRequest request = said();
  request.output = {.form = Output::Form::kJsonObject};
  request.reasoning.summary = "auto";
  request.extra["openai"] = R"({"text":{"verbosity":"low"},"reasoning":{"effort":"xhigh"}})";
  const json body = body_of(request);
  EXPECT_EQ(body["text"], json::parse(R"({"format":{"type":"json_object"},"verbosity":"low"})"));
  EXPECT_EQ(body["reasoning"], json::parse(R"({"summary":"auto","effort":"xhigh"})"));
}

TEST(ResponsesRequest, WhatIsSaidToTheModel) {
  TextRequest request;
  request.messages = {
      system("Be brief."),
      {.role = Role::kDeveloper, .parts = {Part{.value = Text{"Really."}}}},
      user("Look:",
           {Media{.mime = "image/png", .source = Url{"https://a.org/p.png"}, .detail = "original"},
            Media{.mime = "image/png", .source = FileId{"file-1"}},
            Media{.mime = "application/pdf", .source = Url{"https://a.org/p.pdf"}},
            Media{.source = FileId{"file-2"}}})};
  EXPECT_EQ(input_of(request), json::parse(R"([
    {"role":"system","content":"Be brief."},
    {"role":"developer","content":"Really."},
    {"role":"user","content":[
      {"type":"input_text","text":"Look:"},
      {"type":"input_image","image_url":"https://a.org/p.png","detail":"original"},
      {"type":"input_image","file_id":"file-1","detail":"auto"},
      {"type":"input_file","file_url":"https://a.org/p.pdf"},
      {"type":"input_file","file_id":"file-2"}]}])"));
}

TEST(ResponsesRequest, AMessageWithoutParts) {
  TextRequest request = said();
  request.messages.insert(request.messages.begin(), Message{.role = Role::kUser});
  EXPECT_EQ(input_of(request),
            json::parse(R"([{"role":"user","content":""},{"role":"user","content":"hi"}])"));
}

TEST(ResponsesRequest, ResultsOfTools) {
  const std::string call =
      R"({"id":"fc_1","type":"function_call","call_id":"a","name":"f","arguments":"{}",)"
      R"("caller":{"type":"program","caller_id":"p"}})";
  TextRequest request = said();
  request.messages.push_back(
      model_said({part_of(ToolCall{.id = "a", .name = "f", .arguments = "{}"}, "fc_1",
                          R"({"item":)" + call + "}"),
                  part_of(ToolCall{.id = "b", .name = "c", .arguments = "free", .custom = true}, {},
                          {}, "someone")}));
  const Part picture = result_of("b", {Part{.value = Text{"seen"}},
                                       Part{.value = Media{.source = Url{"https://a.org/p.png"}}}});
  request.messages.push_back(
      {.role = Role::kTool,
       .parts = {result_of("a", {Part{.value = Text{"42"}}}), picture, result_of("z")}});
  const json input = input_of(request);
  ASSERT_EQ(input.size(), 6u);
  EXPECT_EQ(input[1], json::parse(call));
  EXPECT_EQ(input[2],
            json::parse(R"({"type":"custom_tool_call","call_id":"b","name":"c","input":"free"})"));
  EXPECT_EQ(input[3], json::parse(R"({"type":"function_call_output","call_id":"a","output":"42",
                            "caller":{"type":"program","caller_id":"p"}})"));
  EXPECT_EQ(input[4], json::parse(R"({"type":"custom_tool_call_output","call_id":"b","output":[
      {"type":"input_text","text":"seen"},
      {"type":"input_image","image_url":"https://a.org/p.png","detail":"auto"}]})"));
  EXPECT_EQ(input[5], json::parse(R"({"type":"function_call_output","call_id":"z","output":""})"));
}

// The call is not in the messages, since the provider has kept it.
TEST(ResponsesRequest, ResultsOfCallsThatTheProviderHasKept) {
  TextRequest request;
  request.previous_response_id = "resp_1";
  request.tools = {
      {.provider_json = R"({"type":"namespace","tools":[{"type":"custom","name":"c"}]})"}};
  request.messages = {
      {.role = Role::kTool,
       .parts = {
           result_of("1", {}, "c"), result_of("2", {}, "f"),
           part_of(Opaque{"shell_call_output", R"({"type":"shell_call_output","call_id":"3"})"})}}};
  const json input = input_of(request);
  ASSERT_EQ(input.size(), 3u);
  EXPECT_EQ(input[0]["type"], "custom_tool_call_output");
  EXPECT_EQ(input[1]["type"], "function_call_output");
  EXPECT_EQ(input[2]["type"], "shell_call_output");
}

// ---- what the model said

const std::string kMessage =
    R"({"id":"msg_1","type":"message","status":"completed","content":[{"type":"output_text",)"
    R"("annotations":[],"logprobs":[],"text":"One."},{"type":"refusal","refusal":"No."}],)"
    R"("phase":"commentary","role":"assistant", "new":  1})";

std::vector<Part> parts_of_message() {
  return {part_of(Text{"One."}, "msg_1", R"({"continues":true})"),
          part_of(Refusal{"No."}, "msg_1", R"({"item":)" + kMessage + "}")};
}

TEST(ResponsesRequest, ItemsGoBackAsTheyCame) {
  TextRequest request = said();
  request.messages.push_back(model_said(parts_of_message()));
  EXPECT_THAT(sent(request)->body, HasSubstr(kMessage));
  EXPECT_EQ(input_of(request).size(), 2u);
  EXPECT_THAT(warnings_of(request), IsEmpty());
}

TEST(ResponsesRequest, TextThatWasChangedGoesAsItIs) {
  std::vector<Part> parts = parts_of_message();
  parts[0].get<Text>()->text = "Two.";
  TextRequest request = said();
  request.messages.push_back(model_said(parts));
  EXPECT_EQ(input_of(request)[1],
            json::parse(R"({"role":"assistant","content":"Two.No.","phase":"commentary"})"));
  // One part was taken away.
  for (const std::size_t gone : {0u, 1u}) {
    parts = parts_of_message();
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(gone));
    request.messages[1] = model_said(parts);
    const json input = input_of(request);
    ASSERT_EQ(input.size(), 2u);
    EXPECT_EQ(input[1]["content"], gone == 0 ? "No." : "One.");
    EXPECT_FALSE(input[1].contains("id"));
  }
}

TEST(ResponsesRequest, CallsAndThoughtsThatWereChanged) {
  const std::string call =
      R"({"id":"fc_1","type":"function_call","status":"completed","call_id":"a","name":"f",)"
      R"("arguments":"{\"x\": 1}","namespace":"n"})";
  const std::string thought =
      R"({"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"A"}],)"
      R"("encrypted_content":"gA==","status":"completed"})";
  TextRequest request = said();
  request.messages.push_back(model_said(
      {part_of(Reasoning{.text = "A", .signature = "gA=="}, "rs_1", R"({"item":)" + thought + "}"),
       part_of(ToolCall{.id = "a", .name = "f", .arguments = "{\"x\": 1}"}, "fc_1",
               R"({"item":)" + call + "}")}));
  EXPECT_THAT(sent(request)->body, HasSubstr(thought + "," + call));
  auto& parts = request.messages[1].parts;
  parts[0].get<Reasoning>()->text = "B";
  parts[1].get<ToolCall>()->arguments = "{\"x\":  2}";
  const json input = input_of(request);
  ASSERT_EQ(input.size(), 3u);
  EXPECT_EQ(input[1], json::parse(R"({"id":"rs_1","type":"reasoning","status":"completed",
      "summary":[{"type":"summary_text","text":"B"}],"encrypted_content":"gA=="})"));
  EXPECT_EQ(input[2], json::parse(R"({"type":"function_call","call_id":"a","name":"f",
      "arguments":"{\"x\":  2}","namespace":"n"})"));
  parts[0].get<Reasoning>()->signature.clear();  // taken away, it is not sent
  EXPECT_EQ(input_of(request)[1], json::parse(R"({"id":"rs_1","type":"reasoning",
      "status":"completed","summary":[{"type":"summary_text","text":"B"}]})"));
}

// What was streamed was not what the item said.
TEST(ResponsesRequest, ItemsThatWereSaidOtherwise) {
  const std::string item =
      R"({"id":"m","type":"message","role":"assistant","content":[{"type":"output_text",)"
      R"("text":"Corrected."}]})";
  TextRequest request = said();
  request.messages.push_back(
      model_said({part_of(Text{"Wrong"}, "m", R"({"item":)" + item + R"(,"said":["Wrong"]})")}));
  EXPECT_THAT(sent(request)->body, HasSubstr(item));
  request.messages[1].parts[0].get<Text>()->text = "Mine";
  EXPECT_EQ(input_of(request)[1]["content"], "Mine");
}

TEST(ResponsesRequest, OfOtherIssuers) {
  TextRequest request = said();
  Message message = model_said(parts_of_message());
  for (Part& part : message.parts) part.issuer = "openai";
  message.parts.push_back(part_of(Reasoning{.text = "t", .signature = "s"}, "rs", {}, "anthropic"));
  message.parts.push_back(part_of(Opaque{"x", R"({"type":"x"})"}, {}, {}, "openai"));
  message.parts.push_back(
      part_of(ToolCall{.id = "p", .name = "n", .provider_executed = true}, {}, {}, "anthropic"));
  message.parts.push_back(part_of(ToolCall{.id = "c", .name = "f", .arguments = "{ }"}, "fc",
                                  R"({"item":{"id":"fc"}})", "openai"));
  request.messages.push_back(message);
  EXPECT_EQ(input_of(request), json::parse(R"([
    {"role":"user","content":"hi"},
    {"role":"assistant","content":"One.No."},
    {"type":"function_call","call_id":"c","name":"f","arguments":"{ }"}])"));
  EXPECT_THAT(warnings_of(request),
              ElementsAre("dropped_part messages[1].parts[2]", "dropped_part messages[1].parts[3]",
                          "dropped_part messages[1].parts[4]"));
}

TEST(ResponsesRequest, ItemsThatAreNoJson) {
  TextRequest request = said();
  request.messages.push_back(model_said({part_of(Opaque{"x", "{broken"})}));
  is_refused(request, "messages[1].parts[0].json", Errc::kInvalidRequest);
  // What is kept beside a text is no JSON any more: the text counts.
  request.messages[1] = model_said({part_of(Text{"T"}, "m", R"({"item":{)")});
  EXPECT_EQ(input_of(request)[1]["content"], "T");
  request.messages[1] = model_said({part_of(Media{.source = Url{"https://a.org"}})});
  is_refused(request, "messages[1].parts[0]");
}

// ---- which API

TEST(ChooseTextApi, WhatIsConfiguredElseWhatIsNeeded) {
  const ServerModel own{.name = "gpt"};
  const auto of = [](const TextRequest& request, ServerModel model) {
    return choose_text_api(model, request) == TextApi::kResponses;
  };
  std::map<std::string, TextRequest> needs;
  needs["previous"] = said();
  needs["previous"].previous_response_id = "r";
  needs["truncation"] = said();
  needs["truncation"].truncation = Truncation::kDropOldest;
  needs["tool"] = said();
  needs["tool"].tools = {{.provider_json = R"({"type":"web_search"})"}};
  needs["flat custom"] = said();
  needs["flat custom"].tools = {{.provider_json = R"({"type":"custom","name":"c"})"}};
  needs["pdf"] = {
      .messages = {user("", {Media{.mime = "application/pdf", .source = Url{"https://a"}}})}};
  needs["picture"] = {.messages = {user("", {Media{.mime = "image/png", .source = FileId{"f"}}})}};
  needs["result"] = said();
  const Part seen = result_of("a", {Part{.value = Media{.source = Url{"https://a/p.png"}}}});
  needs["result"].messages.push_back({.role = Role::kTool, .parts = {seen}});

  std::map<std::string, TextRequest> better;
  better["summary"] = said();
  better["summary"].reasoning.summary = "auto";
  better["reasoning"] = said();
  better["reasoning"].messages.push_back(model_said({part_of(Reasoning{.signature = "s"})}));
  better["item"] = said();
  better["item"].messages.push_back(model_said({part_of(Opaque{"x", "{}"})}));

  std::map<std::string, TextRequest> chat;
  chat["plain"] = said();
  chat["chat custom"] = said();
  chat["chat custom"].tools = {{.provider_json = R"({"type":"custom","custom":{"name":"c"}})"}};
  chat["other issuer"] = said();
  chat["other issuer"].messages.push_back(
      model_said({part_of(Reasoning{.signature = "s"}, {}, {}, "anthropic")}));
  chat["picture by address"] = {.messages = {user("", {Media{.source = Url{"https://a/p.png"}}})}};

  for (const auto& [name, request] : needs) EXPECT_TRUE(of(request, own)) << name;
  for (auto& [name, request] : better) {
    EXPECT_TRUE(of(request, own)) << name;
    request.n = 2;  // a promise that only a chat keeps counts for more
    EXPECT_FALSE(of(request, own)) << name;
  }
  for (const auto& [name, request] : chat) EXPECT_FALSE(of(request, own)) << name;

  ServerModel other = own;
  other.dialect = &kCompatibleDialect;
  for (const auto& [name, request] : needs) {
    EXPECT_FALSE(of(request, other)) << name;
    other.text_api = TextApi::kResponses;
    EXPECT_TRUE(of(request, other)) << name;
    other.text_api = TextApi::kAuto;
    ServerModel chosen = own;
    chosen.text_api = TextApi::kChat;
    EXPECT_FALSE(of(request, chosen)) << name;
  }
}

}  // namespace
}  // namespace infer::cloud
