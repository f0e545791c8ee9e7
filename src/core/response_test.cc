// The flags that a part begins with (event.h): how they get into the Response.
#include "src/core/response.h"

#include <gtest/gtest.h>

#include <string>

#include "src/core/scripted.h"

namespace infer {
namespace {

using test::event;
using test::Kind;
using test::PartKind;

Response begun(PartKind kind, std::string_view extra) {
  Event begin = event(Kind::kPartBegin, kind, "name");
  begin.extra = extra;
  Response response;
  core::accumulate(begin, response);
  core::accumulate(event(Kind::kDelta, kind, "{}"), response);
  core::accumulate(event(Kind::kPartEnd, kind), response);
  return response;
}
ToolCall call_of(std::string_view extra) {
  return *begun(PartKind::kToolCall, extra).message().parts.at(0).get<ToolCall>();
}
bool redacted(std::string_view extra) {
  return begun(PartKind::kReasoning, extra).message().parts.at(0).get<Reasoning>()->redacted;
}

TEST(PartFlags, ToolCalls) {
  EXPECT_EQ(call_of(""), (ToolCall{.name = "name", .arguments = "{}"}));
  EXPECT_TRUE(call_of(R"({"custom":true})").custom);
  EXPECT_FALSE(call_of(R"({"custom":true})").provider_executed);
  EXPECT_TRUE(call_of(R"({"provider_executed":true})").provider_executed);
  EXPECT_FALSE(call_of(R"({"provider_executed":true})").custom);
  const ToolCall both = call_of(R"( {"custom": true, "later": [1], "provider_executed": true} )");
  EXPECT_TRUE(both.custom && both.provider_executed);
  EXPECT_EQ(both.arguments, "{}");
}

TEST(PartFlags, Reasoning) {
  EXPECT_FALSE(redacted(""));
  EXPECT_TRUE(redacted(R"({"redacted":true})"));
  EXPECT_FALSE(redacted(R"({"custom":true})"));
}

TEST(PartFlags, NonsenseSaysNothing) {
  const std::string deep(100000, '[');
  for (const std::string_view nonsense :
       {std::string_view("{"), std::string_view("true"), std::string_view("null"),
        std::string_view("[\"custom\"]"), std::string_view("{\"custom\":1,\"redacted\":\"true\"}"),
        std::string_view("{\"custom\":null,\"redacted\":{}}"), std::string_view("\xff\xfe"),
        std::string_view("{\"custom\":false,\"redacted\":false}"), std::string_view(deep)}) {
    EXPECT_EQ(call_of(nonsense), call_of("")) << nonsense.substr(0, 40);
    EXPECT_FALSE(redacted(nonsense)) << nonsense.substr(0, 40);
    EXPECT_EQ(begun(PartKind::kText, nonsense).text(), "{}");
  }
}

TEST(PartFlags, OfTheMocksCalls) {
  MockScript script;
  for (int i = 0; i < 4; ++i)
    script.tool_calls.push_back({.id = std::to_string(i),
                                 .name = "t",
                                 .arguments = "free",
                                 .custom = i % 2 == 1,
                                 .provider_executed = i >= 2});
  const auto done = mock(script).generate("hi");
  ASSERT_TRUE(done) << done.error();
  EXPECT_EQ(done->tool_calls(), script.tool_calls);
}

}  // namespace
}  // namespace infer
