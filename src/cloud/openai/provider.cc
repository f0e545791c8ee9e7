#include <tuple>
#include <utility>
#include <vector>

#include "src/cloud/batch.h"
#include "src/cloud/openai/openai.h"

namespace infer::cloud {
namespace {

// Those whose servers speak OpenAI's API, and how: at their own address, and at another one, where
// OpenAI's scheme stands for whatever does as OpenAI does, and all others for themselves.
struct Speaker {
  Provider provider{};
  const Dialect* own = nullptr;
  const Dialect* elsewhere = nullptr;
  // Where the API is at an address without a path: Groq's own clients are given such.
  std::string_view path{};
};

const std::vector<Speaker>& speakers() {
  static const std::vector<Speaker>* const all = new std::vector<Speaker>{
      {.provider = {.scheme = kOpenAi,
                    .base_url = "https://api.openai.com/v1",
                    .base_url_variables = {"OPENAI_BASE_URL", "OPENAI_API_BASE"},
                    .key_variable = "OPENAI_API_KEY",
                    .key_header = "authorization"},
       .own = &kOwnDialect,
       .elsewhere = &kCompatibleDialect},
      {.provider = {.scheme = kGroq,
                    .base_url = "https://api.groq.com/openai/v1",
                    .base_url_variables = {"GROQ_BASE_URL"},
                    .key_variable = "GROQ_API_KEY",
                    .key_header = "authorization"},
       .own = &kGroqDialect,
       .elsewhere = &kGroqDialect,
       .path = "/openai/v1"},
  };
  return *all;
}

const Speaker& speaker_of(std::string_view scheme) {
  for (const Speaker& speaker : speakers())
    if (speaker.provider.scheme == scheme) return speaker;
  return speakers().front();
}

// Which organisation and which project are billed.
Result<std::vector<http::Header>> openai_headers(const ApiConfig& config) {
  std::string organization = config.organization;
  // As with the key: what the environment says is for the address that it says.
  if (organization.empty() && config.base_url.empty())
    organization = environment("OPENAI_ORGANIZATION");
  std::vector<http::Header> headers;
  for (const auto& [field, name, value] :
       {std::tuple("organization", "OpenAI-Organization", std::string_view(organization)),
        std::tuple("project", "OpenAI-Project", std::string_view(config.project))}) {
    if (value.empty()) continue;
    if (auto error = check_header_value(field, value))
      return std::move(*error).with_provider(std::string(kOpenAi));
    headers.push_back({name, std::string(value)});
  }
  return headers;
}

Result<std::shared_ptr<const Backend>> open_speaker(std::string_view scheme, std::string_view model,
                                                    const ApiConfig& config) {
  if (model.empty())
    return Error(Errc::kInvalidRequest, "no model is named: " + std::string(scheme) + ":MODEL")
        .with_provider(std::string(scheme));
  auto endpoint = openai_endpoint(config, scheme);
  if (!endpoint) return std::move(endpoint.error());
  ModelInfo info{.provider = std::string(scheme), .name = std::string(model)};
  info.grammar = Known::kNo;
  const Dialect& dialect = openai_dialect(*endpoint);
  auto wire = openai_wire(server_model(model, *endpoint, config, dialect));
  return batched(make_backend(std::move(wire), std::move(*endpoint), std::move(info)),
                 {.inputs = dialect.batch_inputs, .bytes = dialect.batch_bytes});
}

class OpenAiWire final : public Wire {
 public:
  explicit OpenAiWire(ServerModel model) : model_(std::move(model)) {}

  Result<Outgoing> write(const Request& request, const Call& call) const override {
    if (auto* text = std::get_if<TextRequest>(&request))
      return choose_text_api(model_, *text) == TextApi::kResponses
                 ? write_openai_responses(model_, *text, call)
                 : write_openai_chat(model_, *text, call);
    if (model_.dialect->text_only)
      return Error(Errc::kUnsupported, "this provider answers text requests only");
    if (auto* image = std::get_if<ImageRequest>(&request))
      return write_openai_image(model_, *image, call);
    if (auto* embedding = std::get_if<EmbeddingRequest>(&request))
      return write_openai_embedding(model_, *embedding);
    return Error(Errc::kUnsupported,
                 "this provider answers text, picture and embedding requests; it ranks nothing and "
                 "counts no tokens");
  }
  Complaint complaint(std::string_view body) const override { return openai_complaint(body); }

 private:
  ServerModel model_;
};

}  // namespace

std::shared_ptr<const Wire> openai_wire(ServerModel model) {
  return std::make_shared<OpenAiWire>(std::move(model));
}

ServerModel server_model(std::string_view name, const Endpoint& endpoint, const ApiConfig& config,
                         const Dialect& dialect) {
  return {.name = std::string(name),
          .provider = endpoint.provider,
          .issuer = endpoint.issuer,
          .responses_issuer = endpoint.issuer + "/responses",
          .text_api = config.text_api,
          .dialect = &dialect};
}

Result<Endpoint> openai_endpoint(const ApiConfig& config, std::string_view scheme) {
  std::vector<http::Header> headers;
  if (scheme == kOpenAi) {
    auto own = openai_headers(config);
    if (!own) return std::move(own.error());
    headers = std::move(*own);
  }
  const Speaker& speaker = speaker_of(scheme);
  auto endpoint = endpoint_of(speaker.provider, config, std::move(headers));
  if (!endpoint || endpoint->base_url != endpoint->origin) return endpoint;
  endpoint->base_url += speaker.path;
  endpoint->custom = endpoint->base_url != speaker.provider.base_url;
  if (!endpoint->custom) endpoint->issuer = endpoint->provider;
  return endpoint;
}

const Dialect& openai_dialect(const Endpoint& endpoint) {
  const Speaker& speaker = speaker_of(endpoint.provider);
  return endpoint.custom ? *speaker.elsewhere : *speaker.own;
}

Result<std::shared_ptr<const Backend>> open_openai(std::string_view model,
                                                   const ApiConfig& config) {
  return open_speaker(kOpenAi, model, config);
}

Result<std::shared_ptr<const Backend>> open_groq(std::string_view model, const ApiConfig& config) {
  return open_speaker(kGroq, model, config);
}

}  // namespace infer::cloud
