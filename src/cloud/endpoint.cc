// From an ApiConfig, the environment and what is known of a provider to where requests go.
#include <algorithm>
#include <cstdlib>
#include <utility>

#include "src/cloud/backend.h"
#include "src/core/json.h"
#include "src/http/cassette.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kConnect = std::chrono::seconds(5);
constexpr milliseconds kFirst = std::chrono::seconds(600);
constexpr milliseconds kIdle = std::chrono::seconds(120);

Error wrong(std::string field, std::string message) {
  return Error(Errc::kInvalidRequest, std::move(message)).with_detail("field", std::move(field));
}

struct Address {
  std::string base_url{};
  std::string origin{};
  std::string host{};
  bool plain = false;  // http
};

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
         std::stoi(std::string(text)) <= 65535;
}

// What is wrong with an address is said without the address where it may hold a password.
Result<Address> address_of(std::string_view url) {
  Address address;
  const std::size_t colon = url.find("://");
  const std::string scheme =
      colon == std::string_view::npos ? std::string() : http::lower_name(url.substr(0, colon));
  if (scheme != "http" && scheme != "https")
    return wrong("base_url", "base_url must begin with https:// or http://");
  address.plain = scheme == "http";
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= ' ' || c == 0x7f)
      return wrong("base_url", "base_url holds a space or a control character");
  }
  const std::string_view rest = url.substr(colon + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?#"));
  if (authority.find('@') != std::string_view::npos)
    return wrong("base_url", "base_url holds a user name or a password; keys belong in ApiConfig");
  if (rest.find_first_of("?#") != std::string_view::npos)
    return wrong("base_url", "base_url must end with its path: no '?' and no '#'");
  const std::size_t bracket = authority.find(']');  // of [::1]:8080
  const std::size_t port = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  address.host = http::lower_name(authority.substr(0, port));
  if (address.host.empty()) return wrong("base_url", "base_url names no host");
  if (port != std::string_view::npos && !is_port(authority.substr(port + 1)))
    return wrong("base_url", "base_url has a port that is not a number up to 65535");
  address.origin = scheme + "://" + http::lower_name(authority);
  address.base_url = address.origin + std::string(rest.substr(authority.size()));
  while (address.base_url.ends_with('/')) address.base_url.pop_back();
  return address;
}

// 127.0.0.0/8 as four numbers. Whatever else is made of digits and dots may be looked up as a name.
bool is_ipv4_loopback(std::string_view host) {
  int parts = 0;
  for (bool more = true; more; ++parts) {
    const std::string_view part = host.substr(0, host.find('.'));
    if (part.empty() || part.size() > 3 || part.find_first_not_of("0123456789") != part.npos)
      return false;
    const int value = std::stoi(std::string(part));
    if (value > 255 || (parts == 0 && value != 127)) return false;
    more = part.size() < host.size();
    host.remove_prefix(std::min(part.size() + 1, host.size()));
  }
  return parts == 4;
}

// Names that never leave this machine.
bool is_loopback(std::string_view host) {
  return host == "localhost" || host.ends_with(".localhost") || host == "[::1]" ||
         is_ipv4_loopback(host);
}

bool is_token(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
  });
}

void set_header(std::vector<http::Header>& headers, std::string_view name, std::string value) {
  for (http::Header& header : headers) {
    if (!http::same_name(header.name, name)) continue;
    header.value = std::move(value);
    return;
  }
  headers.push_back({std::string(name), std::move(value)});
}

struct Key {
  Secret secret{};
  std::string field = "key";  // where it came from, for messages
};

Key key_of(const Provider& provider, const ApiConfig& config) {
  if (!config.key.empty() || !config.base_url.empty()) return {config.key};
  const std::string name(provider.key_variable);
  return {Secret(environment(name)), name};
}

std::string url_of(const Provider& provider, const ApiConfig& config) {
  if (!config.base_url.empty()) return config.base_url;
  for (const std::string_view name : provider.base_url_variables)
    if (std::string url = environment(name); !url.empty()) return url;
  return std::string(provider.base_url);
}

// By its name: every value in a config is treated as a secret, but "x-title" over plain http to a
// server in the next room is not worth an error.
bool is_credential(std::string_view header) {
  const std::string name = http::lower_name(header);
  for (const std::string_view word : {"key", "token", "secret", "auth", "cookie", "pass", "pwd",
                                      "credential", "session", "signature", "jwt"})
    if (name.find(word) != std::string::npos) return true;
  return false;
}

