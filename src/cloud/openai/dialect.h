// How servers that speak OpenAI's chat completions differ, as data.
#ifndef INFER_SRC_CLOUD_OPENAI_DIALECT_H_
#define INFER_SRC_CLOUD_OPENAI_DIALECT_H_

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace infer::cloud {

inline constexpr std::string_view kOpenAi = "openai";  // the scheme, and the issuer of parts

struct Dialect {
  // ---- requests
  std::string_view max_tokens{};      // the field that limits the answer
  std::string_view developer_role{};  // what Role::kDeveloper is called
  std::string_view max_effort{};      // the most that reasoning_effort can be
  std::string_view user{};            // the field for TextRequest::user
  std::size_t max_stop = 0;           // stop sequences; 0: not known
  std::uint32_t max_top_logprobs = 0;
  bool obfuscation_off = false;      // knows stream_options.include_obfuscation
  bool labels = false;               // takes metadata and prompt_cache_key
  bool local_sampling = false;       // takes the knobs that llama.cpp and vLLM have
  bool integer_bias = false;         // logit_bias holds whole numbers
  bool reasoning_goes_back = false;  // messages have a field for it
  bool files = false;                // takes "file" parts
  // ---- answers
  bool done_proves = false;  // [DONE] proves the answer whole without a finish_reason
};

// Source: OpenAI's OpenAPI document 2.3.0, CreateChatCompletionRequest.
inline constexpr Dialect kOwnDialect{
    .max_tokens = "max_completion_tokens",
    .developer_role = "developer",
    .max_effort = "max",
    .user = "safety_identifier",
    .max_stop = 4,
    .max_top_logprobs = 20,
    .obfuscation_off = true,
    .labels = true,
    .integer_bias = true,
    .files = true,
};

// vLLM, llama-server, Ollama, LM Studio, OpenRouter, ...: what most of them take. A label that a
// strict server might refuse is not sent; a setting is, since only the server knows.
inline constexpr Dialect kCompatibleDialect{
    .max_tokens = "max_tokens",
    .developer_role = "system",
    .max_effort = "high",
    .user = "user",
    .local_sampling = true,
    .reasoning_goes_back = true,
    .files = true,
    .done_proves = true,
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_DIALECT_H_
