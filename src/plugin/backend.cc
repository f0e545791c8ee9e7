#include "src/plugin/backend.h"

#include <utility>

#include "src/local/card.h"
#include "src/local/discovery.h"
#include "src/plugin/config.h"
#include "src/plugin/model.h"
#include "src/plugin/source.h"

namespace infer::plugin {
namespace {

class PluginBackend final : public Backend {
 public:
  PluginBackend(std::shared_ptr<const Model> model, ModelInfo info)
      : model_(std::move(model)), info_(std::move(info)) {}
  const ModelInfo& info() const noexcept override { return info_; }
  std::unique_ptr<Source> open(std::shared_ptr<const Request> request,
                               const Call& call) const override {
    return open_source(*model_, *request, call);
  }

 private:
  std::shared_ptr<const Model> model_;
  ModelInfo info_;
};

// The scheme whose models a plugin of this one loads: without the flavour.
std::string_view models_of(std::string_view scheme) {
  for (const std::string_view flavour : kFlavours)
    if (!flavour.empty() && scheme.ends_with(flavour))
      return scheme.substr(0, scheme.size() - flavour.size());
  return scheme;
}

// A plugin that was given no file and finds nothing does not know where we looked.
Error say_where(const Error& error, const std::string& scheme, const std::string& name) {
  if (name.empty())
    return Error(Errc::kNotFound, "no model is named; write a name or a path after the colon")
        .with_provider(scheme);
  std::string searched;
  for (const std::string& directory : model_directories(models_of(scheme)))
    searched += (searched.empty() ? "" : ", ") + directory;
  const bool paints = models_of(scheme) == "diffusion";
  return Error(Errc::kNotFound, "no model '" + name + "' in " +
                                    (searched.empty() ? "any model directory" : searched) +
                                    "; give a path (" + scheme + ":/path/to/file) or set " +
                                    (paints ? "DIFFUSION_MODELS_PATH or " : "") +
                                    "MODELS_PATH. The plugin says: " + error.message())
      .with_provider(scheme);
}

}  // namespace

Result<std::shared_ptr<const Backend>> open_model(const Library& library, std::string_view rest,
                                                  const Config& config, const Load& load) {
  ModelSpec spec;
  spec.name = std::string(rest);
  auto path = local::find_model(models_of(library.scheme), rest);
  if (!path) return std::move(path.error()).with_provider(library.scheme);
  spec.path = std::move(*path);
  auto json = config_json(config);
  if (!json) return std::move(json.error()).with_provider(library.scheme);
  local::Card card;
  if (!spec.path.empty()) {
    auto beside = local::read_card(spec.path);
    if (!beside) return std::move(beside.error()).with_provider(library.scheme);
    card = std::move(*beside);
  }
  const MergedConfig merged = MergedConfig::of(*json, card.config, card.file);
  spec.config = merged.text();
  auto model = Model::load(library, spec, load);
  if (!model) {
    if (model.error().code() == Errc::kNotFound && spec.path.empty())
      return say_where(model.error(), library.scheme, spec.name);
    return merged.explained(std::move(model.error())).with_provider(library.scheme);
  }
  auto info = (*model)->describe(spec);
  if (!info) return std::move(info.error()).with_provider(library.scheme);
  return std::make_shared<PluginBackend>(std::move(*model), std::move(*info));
}

}  // namespace infer::plugin
