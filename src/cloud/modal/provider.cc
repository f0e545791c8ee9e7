// modal: an app that its user has deployed. Either it speaks OpenAI's API, as vLLM does, or it is a
// function with a JSON of its own.
#include <algorithm>
#include <chrono>
#include <utility>

#include "src/cloud/batch.h"
#include "src/cloud/modal/modal.h"
#include "src/cloud/openai/openai.h"
#include "src/core/from_now.h"

namespace infer::cloud {
namespace {

using std::chrono::milliseconds;

// What the first content is waited for at least, however fast an app starts.
constexpr milliseconds kLeastFirst = std::chrono::seconds(600);
// A result that takes 50 minutes is 20 redirects; a day of it, which is the most that Modal lets a
// function run, is 576.
constexpr int kMostHops = 1000;

struct ModalKey {
  const char* header;
  const char* field;
  const char* variable;
  const Secret& given;
};

milliseconds cold_start_limit(const ApiConfig& config) {
  return config.cold_start.value_or(kColdStart);
}

// Both halves of the proxy auth token, or none.
std::optional<Error> add_proxy_token(const ModalAddress& address, const ApiConfig& config,
                                     ApiConfig& to) {
  const ModalKey keys[] = {
      {"Modal-Key", "modal_key", "MODAL_PROXY_TOKEN_ID", config.modal_key},
      {"Modal-Secret", "modal_secret", "MODAL_PROXY_TOKEN_SECRET", config.modal_secret}};
  // Halves of two tokens are none: what the config names is not filled up from the environment.
  const bool given = !config.modal_key.empty() || !config.modal_secret.empty();
  const ModalKey* missing = nullptr;
  const ModalKey* found = nullptr;
  std::vector<std::pair<std::string, Secret>> headers;
  for (const ModalKey& key : keys) {
    const std::string name = given ? key.field : key.variable;
    Secret value = key.given;
    if (!given && address.environment_keys) value = Secret(environment(key.variable));
    (value.empty() ? missing : found) = &key;
    if (value.empty()) continue;
    if (auto error = check_header_value(name, value.reveal())) return error;
    headers.emplace_back(key.header, std::move(value));
  }
  if (missing && found) {
    const auto name = [&](const ModalKey& key) {
      return given ? std::string("ApiConfig::") + key.field : std::string(key.variable);
    };
    return Error(Errc::kInvalidRequest,
                 name(*found) + " is set and " + name(*missing) +
                     " is not: a proxy auth token has two halves; set both, or none")
        .with_detail("field", given ? missing->field : missing->variable);
  }
  // Before the config's own headers, which win.
  to.headers.insert(to.headers.begin(), headers.begin(), headers.end());
  return std::nullopt;
}

std::shared_ptr<const Backend> with_cold_start(std::shared_ptr<const Wire> wire, Endpoint endpoint,
                                               ModelInfo info, const ApiConfig& config) {
  const milliseconds first = endpoint.timeouts.first.value_or(kLeastFirst);
  return make_cold_start({.limit = cold_start_limit(config)}, first,
                         make_backend(std::move(wire), std::move(endpoint), std::move(info)));
}

// One GET whose answer is not looked at: that it comes is all.
class SignOfLife final : public Reader {
 public:
  void head(const http::HttpHead&) override { came_ = true; }
  std::optional<Error> event(std::string_view, std::string_view, EventQueue&) override {
    return std::nullopt;
  }
  std::optional<Error> whole(std::string_view, EventQueue&) override { return std::nullopt; }
  bool proven() const override { return came_; }
  bool done() const override { return came_; }
  void close(EventQueue& out) override {
    out.start({});
    out.finish(0, Finish::kStop, {});
  }
  bool takes(std::string_view) const override { return true; }

 private:
  bool came_ = false;
};

class SignOfLifeWire final : public Wire {
 public:
  explicit SignOfLifeWire(std::string path) : path_(std::move(path)) {}
  Result<Outgoing> write(const Request&, const Call&) const override {
    Outgoing outgoing;
    outgoing.method = "GET";
    outgoing.path = path_;
    outgoing.reader = std::make_unique<SignOfLife>();
    return outgoing;
  }
  Complaint complaint(std::string_view body) const override { return openai_complaint(body); }

