#include "apps/infer/conversation.h"

#include <gtest/gtest.h>

namespace infer::cli {
namespace {

Conversation chat() {
  Conversation said;
  said.set_system("Be brief.");
  said.add(user("one?"));
  said.add(assistant("One."));
  said.add(user("two?"));
  said.add(assistant("Two."));
  return said;
}

TEST(Conversation, TakesBackTurnByTurn) {
  Conversation said = chat();
  EXPECT_TRUE(said.undo());
  EXPECT_EQ(said.text(), "system: Be brief.\nuser: one?\nassistant: One.\n");
  EXPECT_TRUE(said.undo());
  EXPECT_FALSE(said.undo());
  EXPECT_EQ(said.text(), "system: Be brief.\n");
}

TEST(Conversation, TakesAnAnswerBack) {
  Conversation said = chat();
  const ToolCall call{.id = "1", .name = "f", .arguments = "{}"};
  said.add(tool_result(call, "a result"));
  EXPECT_TRUE(said.take_answer_back());
  EXPECT_EQ(said.messages().size(), 4u);
  EXPECT_EQ(said.messages().back().text(), "two?");
  EXPECT_TRUE(said.take_answer_back()) << "there is a question still";
  EXPECT_FALSE(Conversation().take_answer_back());
}

TEST(Conversation, HasOneSystemMessage) {
  Conversation said = chat();
  said.set_system("Be long.");
  EXPECT_EQ(said.system(), "Be long.");
  EXPECT_EQ(said.messages().size(), 5u);
  said.reset();
  EXPECT_EQ(said.text(), "system: Be long.\n");
  said.set_system("");
  EXPECT_TRUE(said.messages().empty());
  EXPECT_EQ(said.system(), "");
}

}  // namespace
}  // namespace infer::cli
