// The schemes of the providers, for Registry::builtin().
#include <utility>

#include "src/cloud/backend.h"

namespace infer::cloud {
namespace {

using Open = Result<std::shared_ptr<const Backend>> (*)(std::string_view, const ApiConfig&);

void add(Registry& registry, std::string scheme, Open open) {
  const std::string name = scheme;
  // A scheme is added once, to a registry that is new: this cannot fail.
  (void)registry.add(
      std::move(scheme),
      [open, name](std::string_view model, const Config& config,
                   const Load&) -> Result<std::shared_ptr<const Backend>> {
        if (model.empty())
          return Error(Errc::kInvalidRequest, "no model is named; write " + name + ":MODEL")
              .with_provider(name);
        if (std::holds_alternative<std::monostate>(config)) return open(model, {});
        if (const auto* api = std::get_if<ApiConfig>(&config)) return open(model, *api);
        return Error(Errc::kInvalidRequest,
                     "'" + name +
                         "' is reached over HTTP and takes an ApiConfig; LocalConfig and "
                         "PluginConfig are for models that are loaded here")
            .with_provider(name);
      });
}

}  // namespace

void add_providers(Registry& registry) {
  add(registry, "openai", &open_openai);
  add(registry, "anthropic", &open_anthropic);
  add(registry, "groq", &open_groq);
  add(registry, "modal", &open_modal);
}

}  // namespace infer::cloud
