// The conversation of a request, as chat templates know one.
#ifndef INFER_ENGINES_LLAMA_MESSAGES_H_
#define INFER_ENGINES_LLAMA_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace infer::llama {

// A JSON value without its library, for what a chat template wants to see as an object (tool
// arguments, the schema of a tool). The members of an object keep the order they were written in: a
// prompt must not change when a call goes back to the model that wrote it.
struct Tree {
  enum class Kind { kNull, kBool, kInt, kFloat, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool truth = false;
  int64_t integer = 0;
  double number = 0;
  std::string text;
  std::vector<std::string> keys;  // of an object, as long as items
  std::vector<Tree> items;
};

struct ToolCall {
  std::string id, name, arguments;
  std::optional<Tree> tree;  // the arguments, if they are JSON
};

// A message as chat templates know it: one text, with the parts of a message joined by line feeds.
// A tool's result is a message of its own.
struct ChatMessage {
  std::string role, text, name, reasoning, tool_call_id;
  std::vector<ToolCall> tool_calls;
};

// Something that the caller should hear of while the reply goes on.
struct Warning {
  std::string code, message, extra;
};
// Code "unsupported_setting", naming the setting.
Warning unsupported_setting(const std::string& setting, const std::string& message);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_MESSAGES_H_
