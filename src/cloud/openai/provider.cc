#include <algorithm>
#include <utility>

#include "src/cloud/openai/openai.h"
#include "src/core/json.h"

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

// A code is text at OpenAI, a number elsewhere.
std::string text_of(const core::Json& object, std::string_view key) {
  const core::Json* value = core::find(object, key);
  if (!value || value->is_null()) return {};
  if (value->is_string()) return value->get<std::string>();
  return value->is_primitive() ? core::dump_json(*value) : std::string();
}

Complaint complaint_in(const core::Json& object) {
  Complaint complaint;
  complaint.type = text_of(object, "type");
  complaint.code = text_of(object, "code");
  complaint.message = text_of(object, "message");
  complaint.param = text_of(object, "param");
  return complaint;
}

void add_header(ApiConfig& config, std::string_view name, std::string value) {
  if (value.empty()) return;
  const auto same = [&](const auto& header) {
    return std::equal(header.first.begin(), header.first.end(), name.begin(), name.end(),
                      [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
  };
  if (std::any_of(config.headers.begin(), config.headers.end(), same)) return;
  config.headers.insert(config.headers.begin(), {std::string(name), Secret(std::move(value))});
}

}  // namespace

Complaint openai_complaint(std::string_view body) {
  const auto json = core::parse_json(body);
  if (!json) return {};
  // Some servers wrap the answer in an array of one.
  const core::Json& top = json->is_array() && json->size() == 1 ? json->front() : *json;
  const core::Json* error = core::find(top, "error");
  if (error && error->is_object()) return complaint_in(*error);
  Complaint complaint = complaint_in(top);
  if (error && error->is_string()) complaint.message = error->get<std::string>();
  // FastAPI's way, which some servers leave as it is.
  if (complaint.message.empty()) complaint.message = text_of(top, "detail");
  return complaint;
}

std::shared_ptr<const Wire> openai_wire(std::string_view model, const Dialect& dialect) {
  return std::make_shared<OpenAiWire>(model, dialect);
}

Result<Endpoint> openai_endpoint(const ApiConfig& config) {
  ApiConfig complete = config;
  add_header(complete, "openai-project", config.project);
  add_header(complete, "openai-organization",
             config.organization.empty() ? environment("OPENAI_ORGANIZATION")
                                         : config.organization);
  return endpoint_of(openai_provider(), complete);
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
