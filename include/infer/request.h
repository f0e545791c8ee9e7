// infer/request.h - what is asked: text, pictures, embeddings, a ranking, a token count.
//
// Every field is optional but the first; what is unset is not sent, so a provider's own default
// applies. Two rules say what happens to a field that a backend cannot honour:
//   - [quality] fields shape how good the answer is: the reply carries a typed warning
//     ("unsupported_setting") and goes on without it;
//   - [promise] fields promise a property of the answer or of the bill: the request fails with
//     kUnsupported before anything is sent;
//   - [host] fields are labels: a backend without a use for them ignores them.
//
//   infer::TextRequest request{.messages = {infer::user("Name three colours.")}};
//   request.temperature = 0.2;
//   request.max_tokens = 100;
//   auto reply = model.stream(request);
//
// All strings are UTF-8, all numbers finite; both are checked before anything is sent. The request
// as JSON, which plugins, caches and recordings use: docs/formats/request.md.
// Thread rule: plain values. A running reply shares its request and never changes it.
#ifndef INFER_REQUEST_H_
#define INFER_REQUEST_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "infer/message.h"

namespace infer {
inline namespace v0 {

// A function that the model may ask for.
struct Tool {
  std::string name{};            // letters, digits, '_' and '-'
  std::string description{};     // for the model
  std::string schema{};          // JSON Schema of the arguments; empty: no arguments
  std::optional<bool> strict{};  // [quality] arguments must fit the schema, where a provider can
  // Instead of all the above: the provider's own JSON for a built-in tool, sent as it is.
  std::string provider_json{};
};

// Whether the model must, may or must not use a tool. [promise] unless kAuto.
struct ToolChoice {
  enum class Mode : std::uint8_t { kAuto, kNone, kRequired, kNamed };
  Mode mode = Mode::kAuto;
  std::string name{};  // kNamed: this tool
};

// The form of the answer. [promise] unless kText.
struct Output {
  enum class Form : std::uint8_t { kText, kJsonObject, kJsonSchema, kGrammar };
  Form form = Form::kText;
  std::string name{};    // kJsonSchema: a name for the provider; default "answer"
  std::string schema{};  // kJsonSchema: JSON Schema as text
  // kJsonSchema: the provider holds the model to the schema while it writes. For that the schema is
  // fitted to what the provider takes, without letting in more: what may be left out is always
  // there, objects have no other members; what it cannot be told is left to `check`. A schema that
  // cannot be fitted is kUnsupported, naming the place. False: the schema goes out as it is, and
  // the provider does what it can.
  bool strict = true;
  // kJsonObject, kJsonSchema: when an answer is whole, it is held against the schema as given here;
  // kInvalidOutput, with the answer as partial() and the details "pointer" (where in the answer)
  // and "rule", if it does not fit. Answers that were cut (Finish::kLength), refused, or ask for
  // tools are not looked at. structured.h has the same check as a function.
  bool check = true;
  std::string grammar{};  // kGrammar: GBNF, local engines only
};

// How much the model should think. [quality]
struct ReasoningOptions {
  enum class Effort : std::uint8_t { kUnset, kNone, kMinimal, kLow, kMedium, kHigh, kMax };
  Effort effort = Effort::kUnset;
  std::optional<std::int64_t> budget_tokens{};  // Anthropic and local: at most this much thinking
  std::string summary{};  // OpenAI: "auto", "concise", "detailed"; empty: none
};

// The less common knobs of sampling; each [quality], each as llama.cpp defines it.
struct Sampling {
  std::optional<std::int32_t> top_k{};          // keep the k likeliest tokens; 0: all
  std::optional<double> min_p{};                // 0..1, relative to the likeliest token
  std::optional<double> typical_p{};            // 0..1
  std::optional<double> top_n_sigma{};          // standard deviations
  std::optional<double> repeat_penalty{};       // 1: none
  std::optional<std::int32_t> repeat_last_n{};  // tokens looked at; -1: the whole context
  std::optional<double> presence_penalty{};     // -2..2
  std::optional<double> frequency_penalty{};    // -2..2
  std::optional<std::int32_t> mirostat{};       // 0 off, 1, 2
  std::optional<double> mirostat_tau{};
  std::optional<double> mirostat_eta{};
  std::optional<double> xtc_probability{};  // 0..1
  std::optional<double> xtc_threshold{};    // 0..1
  std::optional<double> dry_multiplier{};   // 0: off
  std::optional<double> dry_base{};
  std::optional<std::int32_t> dry_allowed_length{};
  std::optional<std::int32_t> dry_last_n{};
  std::optional<double> dynatemp_range{};
  std::optional<double> dynatemp_exponent{};
};

// Log-probabilities of the tokens that were chosen, and of the likeliest alternatives. [promise]
struct Logprobs {
  std::uint32_t top = 0;  // alternatives per token
};

// What to do with a prompt longer than the context.
enum class Truncation : std::uint8_t {
  kError,       // kContextOverflow, naming both sizes
  kDropOldest,  // drop the oldest turns, and say so in a warning [promise]
};

struct TextRequest {
  // The conversation, oldest first. At least one message.
  std::vector<Message> messages{};

  // ---- what the model may use
  std::vector<Tool> tools{};  // [promise]
  ToolChoice tool_choice{};
  std::optional<bool> parallel_tools{};  // more than one call in a turn; default: the provider's

  // ---- the form and length of the answer
  Output output{};
  std::optional<std::int64_t> max_tokens{};  // [promise] tokens, > 0; default: the model's limit
  std::vector<std::string> stop{};  // [promise] ends before any of these; not part of the text
  std::vector<std::int32_t> stop_token_ids{};  // [promise] local engines
  std::uint32_t n = 1;                         // [promise] how many answers (choices)
  std::optional<Logprobs> logprobs{};          // [promise]

  // ---- how tokens are chosen
  std::optional<double> temperature{};  // [quality] >= 0; 0: always the likeliest token
  std::optional<double> top_p{};        // [quality] 0 < p <= 1
  std::optional<std::uint64_t> seed{};  // [quality] same seed, same text, as far as a backend can
  Sampling sampling{};
  std::map<std::int32_t, double> logit_bias{};  // [quality] token id -> added to its logit

  // ---- thinking, context
  ReasoningOptions reasoning{};
  Truncation truncation = Truncation::kError;
  // [promise] OpenAI's Responses: the id of the answer (Response::id) that this request continues;
  // the messages hold only what is new, the provider has kept the rest.
  std::string previous_response_id{};
  // Whether the provider keeps the answer, to be continued or looked at later; default: the
  // provider's (OpenAI's Responses are kept for 30 days). [promise]
  std::optional<bool> store{};

  // ---- labels
  std::string cache_key{};  // [host] OpenAI's prompt_cache_key: requests that begin alike
  // [host] How long the provider keeps a prompt's beginning at most: OpenAI's "in_memory", "24h".
  std::string cache_retention{};
  // [host] OpenAI: only beginnings that end in a CacheHint are kept (its models since 5.6), instead
  // of whatever repeats. Anthropic always does so.
  bool cache_explicit = false;
  std::string service_tier{};                     // [host] OpenAI, Groq: "auto", "flex", "priority"
  std::string user{};                             // [host] an id of your user, for abuse reports
  std::map<std::string, std::string> metadata{};  // [host]
  // Provider -> a JSON object whose members are merged into that provider's request, last. For
  // what this library does not know yet; other providers never see it. [host]
  std::map<std::string, std::string> extra{};
};

// Weights that are added to a model's: a LoRA adapter made for it.
struct LoraAdapter {
  std::string path{};  // a file, absolute: GGUF; for pictures .safetensors too
  double scale = 1;    // how strongly, -1000 to 1000; 0: not at all
  bool operator==(const LoraAdapter&) const = default;
};

// Decodes a picture piece by piece, for less memory; where the pieces overlap they are blended.
struct VaeTiling {
  std::uint32_t tile = 32;  // pixels of the latent picture a side, 4 to 1024
  double overlap = 0.5;     // of a tile, 0 to 0.5
  bool operator==(const VaeTiling&) const = default;
};

// Leaves out steps, or parts of them, that would change little: faster, and not the same picture.
struct StepCache {
  // "easycache", "ucache" (UNet models), "dbcache", "taylorseer", "cache-dit" (transformers),
  // "spectrum".
  std::string mode{};
  std::optional<double> threshold{};  // how much change is little; default: the mode's
  std::optional<double> start{};      // 0..1 of the steps; nothing is left out before
  std::optional<double> end{};        // 0..1 of the steps; nor after
  bool operator==(const StepCache&) const = default;
};

// Paints small, enlarges, and paints over the large picture: finer detail at sizes that the model
// was not trained for.
struct HiresFix {
  // How it is enlarged: "latent", "latent-nearest", "latent-bicubic", ..., "lanczos", "nearest", or
  // "model", which is LocalConfig's upscaler.
  std::string upscaler = "latent";
  double scale = 2;                       // 1 to 8; not where width or height is set
  std::optional<std::uint32_t> width{};   // pixels of the large picture
  std::optional<std::uint32_t> height{};  // pixels
  std::optional<std::uint32_t> steps{};   // of the second painting; default: as the first
  double strength = 0.7;                  // 0 < s <= 1, how far it leaves the first
  bool operator==(const HiresFix&) const = default;
};

// What only local engines know of painting. docs/guides/images.md says which of it was proven by a
// run here.
struct Diffusion {
  std::optional<double> distilled_guidance{};  // [quality] of models that were trained with it
                                               // (Flux); 0 to 1000, default 3.5
  // [quality] Of models that change or fill pictures: how much the picture steers; default: as
  // `guidance`.
  std::optional<double> image_guidance{};
  std::optional<double> eta{};               // [quality] noise of a step, 0 to 10; default: the
                                             // sample method's
  std::optional<double> flow_shift{};        // [quality] of models that match flows
  std::optional<std::int32_t> clip_skip{};   // [quality] 1 to 12: which layer of CLIP, counted from
                                             // the last
  std::vector<double> sigmas{};              // [quality] the noise levels themselves, falling, the
                                             // last one 0; not beside `steps`
  std::vector<std::int32_t> skip_layers{};   // [quality] skip-layer guidance (SD3): which layers
  std::optional<double> skip_layer_scale{};  // [quality] default 2.5 where skip_layers is set
  // [promise] A drawing of edges, a depth map, ... for the ControlNet of LocalConfig.
  std::optional<Media> control{};
  double control_strength = 0.9;          // [promise] 0 to 10
  std::vector<Media> references{};        // [promise] pictures to look at, not to start from (Flux
                                          // Kontext, Qwen Image Edit)
  std::vector<LoraAdapter> adapters{};    // [promise] beside those of LocalConfig; at most 64
  std::optional<VaeTiling> vae_tiling{};  // [quality]
  std::optional<StepCache> step_cache{};  // [quality]
  std::optional<HiresFix> hires{};        // [promise]
  bool upscale = false;  // [promise] the picture goes through LocalConfig's upscaler, whose factor
                         // the picture's size is then multiplied by
  bool operator==(const Diffusion&) const = default;
};

// A picture from words, or from words and pictures.
struct ImageRequest {
  std::string prompt{};
  std::string negative_prompt{};          // [quality] what should not be there
  std::optional<std::uint32_t> width{};   // [promise] pixels, 1 to 65535; default: the model's
  std::optional<std::uint32_t> height{};  // [promise] pixels, 1 to 65535; default: the model's
  // [promise] How many pictures, 1 to 1000. Local engines paint one after the other, with seed,
  // seed + 1, ...
  std::uint32_t n = 1;
  std::optional<std::uint64_t> seed{};  // [quality] default: any; each picture's is in its extra
  // [promise] Start from or edit these. Local engines start from one, which is brought to the size
  // of the picture.
  std::vector<Media> images{};
  // [promise] White: to be painted anew. OpenAI has it another way: a PNG with an alpha channel,
  // transparent where it is painted; anything else is kUnsupported there.
  std::optional<Media> mask{};
  std::optional<std::uint32_t> steps{};  // [quality] local engines, 1 to 1000; default: the model's
  std::optional<double> guidance{};  // [quality] classifier-free guidance scale, 0 to 1000; 1: none
  std::optional<double> strength{};  // [quality] 0..1, how far to leave images[0]; default 0.75
  std::string sample_method{};  // [quality] local engines, by name: sampler_names() of registry.h
  std::string scheduler{};      // [quality] local engines, by name
  Diffusion diffusion{};        // local engines
  std::string quality{};        // [quality] OpenAI: "low", "medium", "high"
  std::string background{};     // [quality] OpenAI: "transparent", "opaque"
  // [promise] "png", "jpeg", "webp"; empty: the backend's, which is bare Pixels of local engines.
  std::string format{};
  // [quality] 0..100: how much of a JPEG or WebP is kept; default: the provider's, 90 locally.
  std::optional<std::uint32_t> compression{};
  // [quality] Pictures to show on the way; 0: none. OpenAI gives up to 3, and fewer if the picture
  // is done before. They need an answer that streams: generate() shows none. Local engines give at
  // most one a step, of each picture, as bare Pixels.
  std::uint32_t previews = 0;
  std::string user{};                          // [host] an id of your user, for abuse reports
  std::map<std::string, std::string> extra{};  // [host] as TextRequest::extra
};

// Vectors from texts.
struct EmbeddingRequest {
  std::vector<std::string> inputs{};           // at least one
  std::optional<std::uint32_t> dimensions{};   // [promise] shorten the vectors to this
  std::optional<bool> normalize{};             // [promise] to length 1; default: the model's way
  std::string input_type{};                    // [quality] "query", "document"
  std::string user{};                          // [host]
  std::map<std::string, std::string> extra{};  // [host] as TextRequest::extra
};

// How well each document answers a query: one score a document, from a model made for that.
struct RerankRequest {
  std::string query{};                         // not empty
  std::vector<std::string> documents{};        // at least one
  std::optional<std::uint32_t> top_n{};        // >= 1: rank only the best; default: all
  std::string user{};                          // [host]
  std::map<std::string, std::string> extra{};  // [host] as TextRequest::extra
};

// How many tokens this text request's prompt has, without running it.
struct CountRequest {
  TextRequest request{};
};

// What a Backend opens.
using Request =
    std::variant<TextRequest, ImageRequest, EmbeddingRequest, CountRequest, RerankRequest>;

}  // namespace v0
}  // namespace infer

#endif  // INFER_REQUEST_H_
