#include "apps/infer/load_options.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <initializer_list>
#include <string_view>
#include <system_error>
#include <utility>

#include "apps/infer/request_file.h"

namespace infer::cli {
namespace {

// The library takes no path that depends on where the program was started.
std::string absolute(const std::string& path) {
  std::error_code failed;
  const auto whole = std::filesystem::absolute(path, failed);
  return failed ? path : whole.string();
}

// Absolute paths; "WORD=FILE" is taken apart.
std::optional<Error> read_parts(const LoadOptions& o, LocalConfig& local) {
  ImageParts parts = o.parts;
  for (std::string* path : {&parts.vae, &parts.taesd, &parts.clip_l, &parts.clip_g, &parts.t5xxl,
                            &parts.llm, &parts.llm_vision, &parts.clip_vision, &parts.control_net,
                            &parts.photo_maker, &parts.upscaler})
    if (!path->empty()) *path = absolute(*path);
  for (const std::string& text : o.embeddings) {
    const std::size_t equals = text.find('=');
    if (equals == 0 || equals == std::string::npos || equals + 1 == text.size())
      return Error(Errc::kInvalidRequest,
                   "--embedding: '" + text + "' is not WORD=FILE, such as cat=cat.safetensors")
          .with_detail("field", "embedding");
    parts.embeddings[text.substr(0, equals)] = absolute(text.substr(equals + 1));
  }
  if (parts != ImageParts{}) local.parts = std::move(parts);
  return std::nullopt;
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
  if (auto error = read_parts(o, local)) return *error;
  config.emplace<LocalConfig>(std::move(local));
  return config;
}

Error misplaced(const char* option, const std::string& what) {
  return Error(Errc::kInvalidRequest, std::string(option) + " is for " + what + "; leave it out")
      .with_detail("field", std::string(option).substr(2));
}

// A path to a file with one of these endings is a model of `scheme`; all else is a name already.
std::string of_a_file(const std::string& name, const char* scheme,
                      std::initializer_list<std::string_view> endings) {
  const std::size_t mark = name.find_first_of(":/");
  const bool has_scheme = mark != std::string::npos && name[mark] == ':';
  const bool is_file = std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
    return std::string_view(name).ends_with(ending);
  });
  if (has_scheme || !is_file) return name;
  // A local model's name is a path if it holds a '/'.
  return scheme + (mark == std::string::npos ? "./" + name : name);
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
  adapter.path = absolute(adapter.path);
  return adapter;
}

std::string model_id(const std::string& name) { return of_a_file(name, "llama:", {".gguf"}); }

std::string image_model_id(const std::string& name) {
  return of_a_file(name, "diffusion:", {".gguf", ".safetensors", ".ckpt"});
}

}  // namespace infer::cli
