#include "apps/infer/load_options.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "apps/infer/request_file.h"

namespace infer::cli {
namespace {

// "PATH" or "PATH=SCALE"; a path may hold a '=' where no number follows it.
LoraAdapter adapter_of(const std::string& text) {
  LoraAdapter adapter{.path = text};
  const std::size_t equals = text.rfind('=');
  if (equals != std::string::npos) {
    double scale = 1;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data() + equals + 1, end, scale);
    if (error == std::errc() && at == end) {
      adapter.scale = scale;
      adapter.path.resize(equals);
    }
  }
  // The library takes no path that depends on where the program was started.
  std::error_code ignored;
  const auto absolute = std::filesystem::absolute(adapter.path, ignored);
  if (!ignored) adapter.path = absolute.string();
  return adapter;
}

std::vector<std::string> device_list(const std::string& text) {
  std::vector<std::string> names;
  if (text == "none") return names;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    names.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return names;
}

Result<Config> local_config(const LoadOptions& o) {
  Config config;
  if (o.config && o.given)
    return Error(Errc::kInvalidRequest,
                 "--config cannot be used beside other options for loading a model; put them into "
                 "it")
        .with_detail("field", "config");
  if (o.config) {
    if (auto error = check_object("--config", *o.config)) return *error;
    config.emplace<PluginConfig>().json = *o.config;
  }
  if (!o.given) return config;
  LocalConfig local = o.local;
  if (o.devices) local.devices = device_list(*o.devices);
  for (const std::string& adapter : o.adapters) {
    if (!local.adapters) local.adapters.emplace();
    local.adapters->push_back(adapter_of(adapter));
  }
  if (o.chat_template) {
    auto text = read_text_file("--chat-template", *o.chat_template);
    if (!text) return text.error();
    if (text->empty())
      return Error(Errc::kInvalidRequest, "--chat-template: " + *o.chat_template + " is empty")
          .with_detail("field", "chat_template");
    local.chat_template = std::move(*text);
  }
  config.emplace<LocalConfig>(std::move(local));
  return config;
}

Error misplaced(const char* option, const std::string& what) {
  return Error(Errc::kInvalidRequest, std::string(option) + " is for " + what + "; leave it out")
      .with_detail("field", std::string(option).substr(2));
}

}  // namespace

Result<Config> config_of(const LoadOptions& o, const std::string& id) {
  if (!provider_of(id)) {
    if (const char* option = o.cloud.given())
      return misplaced(option, "models of a provider, and " + id + " is loaded here");
    return local_config(o);
  }
  if (const char* option = o.given ? o.given : o.config ? "--config" : nullptr)
    return misplaced(option, "models that are loaded here, and " + id + " is a provider's");
  auto api = api_config_of(o.cloud);
  if (!api) return api.error();
  return Config(std::move(*api));
}

LoadOptions options_for(const std::string& id, const std::string& first, LoadOptions options) {
  if (!provider_of(id)) {
    options.cloud = {};
    return options;
  }
  LoadOptions mine{.cloud = options.cloud, .verbose = options.verbose};
  if (provider_of(id) != provider_of(first)) {
    mine.cloud.base_url.reset();
    mine.cloud.key_variable.reset();
  }
  return mine;
}

std::string model_id(const std::string& name) {
  constexpr std::string_view kSuffix = ".gguf";
  const std::size_t scheme = name.find_first_of(":/");
  const bool has_scheme = scheme != std::string::npos && name[scheme] == ':';
  if (has_scheme || !std::string_view(name).ends_with(kSuffix)) return name;
  // A local model's name is a path if it holds a '/'.
  return "llama:" + (scheme == std::string::npos ? "./" + name : name);
}

}  // namespace infer::cli
