// What providers offer. Here, not in src/cloud: it is declared also where no provider is built.
#include <string>

#include "infer/cloud.h"
#if defined(INFER_CLOUD)
#include "src/cloud/backend.h"
#endif

namespace infer {
inline namespace v0 {

namespace {

Error no_list(std::string_view scheme, const char* why) {
  return Error(Errc::kUnsupported, "'" + std::string(scheme) + "'" + why)
      .with_detail("field", "scheme");
}

#if defined(INFER_CLOUD)
using Lister = Result<std::vector<ListedModel>> (*)(const ApiConfig&, const Call&);

Lister lister_of(std::string_view scheme) {
  if (scheme == "openai") return &cloud::list_openai;
  if (scheme == "anthropic") return &cloud::list_anthropic;
  if (scheme == "groq") return &cloud::list_groq;
  if (scheme == "modal") return &cloud::list_modal;
  return nullptr;
}
#endif

}  // namespace

Result<std::vector<ListedModel>> list_models(std::string_view scheme,
                                             [[maybe_unused]] const ApiConfig& config,
                                             [[maybe_unused]] const Call& call) {
#if defined(INFER_CLOUD)
  const Lister lister = lister_of(scheme);
  if (!lister)
    return no_list(scheme,
                   " has no list of models to ask for; openai, anthropic, groq and modal "
                   "have one");
  auto models = lister(config, call);
  // The provider's own word for a model becomes the name that text() takes.
  if (models)
    for (ListedModel& model : *models) model.id.insert(0, std::string(scheme) + ":");
  return models;
#else
  return no_list(
      scheme,
      " cannot be asked for its models: this library was built without providers (INFER_CLOUD)");
#endif
}

}  // namespace v0
}  // namespace infer
