#include <utility>

#include "src/cloud/anthropic/anthropic.h"
#include "src/cloud/backend.h"

namespace infer::cloud {
namespace {

// The version of the API that this wire is written against.
constexpr const char* kAnthropicVersion = "2023-06-01";

const Provider& anthropic_provider() {
  static const Provider* const provider =
      new Provider{.scheme = kAnthropic,
                   .base_url = "https://api.anthropic.com",
                   .base_url_variables = {"ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"},
                   .key_variable = "ANTHROPIC_API_KEY",
                   .key_header = "x-api-key"};
  return *provider;
}

class AnthropicWire final : public Wire {
 public:
  explicit AnthropicWire(AnthropicModel model) : model_(std::move(model)) {}

  Result<Outgoing> write(const Request& request, const Call& call) const override {
    if (auto* text = std::get_if<TextRequest>(&request))
      return write_anthropic(model_, *text, call);
    if (auto* count = std::get_if<CountRequest>(&request))
      return write_anthropic_count(model_, count->request);
    return Error(Errc::kUnsupported,
                 "this provider answers text requests and counts tokens; it makes no pictures, "
                 "embeddings or rankings")
        .with_provider(std::string(kAnthropic));
  }
  Complaint complaint(std::string_view body) const override { return anthropic_complaint(body); }

 private:
  AnthropicModel model_;
};

}  // namespace

std::shared_ptr<const Wire> anthropic_wire(AnthropicModel model) {
  return std::make_shared<AnthropicWire>(std::move(model));
}

AnthropicModel anthropic_model(std::string_view name, const Endpoint& endpoint,
                               const ApiConfig& config) {
  return {.name = std::string(name),
          .issuer = endpoint.issuer,
          .answer_bytes = config.limits.answer_bytes};
}

Result<Endpoint> anthropic_endpoint(const ApiConfig& config) {
  std::string version = config.api_version;
  if (version.empty()) version = environment("ANTHROPIC_API_VERSION");
  if (version.empty()) version = kAnthropicVersion;
  if (auto error = check_header_value("api_version", version))
    return std::move(*error).with_provider(std::string(kAnthropic));
  auto endpoint = endpoint_of(anthropic_provider(), config, {{"anthropic-version", version}});
  if (!endpoint) return endpoint;
  // "https://host" and "https://host/v1" are both in use; the paths of this room are below /v1.
  if (!endpoint->base_url.ends_with("/v1")) endpoint->base_url += "/v1";
  endpoint->custom = endpoint->base_url != std::string(anthropic_provider().base_url) + "/v1";
  if (!endpoint->custom) endpoint->issuer = kAnthropic;
  return endpoint;
}

Result<std::shared_ptr<const Backend>> open_anthropic(std::string_view model,
                                                      const ApiConfig& config) {
  if (model.empty())
    return Error(Errc::kInvalidRequest, "no model is named: anthropic:MODEL")
        .with_provider(std::string(kAnthropic));
  auto endpoint = anthropic_endpoint(config);
  if (!endpoint) return std::move(endpoint.error());
  ModelInfo info{.provider = std::string(kAnthropic), .name = std::string(model)};
  info.grammar = Known::kNo;
  info.logprobs = Known::kNo;
  if (!endpoint->custom) info.tools = info.vision = Known::kYes;
  auto wire = anthropic_wire(anthropic_model(model, *endpoint, config));
  return make_backend(std::move(wire), std::move(*endpoint), std::move(info));
}

}  // namespace infer::cloud
