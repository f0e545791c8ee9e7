#include "apps/infer/request_file.h"

#include <gmock/gmock.h>

namespace infer::cli {
namespace {

using testing::HasSubstr;

TEST(ToolsFile, ReadsOpenAisShapeAndOurs) {
  const auto tools = tools_of(R"([
    {"type": "function", "function": {"name": "a", "description": "does a", "strict": true,
      "parameters": {"type": "object", "properties": {"z": {}, "a": {}}}}},
    {"type": "function", "name": "b", "parameters": {"type": "object"}},
    {"name": "c", "schema": "{ \"type\": \"object\" }"},
    {"name": "d", "input_schema": {"type": "object"}},
    {"name": "e", "provider_json": {"type": "web_search"}}])");
  ASSERT_TRUE(tools) << tools.error();
  ASSERT_EQ(tools->size(), 5u);
  EXPECT_EQ((*tools)[0].name, "a");
  EXPECT_EQ((*tools)[0].description, "does a");
  EXPECT_EQ((*tools)[0].strict, true);
  EXPECT_EQ((*tools)[0].schema, R"({"type":"object","properties":{"z":{},"a":{}}})")
      << "keys keep their order";
  EXPECT_EQ((*tools)[1].schema, R"({"type":"object"})");
  EXPECT_EQ((*tools)[2].schema, R"({ "type": "object" })") << "text as it was written";
  EXPECT_EQ((*tools)[3].schema, R"({"type":"object"})");
  EXPECT_EQ((*tools)[4].provider_json, R"({"type":"web_search"})");
  EXPECT_EQ(tools_of(R"({"tools": [{"name": "a"}]})")->size(), 1u);
}

TEST(ToolsFile, SaysWhatIsWrongAndWhere) {
  const auto says = [](std::string_view json, const char* what) {
    const auto tools = tools_of(json);
    ASSERT_FALSE(tools) << json;
    EXPECT_EQ(tools.error().code(), Errc::kInvalidRequest) << json;
    EXPECT_THAT(tools.error().message(), HasSubstr(what)) << json;
  };
  says("[{\"name\": \"a\",\n  oops}]", "line 2, column 3");
  says("", "not valid JSON");
  says("[]", "no tools");
  says("7", "array");
  says("[7]", "[0]: must be an object");
  says("[{}]", "[0].name: is missing");
  says(R"([{"name": 7}])", "[0].name: must be a string, not number");
  says(R"([{"name": "a"}, {"function": {"name": "b", "parameters": 1}}])",
       "[1].function.parameters: must be an object");
  says(R"([{"name": "a", "strict": "yes"}])", "[0].strict");
  says(R"([{"type": "web_search", "name": "a"}])", "web_search");
  says(R"({"functions": []})", "functions");
}

TEST(MessagesFile, ReadsOpenAisShape) {
  const auto read = messages_of(R"([
    {"role": "system", "content": "Be brief."},
    {"role": "user", "name": "ann", "content": [{"type": "text", "text": "What is this?"},
      {"type": "image_url", "image_url": {"url": "https://example.org/a.png", "detail": "low"}}]},
    {"role": "assistant", "content": null, "reasoning_content": "hm", "tool_calls": [
      {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{ \"at\": 1 )"
                                R"(}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "a cat"},
    {"role": "assistant", "content": "A cat."}])");
  ASSERT_TRUE(read) << read.error();
  const std::vector<Message>& m = *read;
  ASSERT_EQ(m.size(), 5u);
  EXPECT_EQ(m[0], system("Be brief."));
  EXPECT_EQ(m[1].name, "ann");
  EXPECT_EQ(std::get<Url>(m[1].parts[1].get<Media>()->source).url, "https://example.org/a.png");
  ASSERT_EQ(m[2].parts.size(), 2u);
  EXPECT_EQ(m[2].parts[0].get<Reasoning>()->text, "hm");
  EXPECT_EQ(m[2].parts[1].get<ToolCall>()->arguments, "{ \"at\": 1 }") << "as it was written";
  const ToolResult* result = m[3].parts[0].get<ToolResult>();
  ASSERT_NE(result, nullptr);
  EXPECT_EQ(result->call_id, "c1");
  EXPECT_EQ(result->name, "look") << "of the call that it answers";
  EXPECT_EQ(result->content[0].get<Text>()->text, "a cat");
  EXPECT_EQ(m[4], assistant("A cat."));
}

TEST(MessagesFile, WhatIsSavedIsReadBack) {
  std::vector<Message> said = {system("s"), user("u \"quoted\"\n")};
  Message answer{.role = Role::kAssistant, .id = "m1"};
  answer.parts = {{.value = Reasoning{.text = "hm", .signature = "sig"}, .issuer = "x"},
                  {.value = Text{"t"}, .id = "p1", .extra = R"({"b":1,"a":2})"},
                  {.value = ToolCall{.id = "c", .name = "f", .arguments = "{ }"}},
                  {.value = Opaque{.type = "odd", .json = "[1]"}}};
  said.push_back(answer);
  said.push_back(tool_result(*answer.parts[2].get<ToolCall>(), "no", true));
  const auto json = messages_json(said);
  ASSERT_TRUE(json);
  const auto back = messages_of(*json);
  ASSERT_TRUE(back) << back.error();
  EXPECT_EQ(*back, said);
  EXPECT_EQ(messages_of("[]")->size(), 0u);
}

TEST(MessagesFile, PicturesAreNotLostSilently) {
  const auto json = messages_json({user("look", {{.source = Blob(std::string("png"))}})});
  ASSERT_FALSE(json);
  EXPECT_EQ(json.error().code(), Errc::kUnsupported);
}

TEST(MessagesFile, SaysWhatIsWrongAndWhere) {
  const auto says = [](std::string_view json, const char* what) {
    const auto messages = messages_of(json);
    ASSERT_FALSE(messages) << json;
    EXPECT_EQ(messages.error().code(), Errc::kInvalidRequest) << json;
    EXPECT_THAT(messages.error().message(), HasSubstr(what)) << json;
  };
  says("[", "not valid JSON");
  says("\"hi\"", "array");
  says("[1]", "[0]: must be an object");
  says(R"([{"content": "x"}])", "[0].role: is missing");
  says(R"([{"role": "robot", "content": "x"}])", "robot");
  says(R"([{"role": "user"}])", "[0]: needs content");
  says(R"([{"role": "user", "content": 1}])", "[0].content");
  says(R"([{"role": "user", "content": [{"type": "sound"}]}])", "[0].content[0].type: 'sound'");
  says(R"([{"role": "user", "content": [{"type": "text"}]}])", "[0].content[0].text: is missing");
  says(R"([{"role": "assistant", "tool_calls": [{"id": "1"}]}])", "[0].tool_calls[0]");
  says(R"([{"role": "user", "content": "a"}, {"role": "user", "parts": [{"type": "text", )"
       R"("text": 1}]}])",
       "[1]: ");
  says(R"({"messages": [], "model": "x"})", "model");
  says(std::string(200, '[') + std::string(200, ']'), "deep");
}

TEST(TextFile, IsFoundOrNamed) {
  const auto missing = read_text_file("--grammar", "/no/such/file.gbnf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Errc::kNotFound);
  EXPECT_EQ(missing.error().message(), "--grammar: /no/such/file.gbnf: there is no such file");
  const auto directory = read_text_file("--grammar", "/");
  ASSERT_FALSE(directory);
  EXPECT_EQ(directory.error().code(), Errc::kIo);
}

}  // namespace
}  // namespace infer::cli