 private:
  std::string path_;
};

// A function that nobody told how to be well says that it is awake by any answer of its own, be it
// that a GET is not for it.
bool is_awake(const Error& error, bool any_answer) {
  const int status = error.http_status();
  if (status >= 200 && status < 300) return true;  // an empty body, say
  return any_answer && !said_by_modal(error) && status >= 400 &&
         error.code() != Errc::kUnauthorized && error.code() != Errc::kForbidden && status != 502 &&
         status != 503 && status != 504;
}

Error not_awake(const Error& error, milliseconds limit) {
  std::string waited(error.detail("cold_start"));
  if (waited.empty()) waited = std::to_string(limit.count());
  return Error(Errc::kTimeout, "the app did not start: " + error.message())
      .with_provider(error.provider())
      .with_http_status(error.http_status())
      .with_body(error.body())
      .with_detail("timeout", "cold_start")
      .with_detail("cold_start", std::move(waited))
      .with_detail("attempts", std::string(error.detail("attempts")));
}

Result<void> wait_until_awake(const Endpoint& endpoint, const ApiConfig& config, const Call& call) {
  const JsonFunction* const function = config.function ? &*config.function : nullptr;
  const bool any_answer = function && function->health.empty();
  const std::string path = function ? function->health : "/models";
  const TextModel app(
      with_cold_start(std::make_shared<SignOfLifeWire>(path), endpoint, {}, config));
  // Some apps refuse while they start, others hold the request: both are waited for as long.
  const milliseconds limit = cold_start_limit(config);
  const bool own = !call.timeouts.first && !config.timeouts.first && limit > milliseconds(0);
  Call waiting = call;
  if (own) waiting.timeouts.first = limit;
  const auto answer = app.generate("GET", waiting);
  if (answer || is_awake(answer.error(), any_answer)) return {};
  const Error& error = answer.error();
  const std::string_view timeout = error.detail("timeout");
  const bool refused = !error.detail("cold_start").empty() && timeout.empty();
  return refused || (own && timeout == "first") ? not_awake(error, limit) : error;
}

}  // namespace

Result<Endpoint> modal_endpoint(const ModalAddress& address, const ApiConfig& config) {
  const auto refused = [](Error error) {
    return std::move(error).with_provider(std::string(kModal));
  };
  if (cold_start_limit(config) < milliseconds(0))
    return refused(Error(Errc::kInvalidRequest, "cold_start is negative; 0 waits for no start")
                       .with_detail("field", "cold_start"));
  ApiConfig reached = config;
  reached.base_url = address.base_url;
  if (reached.key.empty() && address.environment_keys) {
    reached.key = Secret(environment("MODAL_API_KEY"));
    if (auto error = check_header_value("MODAL_API_KEY", reached.key.reveal()))
      return refused(std::move(*error));
  }
  if (auto error = add_proxy_token(address, config, reached)) return refused(std::move(*error));
  if (!reached.timeouts.first)
    reached.timeouts.first = std::max(cold_start_limit(config), kLeastFirst);
  auto endpoint = endpoint_of({.scheme = kModal, .key_header = "authorization"}, reached);
  if (!endpoint) return endpoint;
  auto options = std::make_shared<http::Options>(*endpoint->options);
  options->most_redirects = kMostHops;
  endpoint->options = std::move(options);
  return endpoint;
}

std::optional<Error> check_path(const char* field, const std::string& path) {
  bool fits = path.empty() || path.front() == '/';
  for (const char c : path) fits = fits && static_cast<unsigned char>(c) > ' ' && c != '#';
  if (fits && path.find('\x7f') == path.npos) return std::nullopt;
  return Error(Errc::kInvalidRequest,
               std::string(field) +
                   " is no path: it begins with '/' and holds neither spaces nor "
                   "control characters nor '#'")
      .with_provider(std::string(kModal))
      .with_detail("field", field);
}

Result<std::shared_ptr<const Backend>> open_modal(std::string_view id, const ApiConfig& config) {
  const auto address = modal_address(id, config);
  if (!address) return address.error();
  auto endpoint = modal_endpoint(*address, config);
  if (!endpoint) return std::move(endpoint.error());
  ModelInfo info{.provider = std::string(kModal), .name = std::string(id)};
  std::shared_ptr<const Wire> wire;
  if (config.function) {
    info.tools = info.json_schema = info.grammar = info.logprobs = Known::kNo;
    auto made = json_function_wire(*config.function, address->model, endpoint->issuer);
    if (!made) return std::move(made.error());
    wire = std::move(*made);
  } else {
    info.grammar = Known::kNo;
    wire = openai_wire(server_model(address->model, *endpoint, config, kCompatibleDialect));
  }
  auto backend = with_cold_start(std::move(wire), std::move(*endpoint), std::move(info), config);
  if (config.function) return backend;  // takes what it is given
  return batched(std::move(backend), {.inputs = kCompatibleDialect.batch_inputs});
}

Result<std::vector<ListedModel>> list_modal(const ApiConfig& config, const Call& call) {
  if (config.function)
    return Error(Errc::kUnsupported,
                 "a function with a JSON of its own has no list of models; leave "
                 "ApiConfig::function out for an app that speaks OpenAI's API")
        .with_provider(std::string(kModal));
  const auto address = modal_address({}, config);
  if (!address) return address.error();
  const auto endpoint = modal_endpoint(*address, config);
  if (!endpoint) return endpoint.error();
  Call own = call;
  own.deadline = std::min(call.deadline, core::from_now(call.timeouts.total));
  if (auto awake = wait_until_awake(*endpoint, config, own); !awake) return awake.error();
  return openai_models(*endpoint, own);
}

Result<void> warm_up_modal(std::string_view id, const ApiConfig& config, const Call& call) {
  const auto address = modal_address(id, config);
  if (!address) return address.error();
  if (config.function)
    if (auto error = check_path("function.health", config.function->health)) return *error;
  const auto endpoint = modal_endpoint(*address, config);
  if (!endpoint) return endpoint.error();
  return wait_until_awake(*endpoint, config, call);
}

}  // namespace infer::cloud
