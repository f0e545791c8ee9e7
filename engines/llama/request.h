// A text request as the engine takes it, read from the ABI's JSON.
// Pure functions, safe from any thread; they throw Refusal.
#ifndef INFER_ENGINES_LLAMA_REQUEST_H_
#define INFER_ENGINES_LLAMA_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages.h"
#include "settings.h"
#include "tools.h"

namespace infer::llama {

struct TextRequest {
  std::vector<ChatMessage> messages;
  Tooling tooling;
  Sampling sampling;
  OutputForm output;
  std::optional<uint32_t> logprobs;  // alternatives per token
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_token_ids;
  uint32_t n = 1;
  bool drop_oldest = false;  // of the turns of a conversation that is too long
  std::vector<Warning> warnings;
};

// `vocabulary`: how many tokens the model has, for the ids in the request.
TextRequest parse_text_request(std::string_view json, int32_t vocabulary);

}  // namespace infer::llama

#endif  // INFER_ENGINES_LLAMA_REQUEST_H_
