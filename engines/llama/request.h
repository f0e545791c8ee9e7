// Everything of this plugin that is JSON: the request of open, the config of load, the answer of
// describe. All functions are pure and safe from any thread; they throw Refusal.
#ifndef INFER_ENGINES_LLAMA_REQUEST_H_
#define INFER_ENGINES_LLAMA_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config.h"

namespace infer::llama {

// A JSON value without its library, for what a chat template wants to see as an object (tool
// arguments).
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

// Unset means off, and an unset temperature is 0: the likeliest token each time (so does one below
// 0.001).
struct Sampling {
  double temperature = 0;
  int32_t top_k = 0;
  double top_p = 1, min_p = 0;
  double repeat_penalty = 1, presence_penalty = 0, frequency_penalty = 0;
  int32_t repeat_last_n = 64;
  std::optional<uint64_t> seed;
  std::vector<std::pair<int32_t, float>> logit_bias;
};

struct Warning {
  std::string code, message, extra;
};

struct TextRequest {
  std::vector<ChatMessage> messages;
  Sampling sampling;
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_token_ids;
  std::vector<Warning> warnings;
};

// `vocabulary`: how many tokens the model has, for the ids in the request.
TextRequest parse_text_request(std::string_view json, int32_t vocabulary);
Config parse_config(std::string_view json);

struct ModelFacts {
  std::string name, family, quantization;
  int64_t context = 0, parameters = 0, size_bytes = 0;
};
std::string describe_json(const ModelFacts& facts);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_REQUEST_H_
