// infer/cloud.h - how a provider is reached: keys, addresses, proxies, limits.
//
//   auto model = infer::text("openai:gpt-5");  // key from OPENAI_API_KEY
//   infer::ApiConfig here{.base_url = "http://localhost:8000/v1"};
//   auto local = infer::text("openai:qwen3", here);
//
// Any server that speaks OpenAI's chat completions (vLLM, llama-server, Ollama, LM Studio,
// OpenRouter, ...) is "openai:MODEL" with a base_url. What a field leaves unset comes from the
// provider's environment variables, then from the provider's own values:
//
//   scheme      key                 base_url                                other
//   openai      OPENAI_API_KEY      OPENAI_BASE_URL, OPENAI_API_BASE        OPENAI_ORGANIZATION
//   anthropic   ANTHROPIC_API_KEY   ANTHROPIC_BASE_URL, ANTHROPIC_API_BASE  ANTHROPIC_API_VERSION
//   groq        GROQ_API_KEY        GROQ_BASE_URL                           -
//   modal       MODAL_API_KEY       MODAL_BASE_URL                          MODAL_PROXY_TOKEN_ID
//                                                                     and MODAL_PROXY_TOKEN_SECRET
//
// "modal" is an app that you have deployed (docs/guides/modal.md). Its id says where it is:
//
//   modal:WORKSPACE/APP/FUNCTION          https://WORKSPACE--APP-FUNCTION.modal.run/v1; WORKSPACE
//                                         is WORKSPACE-SUFFIX for an environment that has one
//   modal:https://ADDRESS                 what `modal deploy` shows, or a domain of your own
//   ...#MODEL                             of several that it serves; default: the one that it has
//   modal:MODEL                           where the base_url is given
//
// An app's address without a path gets the /v1 of OpenAI's API; one with a path is taken as it is.
// Apps may be public: no key is needed then.
//
// GROQ_BASE_URL may leave out "/openai/v1", as it does for Groq's own clients.
//
// A key from the environment goes only to the address from the environment or the provider's own
// (Modal's: https and below modal.run): a base_url that is given in an ApiConfig needs its key
// there too, or none.
//
// Proxies come from https_proxy, http_proxy, all_proxy and no_proxy, unless ApiConfig names one; a
// server on this machine that is reached over plain http needs none, and those are not looked at.
//
// Certificates are always checked, redirects are followed within the server's own origin only, and
// a key is never sent over plain http except to this machine.
//
// Thread rule: plain values.
#ifndef INFER_CLOUD_H_
#define INFER_CLOUD_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "infer/call.h"
#include "infer/result.h"

