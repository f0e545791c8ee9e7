#include "apps/infer/cloud_options.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <sstream>
#include <utility>

#include "infer/registry.h"

namespace infer::cli {
namespace {

constexpr CloudProvider kProviders[] = {
    {"openai", "OPENAI_API_KEY", {"OPENAI_BASE_URL", "OPENAI_API_BASE"}, {}, "any"},
    {"anthropic", "ANTHROPIC_API_KEY", {"ANTHROPIC_BASE_URL", "ANTHROPIC_API_BASE"}, {}, "any"},
    {"groq", "GROQ_API_KEY", {"GROQ_BASE_URL"}, {}, "any"},
    {"modal",
     "MODAL_API_KEY",
     {"MODAL_BASE_URL"},
     {"MODAL_PROXY_TOKEN_ID", "MODAL_PROXY_TOKEN_SECRET"},
     "workspace/app/function"},
};

std::string variable(const char* name) {
  const char* value = name == nullptr ? nullptr : std::getenv(name);
  return value == nullptr ? std::string() : value;
}

Result<TextApi> text_api_of(const std::string& name) {
  if (name.empty() || name == "auto") return TextApi::kAuto;
  if (name == "chat") return TextApi::kChat;
  if (name == "responses") return TextApi::kResponses;
  return Error(Errc::kInvalidRequest, "--text-api: '" + name + "' is none of auto, chat, responses")
      .with_detail("field", "text-api");
}

}  // namespace

std::span<const CloudProvider> cloud_providers() { return kProviders; }

const CloudProvider* provider_of(std::string_view id) {
  const std::size_t colon = id.find(':');
  if (colon == std::string_view::npos) return nullptr;
  const auto* const found =
      std::find_if(std::begin(kProviders), std::end(kProviders),
                   [&](const CloudProvider& p) { return p.scheme == id.substr(0, colon); });
  return found == std::end(kProviders) ? nullptr : found;
}

const char* CloudOptions::given() const {
  if (base_url) return "--base-url";
  if (key_variable) return "--api-key-env";
  if (ca_file) return "--ca-file";
  if (proxy) return "--proxy";
  if (!text_api.empty()) return "--text-api";
  if (cold_start) return "--cold-start";
  if (no_retry) return "--no-retry";
  return nullptr;
}

Result<ApiConfig> api_config_of(const CloudOptions& o) {
  ApiConfig config;
  if (o.base_url) config.base_url = *o.base_url;
  if (o.ca_file) config.ca_file = *o.ca_file;
  if (o.proxy) config.proxy = *o.proxy;
  if (o.cold_start)
    config.cold_start = std::chrono::milliseconds(static_cast<std::int64_t>(*o.cold_start * 1000));
  const auto api = text_api_of(o.text_api);
  if (!api) return api.error();
  config.text_api = *api;
  if (!o.key_variable) return config;
  const char* key = std::getenv(o.key_variable->c_str());
  if (key == nullptr || *key == '\0')
    return Error(Errc::kUnauthorized,
                 "--api-key-env: no environment variable of that name is set; give the name of the "
                 "variable that holds the key, not the key")
        .with_detail("field", "api_key_env");
  config.key = Secret(key);
  return config;
}

std::string retry_text(const Error& error, std::uint32_t attempt, std::chrono::milliseconds wait,
                       std::uint32_t attempts) {
  char again[96];
  std::snprintf(again, sizeof again, "; trying again in %.1f s (%u of %u)",
                std::chrono::duration<double>(wait).count(), attempt + 1, attempts);
  std::ostringstream text;
  text << error << again;
  return text.str();
}

std::string without_credentials(std::string_view url) {
  const std::size_t scheme = url.find("://");
  const std::size_t host = scheme == std::string_view::npos ? 0 : scheme + 3;
  const std::size_t path = std::min(url.find_first_of("/?#", host), url.size());
  // The last '@' before the path: one in a password need not be escaped by everybody.
  const std::size_t at = url.substr(0, path).rfind('@');
  if (at == std::string_view::npos || at < host) return std::string(url);
  return std::string(url.substr(0, host)) + "..." + std::string(url.substr(at));
}

ProviderStatus look_at(const CloudProvider& provider) {
  ProviderStatus found{.provider = &provider, .key = !variable(provider.key_variable).empty()};
  const auto& [token, secret] = provider.token_variables;
  if (!variable(token).empty() && !variable(secret).empty()) found.key = true;
  for (const char* name : provider.url_variables) {
    if (!found.from.empty() || variable(name).empty()) continue;
    found.from = name;
    found.address = without_credentials(variable(name));
  }
  // To open a model asks nobody. Where there is no key yet, a made-up one lets all else be looked
  // at; a server of one's own needs none.
  ApiConfig config;
  if (!found.key && found.from.empty()) config.key = Secret("none");
  const auto model =
      text(std::string(provider.scheme) + ":" + (found.from.empty() ? provider.some_model : "any"),
           config);
  if (!model)
    found.problem = std::string(to_string(model.error().code())) + ": " + model.error().message();
  else if (found.address.empty())
    found.address = model->info().endpoint;
  return found;
}

}  // namespace infer::cli
