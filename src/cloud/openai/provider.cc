#include <tuple>
#include <utility>

#include "src/cloud/openai/openai.h"

namespace infer::cloud {
namespace {

const Provider& openai_provider() {
  static const Provider* const provider =
      new Provider{.scheme = kOpenAi,
                   .base_url = "https://api.openai.com/v1",
                   .base_url_variables = {"OPENAI_BASE_URL", "OPENAI_API_BASE"},
                   .key_variable = "OPENAI_API_KEY",
                   .key_header = "authorization"};
  return *provider;
}

class OpenAiWire final : public Wire {
 public:
  OpenAiWire(std::string_view model, const Dialect& dialect) : model_(model), dialect_(dialect) {}

  Result<Outgoing> write(const Request& request, const Call& call) const override {
    if (auto* text = std::get_if<TextRequest>(&request))
      return write_openai_chat(model_, dialect_, *text, call);
    return Error(Errc::kUnsupported,
                 "this provider answers text requests; embeddings, pictures, rankings and counts "
                 "are not among what it is asked for here")
        .with_provider(std::string(kOpenAi));
  }
  Complaint complaint(std::string_view body) const override { return openai_complaint(body); }

 private:
  std::string model_;
  const Dialect& dialect_;
};

}  // namespace

std::shared_ptr<const Wire> openai_wire(std::string_view model, const Dialect& dialect) {
  return std::make_shared<OpenAiWire>(model, dialect);
}

Result<Endpoint> openai_endpoint(const ApiConfig& config) {
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
  return endpoint_of(openai_provider(), config, std::move(headers));
}

const Dialect& openai_dialect(const Endpoint& endpoint) {
  return endpoint.custom ? kCompatibleDialect : kOwnDialect;
}

Result<std::shared_ptr<const Backend>> open_openai(std::string_view model,
                                                   const ApiConfig& config) {
  if (model.empty())
    return Error(Errc::kInvalidRequest, "no model is named: openai:MODEL")
        .with_provider(std::string(kOpenAi));
  auto endpoint = openai_endpoint(config);
  if (!endpoint) return std::move(endpoint.error());
  ModelInfo info{.provider = std::string(kOpenAi), .name = std::string(model)};
  info.grammar = Known::kNo;
  const Dialect& dialect = openai_dialect(*endpoint);
  return make_backend(openai_wire(model, dialect), std::move(*endpoint), std::move(info));
}

}  // namespace infer::cloud
