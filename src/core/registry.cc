#include "infer/registry.h"

#include <algorithm>
#include <utility>

#if defined(INFER_CLOUD)
#include "src/cloud/backend.h"
#endif
#include "src/plugin/backend.h"
#include "src/plugin/library.h"

namespace infer {
inline namespace v0 {

namespace {

bool is_scheme(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '+';
  });
}

// What stands behind the colon of the example is what the caller wrote, if that is a file.
Error no_scheme(std::string_view id) {
  if (id.empty())
    return Error(Errc::kInvalidRequest,
                 "no model is named; write scheme:name, such as llama:tiny-chat");
  const std::string name(id);
  const bool paints = id.ends_with(".safetensors") || id.ends_with(".ckpt");
  const bool is_file = paints || id.find('/') != std::string_view::npos || id.ends_with(".gguf");
  const std::string scheme = paints ? "diffusion:" : "llama:";
  return Error(Errc::kInvalidRequest,
               "'" + name + "' needs a scheme, such as " + scheme +
                   (is_file ? name : "tiny-chat or llama:/path/to/file.gguf"));
}

}  // namespace

Registry Registry::with_plugins() {
  Registry registry;
  registry.plugins_ = true;
  return registry;
}

const Registry& Registry::builtin() {
  static const Registry* const one = [] {
    auto* registry = new Registry(with_plugins());
#if defined(INFER_CLOUD)
    cloud::add_providers(*registry);
#endif
    return registry;
  }();
  return *one;
}

Result<void> Registry::add(std::string scheme, Factory factory) {
  if (!is_scheme(scheme))
    return Error(Errc::kInvalidRequest,
                 "'" + scheme + "' is not a scheme: lower-case letters, digits, '-' and '+' only");
  if (!factory) return Error(Errc::kInvalidRequest, "the scheme '" + scheme + "' has no factory");
  if (!factories_.emplace(scheme, std::move(factory)).second)
    return Error(Errc::kInvalidRequest, "the scheme '" + scheme + "' is taken");
  return {};
}

std::vector<std::string> Registry::schemes() const {
  std::vector<std::string> list;
  for (const auto& [scheme, factory] : factories_) list.push_back(scheme);
  if (!plugins_) return list;
  for (const PluginFile& file : list_plugins())
    if (file.problem.empty() && factories_.count(file.scheme) == 0) list.push_back(file.scheme);
  std::sort(list.begin(), list.end());
  return list;
}

Result<std::shared_ptr<const Backend>> Registry::open(std::string_view id, const Config& config,
                                                      const Load& load) const {
  const std::size_t colon = id.find(':');
  const std::string_view scheme = id.substr(0, colon);
  if (colon == std::string_view::npos || !is_scheme(scheme)) return no_scheme(id);
  const std::string_view rest = id.substr(colon + 1);
  if (const auto found = factories_.find(scheme); found != factories_.end())
    return found->second(rest, config, load);
  if (!plugins_) {
    std::string known;
    for (const auto& [name, factory] : factories_) known += (known.empty() ? "" : ", ") + name;
    return Error(Errc::kNotFound, "this registry has no backend '" + std::string(scheme) +
                                      "'; it has: " + (known.empty() ? "none" : known));
  }
  auto library = plugin::find(scheme);
  if (!library) return library.error();
  return plugin::open_model(**library, rest, config, load);
}

Result<TextModel> Registry::text(std::string_view id, const Config& config,
                                 const Load& load) const {
  auto backend = open(id, config, load);
  if (!backend) return backend.error();
  return TextModel(std::move(*backend));
}
Result<ImageModel> Registry::image(std::string_view id, const Config& config,
                                   const Load& load) const {
  auto backend = open(id, config, load);
  if (!backend) return backend.error();
  return ImageModel(std::move(*backend));
}
Result<EmbeddingModel> Registry::embedding(std::string_view id, const Config& config,
                                           const Load& load) const {
  auto backend = open(id, config, load);
  if (!backend) return backend.error();
  return EmbeddingModel(std::move(*backend));
}
Result<RerankModel> Registry::rerank(std::string_view id, const Config& config,
                                     const Load& load) const {
  auto backend = open(id, config, load);
  if (!backend) return backend.error();
  return RerankModel(std::move(*backend));
}

Result<TextModel> text(std::string_view id, const Config& config, const Load& load) {
  return Registry::builtin().text(id, config, load);
}
Result<ImageModel> image(std::string_view id, const Config& config, const Load& load) {
  return Registry::builtin().image(id, config, load);
}
Result<EmbeddingModel> embedding(std::string_view id, const Config& config, const Load& load) {
  return Registry::builtin().embedding(id, config, load);
}
Result<RerankModel> rerank(std::string_view id, const Config& config, const Load& load) {
  return Registry::builtin().rerank(id, config, load);
}

const char* version() noexcept { return INFER_VERSION_STRING; }

}  // namespace v0
}  // namespace infer