// True if a credential is among them.
Result<bool> add_headers(const Provider& provider, const ApiConfig& config, const Key& key,
                         Endpoint& to) {
  bool credential = !key.secret.empty();
  set_header(to.headers, "User-Agent", std::string("infer/") + version());
  if (!key.secret.empty()) {
    if (auto error = check_header_value(key.field, key.secret.reveal())) return *error;
    const bool bearer = provider.key_header == "authorization";
    set_header(to.headers, provider.key_header, (bearer ? "Bearer " : "") + key.secret.reveal());
    to.secrets.push_back(key.secret);
  }
  for (const auto& [name, value] : config.headers) {
    if (!is_token(name))
      return wrong("headers", "headers: a name may hold letters, digits and !#$%&'*+-.^_`|~ only");
    if (auto error = check_header_value("headers." + name, value.reveal())) return *error;
    set_header(to.headers, name, value.reveal());
    if (value.empty()) continue;
    to.secrets.push_back(value);
    credential = credential || is_credential(name);
  }
  return credential;
}

std::shared_ptr<const http::Options> options_of(const ApiConfig& config) {
  auto options = std::make_shared<http::Options>();
  options->ca_file = config.ca_file;
  options->proxy = config.proxy;
  options->no_proxy = config.no_proxy;
  options->insecure_tls = config.insecure_tls;
  options->limits = config.limits;
  return options;
}

// Two bodies that are the same JSON are the same request to a cassette.
std::string canonical_body(std::string_view body) {
  const auto json = core::parse_json(body);
  return json ? core::dump_json(*json) : std::string(body);
}

std::shared_ptr<const http::Transport> transport_of(const ApiConfig& config,
                                                    const Endpoint& endpoint) {
  if (!config.cassette) return http::curl_transport();
  std::vector<std::string> secrets;
  for (const Secret& secret : endpoint.secrets) secrets.push_back(secret.reveal());
  return http::cassette_transport(*config.cassette, http::curl_transport(), std::move(secrets),
                                  canonical_body);
}

}  // namespace

std::optional<Error> check_header_value(const std::string& field, std::string_view value) {
  for (const char c : value) {
    if (c == '\r' || c == '\n' || c == '\0')
      return wrong(field, field + " holds a line break or a NUL; remove it");
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == 0x7f)
      return wrong(field, field + " holds a control character; remove it");
  }
  return std::nullopt;
}

std::string environment(std::string_view name) {
  const char* const value = std::getenv(std::string(name).c_str());
  return value ? value : "";
}

Result<Endpoint> endpoint_of(const Provider& provider, const ApiConfig& config,
                             std::vector<http::Header> headers) {
  auto address = address_of(url_of(provider, config));
  if (!address) return std::move(address.error()).with_provider(std::string(provider.scheme));
  Endpoint endpoint;
  endpoint.provider = provider.scheme;
  endpoint.base_url = address->base_url;
  endpoint.origin = address->origin;
  endpoint.custom = address->base_url != provider.base_url;
  endpoint.issuer = endpoint.provider;
  if (endpoint.custom) endpoint.issuer += '@' + endpoint.origin;
  const Key key = key_of(provider, config);
  for (const http::Header& header : headers)
    if (auto error = check_header_value(header.name, header.value))
      return std::move(*error).with_provider(std::string(provider.scheme));
  endpoint.headers = std::move(headers);
  const auto credential = add_headers(provider, config, key, endpoint);
  if (!credential) return Error(credential.error()).with_provider(std::string(provider.scheme));
  const bool replays = config.cassette && config.cassette->mode == Cassette::Mode::kReplay;
  if (!*credential && !endpoint.custom && !replays)
    return Error(Errc::kUnauthorized,
                 "no key; set " + std::string(provider.key_variable) + " or ApiConfig::key")
        .with_provider(std::string(provider.scheme));
  if (address->plain && *credential && !is_loopback(address->host) && !config.allow_plain_http)
    return Error(Errc::kForbidden,
                 "the key would go over plain http to " + address->host +
                     ", where anyone on the way can read it; use https, or set allow_plain_http")
        .with_provider(std::string(provider.scheme))
        .with_detail("field", "base_url");
  endpoint.timeouts = config.timeouts;
  if (!endpoint.timeouts.connect) endpoint.timeouts.connect = kConnect;
  if (!endpoint.timeouts.first) endpoint.timeouts.first = kFirst;
  if (!endpoint.timeouts.idle) endpoint.timeouts.idle = kIdle;
  ApiConfig reached = config;
  if (address->plain && is_loopback(address->host)) {
    // A proxy is another machine, and the key would reach it in clear.
    if (config.proxy.empty()) reached.proxy = "none";
    if (reached.proxy != "none" && *credential && !config.allow_plain_http)
      return Error(Errc::kForbidden,
                   "the key would go over plain http to a proxy; set proxy to \"none\", or "
                   "allow_plain_http")
          .with_provider(std::string(provider.scheme))
          .with_detail("field", "proxy");
  }
  endpoint.options = options_of(reached);
  endpoint.transport = transport_of(config, endpoint);
  return endpoint;
}

}  // namespace infer::cloud
