// How servers that speak OpenAI's chat completions differ, as data.
#ifndef INFER_SRC_CLOUD_OPENAI_DIALECT_H_
#define INFER_SRC_CLOUD_OPENAI_DIALECT_H_

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "src/cloud/media_limits.h"
#include "src/cloud/rate_limits.h"
#include "src/cloud/schema.h"

namespace infer::cloud {

inline constexpr std::string_view kOpenAi = "openai";  // the scheme, and the issuer of parts
inline constexpr std::string_view kGroq = "groq";

struct Dialect {
  bool text_only = false;  // has neither pictures nor embeddings
  // ---- requests
  std::string_view max_tokens{};      // the field that limits the answer
  std::string_view developer_role{};  // what Role::kDeveloper is called
  // What ReasoningOptions::Effort is called, in its order.
  std::array<std::string_view, 7> efforts{};
  std::string_view user{};   // the field for TextRequest::user
  std::size_t max_stop = 0;  // stop sequences; 0: not known
  std::uint32_t max_top_logprobs = 0;
  // The service tiers that it knows; another name is another provider's and is not sent. Empty: all
  // are sent.
  std::array<std::string_view, 4> service_tiers{};
  // The value of reasoning_format that is sent where the default would be refused: where a model
  // thinks, and answers in JSON or with tools.
  std::string_view reasoning_format{};
  bool responses = false;            // has Responses: requests that need them go there
  bool several = true;               // takes n
  bool logprobs = true;              // takes logprobs and top_logprobs
  bool logit_bias = true;            // takes it
  bool names = true;                 // takes those of participants, in messages
  bool store = false;                // keeps chat completions, where it is asked to
  bool cache_control = false;        // takes prompt_cache_retention, _options and _breakpoint
  bool obfuscation_off = false;      // knows stream_options.include_obfuscation
  bool labels = false;               // takes metadata and prompt_cache_key
  bool local_sampling = false;       // takes the knobs that llama.cpp and vLLM have
  bool integer_bias = false;         // logit_bias holds whole numbers
  bool reasoning_goes_back = false;  // messages have a field for it
  bool files = false;                // takes "file" parts
  bool sounds = false;               // takes "input_audio" parts
  const MediaLimits* media = &kNoMediaLimits;
  const SchemaDialect* schema = nullptr;  // what a strict schema is fitted to; null: goes as it is
  // ---- pictures
  // response_format, which asks for bytes instead of an address: the models that draw at OpenAI's
  // own address refuse it.
  bool asks_for_bytes = false;
  bool alpha_masks = false;        // masks are PNGs, transparent where they are painted
  bool usual_formats = false;      // "png", "jpeg" and "webp" and no other
  std::uint32_t max_previews = 0;  // 0: not known
  std::size_t max_edited = 0;      // pictures to start from; 0: not known
  std::size_t max_edited_bytes = 0;
  // ---- embeddings
  bool base64_vectors = false;
  std::size_t batch_inputs = 0;  // texts in one request; 0: not known
  std::size_t batch_bytes = 0;   // of all texts in one request
  // ---- answers
  bool done_proves = false;  // [DONE] proves the answer whole without a finish_reason
  RateWindows windows{};     // of its rate limits
};

// Source: OpenAI's OpenAPI document 2.3.0, CreateChatCompletionRequest.
inline constexpr Dialect kOwnDialect{
    .max_tokens = "max_completion_tokens",
    .developer_role = "developer",
    .efforts = {"", "none", "minimal", "low", "medium", "high", "max"},
    .user = "safety_identifier",
    .max_stop = 4,
    .max_top_logprobs = 20,
    .responses = true,
    .store = true,
    .cache_control = true,
    .obfuscation_off = true,
    .labels = true,
    .integer_bias = true,
    .files = true,
    .sounds = true,
    .media = &kOpenAiMedia,
    .schema = &kOpenAiSchema,
    .alpha_masks = true,
    .usual_formats = true,
    .max_previews = 3,
    .max_edited = 16,
    .max_edited_bytes = std::size_t{50} * 1000 * 1000,
    .base64_vectors = true,
    // 300,000 tokens, and no token is less than a byte.
    .batch_inputs = 2048,
    .batch_bytes = 300'000,
};

// vLLM, llama-server, Ollama, LM Studio, OpenRouter, ...: what most of them take. A label that a
// strict server might refuse is not sent; a setting is, since only the server knows.
inline constexpr Dialect kCompatibleDialect{
    .max_tokens = "max_tokens",
    .developer_role = "system",
    .efforts = {"", "none", "minimal", "low", "medium", "high", "high"},
    .user = "user",
    .local_sampling = true,
    .reasoning_goes_back = true,
    .files = true,
    .sounds = true,
    .asks_for_bytes = true,
    // So that numbers as text stay below ApiLimits::body_bytes, also of rows of 8192.
    .batch_inputs = 256,
    .done_proves = true,
};

// Sources: console.groq.com/docs: openai (what is refused), errors, rate-limits, reasoning; the
// types of groq-python.
inline constexpr Dialect kGroqDialect{
    .text_only = true,
    .max_tokens = "max_completion_tokens",
    .developer_role = "system",
    .efforts = {"", "none", "low", "low", "medium", "high", "high"},
    .user = "user",
    .max_stop = 4,
    .service_tiers = {"auto", "on_demand", "flex", "performance"},
    .reasoning_format = "parsed",
    .several = false,
    .logprobs = false,
    .logit_bias = false,
    .names = false,
    .reasoning_goes_back = true,
    .media = &kGroqMedia,
    .schema = &kGroqSchema,
    .windows = {.requests = std::chrono::hours(24), .tokens = std::chrono::minutes(1)},
};

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_OPENAI_DIALECT_H_