namespace infer {
inline namespace v0 {

// A key, a token: text that is never printed. There is no way to its bytes but reveal(); errors,
// logs, traces and cassettes never hold it. The bytes are overwritten when it goes.
class INFER_API Secret {
 public:
  Secret() noexcept = default;
  Secret(std::string value) noexcept : value_(std::move(value)) {}
  Secret(const char* value) : value_(value ? value : "") {}
  Secret(const Secret&) = default;
  Secret(Secret&& other) noexcept;
  Secret& operator=(const Secret& other);
  Secret& operator=(Secret&& other) noexcept;
  ~Secret();

  bool empty() const noexcept { return value_.empty(); }
  // For the one line of code that sends it.
  const std::string& reveal() const noexcept { return value_; }
  friend bool operator==(const Secret& a, const Secret& b) noexcept { return a.value_ == b.value_; }

 private:
  void wipe() noexcept;
  std::string value_;
};
// "[secret]", or "[no secret]" for an empty one.
INFER_API std::ostream& operator<<(std::ostream& out, const Secret& secret);

// Bounds of what a server may make this process hold; beyond them kTooLarge. Bytes. Where a
// picture is asked for, those that are left at their default are raised: an event to 64 MiB, an
// answer to 64 MiB for each picture, at most 16 times that.
struct ApiLimits {
  std::size_t header_bytes = std::size_t{256} << 10;  // all headers of an answer
  std::size_t event_bytes = std::size_t{16} << 20;    // one line or one event of a stream
  std::size_t body_bytes = std::size_t{64} << 20;     // an answer in one piece
  std::size_t answer_bytes = std::size_t{64} << 20;   // text and arguments of a streamed answer
};

// Traffic kept in a file, as bytes with the boundaries of the pieces in which they came: for tests
// that need no network. Keys are taken out before anything is written. docs/formats/cassette.md.
struct Cassette {
  enum class Mode : std::uint8_t {
    kReplay,  // answer from the file; a request that is not in it is kNotFound
    kRecord,  // ask the server and append to the file
  };
  std::string path{};
  Mode mode = Mode::kReplay;
};

// Which of OpenAI's two text APIs is spoken, where a server has both.
enum class TextApi : std::uint8_t {
  // Chat completions, which everybody speaks; at OpenAI's own address Responses, where a request
  // needs them: previous_response_id, the provider's own tools, reasoning summaries, items that an
  // answer over Responses held, a PDF by address, a picture by file id or in a tool's result,
  // Truncation::kDropOldest.
  kAuto,
  kChat,
  kResponses,
};

// A web function that speaks JSON of its own: how a request is written and an answer is read.
//
//   infer::JsonFunction mine{
//       .request = R"({"text":"{{prompt}}","limit":"{{max_tokens}}"})",
//       .text = "/output/0/text",
//   };
//
// In `request` a string that is {{NAME}} alone becomes that value, in its own type; a member or an
// element whose value the request does not set is left out. Inside of a longer string the value
// stands as text. Of a text request: prompt (the text of the last user message), system (of the
// system messages), messages (as OpenAI's chat has them), model, max_tokens, temperature, top_p,
// seed, stop, image (base64 of the first picture of the last message). Of an image request: prompt,
// negative_prompt, width, height, n, seed, steps, guidance, model. Of embeddings: inputs,
// dimensions, model. Any other name is kInvalidRequest when the model is opened.
// What a request sets and the template does not name follows the rules of request.h: a promise is
// kUnsupported, quality a warning. kUnsupported are also a conversation of more than one question,
// or with answers in it, where there is no {{messages}}, and a picture where there is no {{image}}.
//
// Answers are read by JSON Pointers (RFC 6901); an empty one is the whole answer. Where one of
// text, image and vectors is given, the function is for that alone. An answer that is text of
// another kind than JSON, or a picture, is taken as it is. What cannot be found is kProtocol,
// quoting the pointer. Answers come in one piece. A TextRequest::extra for "modal" is merged into
// the object.
struct JsonFunction {
  std::string path{};           // after the base_url, which gets no /v1; default: none
  std::string request{};        // JSON
  std::string text{};           // the answer's text
  std::string image{};          // a picture in base64 or as a data: URL, or a list of them
  std::string vectors{};        // a list of rows of numbers; of one input the row alone will do
  std::string input_tokens{};   // for Usage, where the answer has it
  std::string output_tokens{};  // for Usage, where the answer has it
  std::string health{};         // path for warmup(); default: any answer to a GET of the base_url
};

// How to reach a provider. Everything may stay unset.
struct ApiConfig {
  Secret key{};
  // Where the API is: "https://api.openai.com/v1". http and https only.
  std::string base_url{};
  std::string organization{};  // OpenAI: which organisation is billed
  std::string project{};       // OpenAI: which project
  std::string api_version{};   // Anthropic: the anthropic-version header
  TextApi text_api = TextApi::kAuto;
  // Modal: a proxy auth token, both halves of it, sent as Modal-Key and Modal-Secret, beside `key`
  // as the bearer that the app itself may ask for.
  Secret modal_key{};
  Secret modal_secret{};
  // Modal: how long an app that is not running may take to start. Until then it is asked again,
  // after a growing wait or the server's retry-after: on 503, where nothing has run, and for what
  // may run twice (no pictures) on 502, 504 and a connection that broke. A server that cannot be
  // reached at all is an error at once.
  // When it is over the last error comes, with the detail "cold_start" and RetryHint::kNo.
  // Timeouts::first covers the start; unset it is as long as this, and at least 10 minutes.
  // Default: 20 minutes, within the Call's times; 0: asked once.
  std::optional<std::chrono::milliseconds> cold_start{};
  // Modal: a function with a JSON of its own, instead of OpenAI's API.
  std::optional<JsonFunction> function{};
  // Sent with every request, after the library's own, in place of those of the same name. A value
  // with CR, LF or NUL is kInvalidRequest.
  std::vector<std::pair<std::string, Secret>> headers{};
  // What a Call leaves unset: connect 5 s, first 600 s, idle 120 s, total none. Of each attempt,
  // where a Retry makes several.
  Timeouts timeouts{};
  // A PEM file of certificates to trust, instead of the system's.
  std::string ca_file{};
  // "http://host:port", "socks5h://..."; "none": no proxy, whatever the environment says.
  std::string proxy{};
  // Hosts that are reached without the proxy, by commas; default: no_proxy.
  std::optional<std::string> no_proxy{};
  // Do not check certificates. For tests with a server of one's own, and nothing else.
  bool insecure_tls = false;
  // Send the key over plain http to another machine. Anyone on the way can read it.
  bool allow_plain_http = false;
  ApiLimits limits{};
  std::optional<Cassette> cassette{};
};

// A model that a provider offers.
struct ListedModel {
  std::string id{};                       // what to pass to text(): "openai:gpt-5"
  std::string name{};                     // for people; empty: none given
  std::string owner{};                    // empty: not told
  std::optional<std::int64_t> created{};  // seconds since 1970
  std::string json{};                     // the provider's own entry, as it came
};

// Waits until what stands behind the id answers: of an app that scales to zero, the start of its
// containers. It is a GET: of OpenAI's /models, or of JsonFunction::health. Nothing that is billed
// by the token, but an app that runs costs what its machines cost. Errors as of any call; kTimeout
// when ApiConfig::cold_start (detail "timeout" = "cold_start"), or the Call's time, is over;
// kUnsupported for schemes whose models are always there, or are loaded when they are opened.
//
//   infer::warmup("modal:acme/llm/serve", config);
INFER_API Result<void> warmup(std::string_view id, const ApiConfig& config, const Call& call = {});

// What the provider behind this scheme ("openai", "anthropic", "groq", "modal") offers to this key,
// in its order.
// Waits. Errors as of any call; kUnsupported for a scheme that has no such list.
INFER_API Result<std::vector<ListedModel>> list_models(std::string_view scheme,
                                                       const ApiConfig& config,
                                                       const Call& call = {});

}  // namespace v0
}  // namespace infer

#endif  // INFER_CLOUD_H_
