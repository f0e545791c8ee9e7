// How a provider is reached, as the command line has it. Keys are never taken there: every user of
// a machine can read the command lines of all.
#ifndef INFER_APPS_CLOUD_OPTIONS_H_
#define INFER_APPS_CLOUD_OPTIONS_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "infer/cloud.h"
#include "infer/error.h"
#include "infer/result.h"

namespace infer::cli {

// A provider that the library reaches: what cloud.h says of its environment.
struct CloudProvider {
  const char* scheme;
  const char* key_variable;
  const char* url_variables[2];  // the first that is set
  const char*
      token_variables[2];  // that do instead of the key, both together; null: there are none
  const char* some_model;  // what to open to see that a model can be reached
};
std::span<const CloudProvider> cloud_providers();
// The provider of a model, by its id; null for a model that is loaded here.
const CloudProvider* provider_of(std::string_view id);

struct CloudOptions {
  std::optional<std::string> base_url{};
  std::optional<std::string> key_variable{};  // the environment variable that holds the key
  std::optional<std::string> ca_file{};
  std::optional<std::string> proxy{};
  std::string text_api{};              // "auto", "chat", "responses"; empty: as if it were "auto"
  std::optional<double> cold_start{};  // seconds
  bool no_retry = false;

  // The name of an option that was given; null: none.
  const char* given() const;
};

// kUnauthorized if the named variable is not set, kInvalidRequest for an API that is none. Its name
// is never told: who gives the key itself by mistake must not find it in a log.
Result<ApiConfig> api_config_of(const CloudOptions& options);

// What is told while a request waits to be sent again: "rate_limited: openai: ... (http 429);
// trying again in 2.0 s (2 of 3)". `attempt` failed, counted from 1; at most `attempts` are made.
std::string retry_text(const Error& error, std::uint32_t attempt, std::chrono::milliseconds wait,
                       std::uint32_t attempts);

// What is found of a provider without asking it anything.
struct ProviderStatus {
  const CloudProvider* provider = nullptr;
  bool key = false;  // whether one, or a token, is set; what it is stays unknown to all that prints
  std::string address{};  // that is asked
  std::string from{};     // the variable that says so; empty: the provider's own
  std::string problem{};  // not empty: why it cannot be asked at all
};
ProviderStatus look_at(const CloudProvider& provider);

// An address without what stands before its '@', which may be a password.
std::string without_credentials(std::string_view url);

}  // namespace infer::cli

#endif  // INFER_APPS_CLOUD_OPTIONS_H_
