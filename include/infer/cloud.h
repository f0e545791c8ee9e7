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
//
// A key from the environment goes only to the address from the environment or the provider's own: a
// base_url that is given in an ApiConfig needs its key there too, or none.
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

// Bounds of what a server may make this process hold; beyond them kTooLarge. Bytes.
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

// How to reach a provider. Everything may stay unset.
struct ApiConfig {
  Secret key{};
  // Where the API is: "https://api.openai.com/v1". http and https only.
  std::string base_url{};
  std::string organization{};  // OpenAI: which organisation is billed
  std::string project{};       // OpenAI: which project
  std::string api_version{};   // Anthropic: the anthropic-version header
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

// What the provider behind this scheme ("openai", "anthropic") offers to this key, in its order.
// Waits. Errors as of any call; kUnsupported for a scheme that has no such list.
INFER_API Result<std::vector<ListedModel>> list_models(std::string_view scheme,
                                                       const ApiConfig& config,
                                                       const Call& call = {});

}  // namespace v0
}  // namespace infer

#endif  // INFER_CLOUD_H_
