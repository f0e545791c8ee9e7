// A backend behind a wire: one model of one provider.
#ifndef INFER_SRC_CLOUD_BACKEND_H_
#define INFER_SRC_CLOUD_BACKEND_H_

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "infer/cloud.h"
#include "infer/registry.h"
#include "src/cloud/wire.h"

namespace infer::cloud {

// The ApiConfig with everything decided: what the environment and the provider add.
struct Endpoint {
  std::string provider{};  // the scheme
  std::string base_url{};  // without a trailing '/'
  std::string origin{};    // "https://api.openai.com"
  bool custom = false;     // not the provider's own address: be lenient, promise less
  // Who the parts of its answers are from (Part::issuer): the provider; of a server at another
  // address "openai@https://api.x.ai". A wire adds to it where the provider has several.
  std::string issuer{};
  std::vector<Secret> secrets{};        // taken out of whatever an answer repeats
  std::vector<http::Header> headers{};  // keys among them
  Timeouts timeouts{};
  std::shared_ptr<const http::Options> options{};
  std::shared_ptr<const http::Transport> transport{};
};

// How a provider is reached, as data.
struct Provider {
  std::string_view scheme{};
  std::string_view base_url{};
  std::vector<std::string_view> base_url_variables{};  // the first that is set
  std::string_view key_variable{};
  std::string_view key_header{};  // "authorization" (as a bearer), "x-api-key"
};

// What every request carries besides its own headers is put together here. kInvalidRequest for an
// address that is none, for header values with CR, LF or NUL; kUnauthorized where a key is needed
// and none is given (a server of one's own needs none); kForbidden for a key over plain http.
// `headers`: the provider's own besides, none of them secret; those of the config win.
Result<Endpoint> endpoint_of(const Provider& provider, const ApiConfig& config,
                             std::vector<http::Header> headers = {});
// A header value with a line break would smuggle in a header of its own: kInvalidRequest, naming
// the field.
std::optional<Error> check_header_value(const std::string& field, std::string_view value);
// The environment variable's value; empty: not set.
std::string environment(std::string_view name);

// The backend of `model` behind the wire. `info` needs name and abilities only.
std::shared_ptr<const Backend> make_backend(std::shared_ptr<const Wire> wire, Endpoint endpoint,
                                            ModelInfo info);

// One GET below the endpoint, waited for: the body of a 2xx answer, or the error.
Result<std::string> get(const Endpoint& endpoint, const Wire& wire, const std::string& path,
                        const Call& call);

// ---- the providers (a provider.cc each)

Result<std::shared_ptr<const Backend>> open_openai(std::string_view model, const ApiConfig& config);
Result<std::shared_ptr<const Backend>> open_anthropic(std::string_view model,
                                                      const ApiConfig& config);
Result<std::shared_ptr<const Backend>> open_groq(std::string_view model, const ApiConfig& config);
Result<std::vector<ListedModel>> list_openai(const ApiConfig& config, const Call& call);
Result<std::vector<ListedModel>> list_groq(const ApiConfig& config, const Call& call);
Result<std::vector<ListedModel>> list_anthropic(const ApiConfig& config, const Call& call);
Result<std::shared_ptr<const Backend>> open_modal(std::string_view id, const ApiConfig& config);
Result<std::vector<ListedModel>> list_modal(const ApiConfig& config, const Call& call);
// `id` without its scheme. Waits.
Result<void> warm_up_modal(std::string_view id, const ApiConfig& config, const Call& call);

// Puts the schemes of all providers into the registry.
void add_providers(Registry& registry);

}  // namespace infer::cloud

#endif  // INFER_SRC_CLOUD_BACKEND_H_
